"""A policy that refuses every request beside one that serves: dashes for it everywhere, and nothing is lost."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from paged_sim import load_scenario, simulate
from paged_sim.cli import main
from paged_sim.reports.blocks import Screen
from paged_sim.reports.comparison import COMPARISON_FORMATS
from paged_sim.reports.published import FIG2, built_in_comparison, tutorial_scenarios

ONE = """
version: 1
name: one
memory: {slots: 1000}
workload:
  requests: [{prompt: 1, output: 1}]
allocators:
  - {name: max, policy: contiguous, reserve: max}
  - {name: paged, policy: paged}
"""
QUEUED = """
version: 1
name: queued
repeats: 2
memory: {slots: 100}
max_model_len: 256
workload:
  requests: 12
  prompt: {uniform: [4, 20]}
  output: {uniform: [4, 20]}
allocators:
  - {name: max, policy: contiguous, reserve: max, placement: buddy}
  - {name: p128, policy: paged, page_size: 128, prefix_cache: hash}
  - {name: p256, policy: paged, page_size: 256, prefix_cache: hash}
  - {name: p8, policy: paged, page_size: 8, prefix_cache: hash}
  - {name: p16, policy: paged, page_size: 16, prefix_cache: hash}
"""
IN_TIME = QUEUED.replace("name: queued", "name: in-time").replace(
    "workload:", "clock: {base: 36ms}\nworkload:\n  arrival: {poisson: 5/s}"
)
PROMPTS = """
version: 1
name: prompts
memory: {slots: 64}
max_model_len: 128
workload:
  requests: [{prompt: 40, output: 20}, {prompt: 50, output: 20}, {prompt: 200, output: 1}]
allocators:
  - {name: kept, policy: paged, page_size: 16, null_page: true}
  - {name: paged, policy: paged, page_size: 1}
"""
REFUSING = {"one": ["max"], "queued": ["max", "p128", "p256"], "in-time": ["max", "p128", "p256"], "prompts": ["kept"]}


@pytest.fixture(params=[ONE, QUEUED, IN_TIME, PROMPTS], ids=list(REFUSING))
def scenario(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    Path("s.yaml").write_text(str(request.param), "utf-8")
    return str(request.node.callspec.id)


def test_every_report_of_a_run_and_of_its_file(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = [part for name in ("run.json", "run.md", "run.csv", "run.txt") for part in ("-o", name)]
    beside = ["--timeline", "t.csv", "--requests", "r.csv", "--step", "0..2", "--timings", "--full"]
    assert main(["run", "s.yaml", "--plot", "p", *beside, *outputs]) == 0
    assert main(["compare", "s.yaml", "-o", "side.json", "-o", "side.txt"]) == 0
    again = ["-o", "again.txt", "-o", "again.json", "--full"]
    assert main(["report", "run.json", "--timeline", "u.csv", *again]) == 0
    assert main(["compare", "run.json", "run.json"]) == main(["compare", "run.json", "-o", "x.csv"]) == 0
    assert "internal error" not in capsys.readouterr().err
    assert Path("again.txt").read_bytes() == Path("run.txt").read_bytes()
    assert Path("t.csv").read_bytes() == Path("u.csv").read_bytes()
    assert {f"{scenario}-ledger.png", f"{scenario}-over-time.png"} <= {path.name for path in Path("p").iterdir()}
    assert all(len(line) <= 80 for line in Path("run.txt").read_text("utf-8").splitlines())


def test_its_numbers_are_empty(scenario: str) -> None:
    assert main(["run", "s.yaml", "-o", "run.json", "-o", "run.csv", "-o", "run.txt", "--full"]) == 0
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(Path("run.csv").read_text()))}
    text = Path("run.txt").read_text("utf-8")
    for entry in json.loads(Path("run.json").read_text())["runs"]:
        name = entry["name"]
        assert (entry["requests"]["finished"] == 0) == (name in REFUSING[scenario])
        if name in REFUSING[scenario]:
            assert entry["latency"]["queue"]["mean"] is entry["fill"]["mean"] is None
            assert rows[name]["latency.total.p99"] == rows[name]["fill.at_finish"] == ""
        if entry["time"]["end"] == 0:
            assert (
                entry["paper_view"]["internal"]
                is entry["waiting"]["share"]
                is entry["ledger"]["all"]["idle"]["mean"]
                is None
            )
            assert any(line.split() == [name, "no", "step"] for line in text.splitlines())
            paper = [
                line.split() for line in text.partition("Paper view")[2].splitlines() if line.startswith(name + " ")
            ]
            assert paper == [[name, "all", *["-"] * 6]]
        if (cache := entry["sharing"]["prefix_cache"]) and name in REFUSING[scenario]:
            assert cache["hit_rate"] is None


CHECKS = """
checks:
  max.occupancy.mean: ">= 0.1"
  max.fill.at_finish: {check: ">= 0", level: warn}
  p128.sharing.prefix_cache.hit_rate: ">= 0"
  p256.latency.queue: "p99 <= 3"
  p128.waiting.share: "<= 1"
  max.paper_view.internal: "<= baseline"
  p8.requests.finished: "== 24"
"""


def test_its_checks_fail_and_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    Path("s.yaml").write_text(QUEUED + CHECKS, "utf-8")
    others = ["--junit", "j.xml", "--markdown", "m.md", "--annotations", "github"]
    assert main(["check", "s.yaml", "--save-baseline", "base.json", *others]) == 99
    out, err = capsys.readouterr()
    assert "Checks: 1 of 7 pass" in out
    assert "The policy refused every request, so there is no such number." in " ".join(out.split())
    assert "max made no step: there is nothing in its ledger." in out
    assert "::error file=s.yaml,line=" in err
    assert "max.occupancy.mean is empty, expected >= 0.1" in err
    assert Path("j.xml").read_text().count("<failure ") == 5 - 1
    assert main(["check", "s.yaml", "--baseline", "base.json"]) == 99
    assert "FAIL     max.paper_view.internal" in capsys.readouterr().out


def test_in_the_built_in_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    small = "memory.slots=1000"
    tutorial = [simulate(load_scenario(name, overrides=(small,))).to_json() for name in tutorial_scenarios()]
    few = ("workload.requests=20", "measure.warmup_requests=0", "repeats=1")
    comparison = built_in_comparison(tutorial, simulate(load_scenario(FIG2, overrides=(small, *few))).to_json())
    forms = {shape: write(comparison, Screen()) for shape, write in COMPARISON_FORMATS.items()}
    assert json.loads(forms["json"])["tutorial"]["naive"] == [None] * 5
    text = forms["table"]
    assert ["naive", "-", "-", "-", "-", "-"] in [line.split() for line in text.splitlines()]
    assert any(line.split() == ["orca-max", "measured", *["-"] * 5] for line in text.splitlines())


def test_a_report_that_fails_loses_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    Path("s.yaml").write_text(ONE, "utf-8")

    def fail(*_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr("paged_sim.reports.run_report.headline", fail)
    wanted = ["-o", "run.txt", "-o", "run.json", "--plot", "p", "--timeline", "t.csv", "--requests", "r.csv"]
    assert main(["run", "s.yaml", *wanted]) == 1
    assert json.loads(Path("run.json").read_text())["runs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "r.csv", "run.json", "s.yaml", "t.csv"]
