"""`paged-sim compare`: published numbers, the policies of a scenario, saved runs."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from test_reports_sample import document, sample_run

from paged_sim.cli import main
from paged_sim.reports.comparison import METRICS, across_files, change
from paged_sim.reports.published import built_in_comparison, published, tutorial_scenarios
from paged_sim.run import ACCOUNTS, Run


def rows_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def saved(tmp_path: Path) -> list[Path]:
    """Three saved runs: the third lacks a policy."""
    documents = [document(), document(), document("vllm")]
    for number, sample in enumerate(documents):
        for entry in sample["runs"]:
            entry["batch"] = {**entry["batch"], "mean": entry["batch"]["mean"] * (1 + number)}
    paths = [tmp_path / f"{name}.json" for name in "abc"]
    for path, sample in zip(paths, documents, strict=True):
        path.write_text(json.dumps(sample), "utf-8")
    return paths


def compare(*arguments: str | Path) -> int:
    return main(["compare", *map(str, arguments)])


def test_saved_runs_policy_by_policy(saved: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(*saved[:2]) == 0
    out = capsys.readouterr().out
    assert out.startswith("━━ 2 saved runs; changes are against a.json")
    assert ["sequences", "held,", "mean", "34.30", "68.60", "+100.0%"] in rows_of(out)
    assert ["occupancy,", "mean", "96.2%", "96.2%", "="] in rows_of(out)


def test_a_policy_that_a_file_lacks(saved: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(*saved) == 0
    text = capsys.readouterr().out
    assert ["sequences", "held,", "mean", "7.00", "14.00", "+100.0%", "-", "-"] in rows_of(text)


def test_saved_runs_as_csv_and_json(saved: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(*saved, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 3 * (len(METRICS) + len(ACCOUNTS))
    assert rows[0] == {
        "policy": "sample: orca-max",
        "metric": "batch.mean",
        "a.json": "7.0",
        "b.json": "14.0",
        "c.json": "",
        "over": "saturated",
    }
    assert compare(*saved, "--format", "json", "-o", tmp_path / "out") == 0
    assert json.loads((tmp_path / "out").read_text())["files"] == ["a.json", "b.json", "c.json"]


def test_one_saved_run_shows_its_policies(saved: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(saved[0]) == 0
    out = capsys.readouterr().out
    assert "Policies side by side" in out
    assert ["metric", "orca-max", "orca-pow2", "vllm"] in rows_of(out)


def test_files_of_one_name_are_told_apart(
    saved: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").mkdir()
    other = tmp_path / "x" / "a.json"
    other.write_bytes(saved[1].read_bytes())
    assert compare(saved[0], other, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["files"] == [str(saved[0]), str(other)]


def test_a_file_of_several_runs(saved: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = tmp_path / "both.json"
    second = {**document("vllm"), "scenario": {"name": "other"}}
    both.write_text(json.dumps([document("vllm"), second]), "utf-8")
    assert compare(both) == 0
    out = capsys.readouterr().out
    assert "sample: vllm" in out
    assert "other: vllm" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "run.json:1:2: not JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"[]", "no saved run"),
        (b"3", "no saved run"),
        (b'{"version": 1, "scenario": 3}', "no saved run"),
        (b'{"version": 1, "scenario": {"name": "x"}, "runs": []}', "no saved run"),
        (b'{"version": 1, "scenario": {"name": "x"}, "runs": [{"name": "a"}]}', "no saved run"),
    ],
)
def test_what_is_no_saved_run(content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    assert compare(path, path) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_changes() -> None:
    by_path = {metric.path: metric for metric in METRICS}
    share, number = by_path["occupancy.mean"], by_path["steps"]
    assert change(share, 0.5, 0.521) == "+2.1 pt"
    assert change(number, 200, 150) == "-25.0%"
    assert change(number, 0, 150) == "+150"
    assert change(number, 3, 3) == "="
    assert change(number, None, 3) == change(number, 3, None) == "-"
    assert across_files([("a", [document("vllm")])]).data


def test_a_scenario_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("seed-section4-10") == 0
    out = capsys.readouterr().out
    assert ["metric", "naive", "paged"] in rows_of(out)
    assert ["fill", "at", "finish", "28.8%", "98.7%"] in rows_of(out)
    assert compare("seed-section4-10", "--format", "csv") == 0
    assert capsys.readouterr().out.startswith("metric,naive,paged,over\nbatch.mean,")
    assert compare("seed-section4-10", "--format", "markdown") == 0
    assert "| metric | naive | paged |" in capsys.readouterr().out


@pytest.fixture
def fig2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate the tutorial's scenarios really, and take the hand-made run for Fig. 2, which takes long."""
    from paged_sim import simulation

    real = simulation.simulate

    def simulate(scenario: Any, **given: Any) -> Run:
        return sample_run(scenario="vllm-fig2") if scenario.name == "vllm-fig2" else real(scenario, **given)

    monkeypatch.setattr("paged_sim.simulation.simulate", simulate)
    monkeypatch.setattr("paged_sim.checks.evaluate", lambda document, checks, baseline: [])
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")


@pytest.mark.usefixtures("fig2")
def test_the_built_in_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare() == 0
    out = capsys.readouterr().out
    assert ["batch", "size", "10", "25", "50", "100", "200"] in rows_of(out)
    assert ["naive", "28.8", "21.1", "23.9", "24.9", "25.1"] in rows_of(out)
    assert ["paged", "98.7", "98.2", "98.5", "98.6", "98.5"] in rows_of(out)
    assert "the same to the printed digit" in squeezed(out)
    assert "vllm holds 4.9x the sequences of orca-max" in squeezed(out)


def test_published_numbers_beside_measured_ones() -> None:
    facts = published()["tutorial"]
    tutorial = []
    for index in range(5):
        runs = [{"name": name, "fill": {"at_finish": facts[name][index] / 100}} for name in ("naive", "paged")]
        tutorial.append({"scenario": {"name": f"t{index}"}, "runs": runs})
    sample = document()
    comparison = built_in_comparison(tutorial, sample)
    assert {row["part"] for row in comparison.rows} == {"tutorial", "vllm-fig2"}
    assert len(comparison.rows) == 2 * 5 + 3 * 4 + 3
    worse = copy.deepcopy(tutorial)
    worse[0]["runs"][0]["fill"]["at_finish"] = 0.5
    (said,) = [
        block.text
        for block in built_in_comparison(worse, sample).blocks
        if "not the same" in getattr(block, "text", "")
    ]
    assert "naive 28.8 21.1 23.9 24.9 25.1" in said


def test_the_scenarios_of_the_tutorial() -> None:
    assert tutorial_scenarios() == [f"seed-section4-{batch}" for batch in (10, 25, 50, 100, 200)]
