"""`paged-sim run`: results in every form, figures and timelines, checks, and what ends with exit code 1."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from test_reports_sample import sample_run

from paged_sim.cli import main
from paged_sim.oplog.records import read_records
from paged_sim.run import Run

SMALL = """
version: 1
name: small
memory: {slots: 400}
max_model_len: 128
model: {bytes_per_slot: 1KiB}
workload: {requests: 12, prompt: 20, output: 30}
allocators:
  - {name: reserved, policy: contiguous, reserve: max, placement: first_fit}
  - {name: paged, policy: paged, page_size: 16}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, "utf-8")
    return path


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the simulation by the hand-made run; what it was called with is in the list."""
    calls: list[dict[str, Any]] = []

    def simulate(scenario: Any, **given: Any) -> Run:
        calls.append({"scenario": scenario, **given})
        timings = {"wall_seconds": 0.5} if given["timings"] else None
        return sample_run("orca-max", "vllm", scenario=scenario.name, changes={"timings": timings})

    monkeypatch.setattr("paged_sim.simulation.simulate", simulate)
    return calls


def run(*arguments: str | Path) -> int:
    return main(["run", *map(str, arguments)])


def test_windows_that_are_booked_in_full_are_said_before_the_numbers(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window = ["--set", "model=gpt-oss-20b", "--set", "max_model_len=1024"]
    assert main(["run", str(small), *window]) == 0
    text = " ".join(capsys.readouterr().out.split())
    note = "Note: 12 layers of gpt-oss-20b keep the last 128 tokens only, but every layer is booked in full"
    assert 0 < text.index(note) < text.index("Sequences held and use of memory")
    assert main(["run", str(small), *window, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["booking"][0].endswith("1.8 times the 27 MiB it keeps")


def test_a_run_from_file_to_table(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small) == 0
    out, err = capsys.readouterr()
    assert out.startswith("━━ small: ")
    assert "paged holds 2.6x the sequences of reserved in the same 400 KiB" in " ".join(out.split())
    assert err == ""


def test_options_stand_before_or_after(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--format", "json", small) == 0
    before = capsys.readouterr().out
    assert run(small, "--format", "json") == 0
    assert capsys.readouterr().out == before
    assert json.loads(before)["scenario"]["name"] == "small"


def test_the_same_seed_prints_the_same(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for _ in range(2):
        assert run(small, "--set", "workload.prompt={uniform: [1, 60]}", "--seed", "9") == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert "seed 9" in texts[0]


def test_several_scenarios_are_an_array(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small, "seed-section2", "--format", "json") == 0
    assert [part["scenario"]["name"] for part in json.loads(capsys.readouterr().out)] == ["small", "seed-section2"]


def test_results_go_to_a_file(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small, "--format", "csv", "-o", tmp_path / "out.csv") == 0
    assert capsys.readouterr().out == ""
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["name"] for row in rows] == ["reserved", "paged"]
    assert run(small, "-o", "-") == 0
    assert capsys.readouterr().out.startswith("━━ small")


def test_figures_and_timeline(small: Path, tmp_path: Path) -> None:
    folder, timeline = tmp_path / "figures", tmp_path / "t.csv"
    assert run(small, small, "--plot", folder, "--timeline", timeline) == 0
    stems = ("ledger", "memory-map", "over-time")
    expected = {f"{run}-{stem}.{kind}" for run in ("small", "small-2") for stem in stems for kind in ("png", "svg")}
    assert {path.name for path in folder.iterdir()} == expected
    rows = list(csv.DictReader(timeline.open()))
    assert {row["policy"] for row in rows} == {"reserved", "paged"}
    assert all(float(row["step"]) >= 0 for row in rows)


def test_the_ledger_at_a_step(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small, "--step", "3") == 0
    assert "The ledger at step 3, in slots" in capsys.readouterr().out
    assert run(small, "--step", "999999") == 0
    assert "No policy ran as long as the step asked for." in capsys.readouterr().out


def test_the_ledger_at_some_steps(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small, "--step", "28..31", "--format", "json") == 0
    reserved, paged = json.loads(capsys.readouterr().out)["runs"]
    assert [row["step"] for row in reserved["at_steps"]] == [28, 29, 30, 31]
    assert "at_step" not in reserved
    for row in paged["at_steps"]:
        assert run(small, "--step", str(int(row["step"])), "--format", "json") == 0
        assert json.loads(capsys.readouterr().out)["runs"][1]["at_step"] == row
    assert run(small, "--step", "2..4") == 0
    out = capsys.readouterr().out
    assert "The ledger of reserved at each step, in slots\n" in out
    assert [line.split()[0] for line in out.splitlines() if line[:2] in ("2 ", "3 ", "4 ")] == ["2", "3", "4"] * 2
    assert run(small, "--step", "999998..999999", "--format", "json") == 0
    assert [part["at_steps"] for part in json.loads(capsys.readouterr().out)["runs"]] == [[], []]
    assert run(small, "--step", "999998..999999") == 0
    assert "No policy ran as long as the step asked for." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("2-4", "'2-4' is no step; give one, as in 3, or some, as in 2..4"),
        ("..4", "is no step"),
        ("4..2", "4..2 ends before it begins"),
        ("0..50", "0..50 are 51 steps; give at most 50"),
    ],
)
def test_what_are_no_steps(small: Path, steps: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small, "--step", steps) == 2
    assert message in capsys.readouterr().err


def test_what_became_of_each_request(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "requests.csv"
    assert run(small, "--set", "repeats=2", "--requests", path, "-o", tmp_path / "run.json") == 0
    rows = list(csv.DictReader(path.open()))
    assert ",".join(rows[0]) == (
        "scenario,policy,seed,request,arrival,admitted,first_token,finished,waited,preemptions,"
        "prompt_tokens,output_tokens,recomputed_tokens,found_tokens,refused"
    )
    found = [(row["scenario"], row["policy"], row["seed"], row["request"]) for row in rows]
    policies = ("reserved", "paged")
    assert found == [("small", name, str(seed), str(n)) for name in policies for seed in (0, 1) for n in range(12)]
    part = json.loads((tmp_path / "run.json").read_text())["runs"][0]
    total = [float(row["finished"]) - float(row["arrival"]) for row in rows if row["policy"] == "reserved"]
    assert sum(total) / len(total) == pytest.approx(part["latency"]["total"]["mean"])
    assert main(["compare", str(small), "--set", "repeats=2", "--requests", "-"]) == 0
    assert capsys.readouterr().out == path.read_text()


def test_a_request_that_is_refused_has_no_times(tmp_path: Path) -> None:
    path = tmp_path / "requests.csv"
    assert main(["run", "refusals", "--requests", str(path)]) == 0
    refused = [row for row in csv.DictReader(path.open()) if row["policy"] == "paged" and row["refused"]]
    assert [(row["request"], row["admitted"], row["first_token"], row["finished"]) for row in refused] == [
        ("1", "", "", ""),
        ("2", "", "", ""),
    ]


@pytest.mark.parametrize(("expression", "verdict"), [(">= 0.5", "PASS"), (">= 0.999", "FAIL")])
def test_verdicts_leave_the_code_0(
    small: Path, expression: str, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    small.write_text(f'{SMALL}checks: {{paged.fill.mean: "{expression}"}}\n', "utf-8")
    assert run(small) == 0
    assert f"{verdict}     paged.fill.mean" in capsys.readouterr().out
    assert run(small, "--format", "json") == 0
    (check,) = json.loads(capsys.readouterr().out)["checks"]
    assert check["passed"] is (verdict == "PASS")


def test_a_check_of_no_number_is_a_mistake_after_the_results(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.write_text(f'{SMALL}checks: {{paged.fill.meen: ">= 0.5"}}\n', "utf-8")
    assert run(small) == 2
    out, err = capsys.readouterr()
    assert out.startswith("━━ small")
    assert "checks.paged.fill.meen" in err
    assert err.count("\n") == 1


def test_nothing_served_is_code_1(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small, "--set", "memory.slots=40", "--set", "allocators.paged.page_size=8") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no request could be served" in err


def test_corruption_is_code_1_after_the_results(
    small: Path, simulated: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def simulate(scenario: Any, **given: Any) -> Run:
        run = sample_run("vllm")
        corrupt = {"slot": 3, "generation": 1, "position": 2}
        arena = {**run.policies[0].summary["arena"], "corrupt": 17, "first_corrupt": corrupt}
        return sample_run("vllm", changes={"arena": arena})

    monkeypatch.setattr("paged_sim.simulation.simulate", simulate)
    assert run(small) == 1
    out, err = capsys.readouterr()
    assert "CORRUPT: vllm: slot 3" in out
    assert err.startswith("paged-sim: error: corrupted content: vllm (17 tokens)")


def test_what_the_engine_is_asked_for(small: Path, tmp_path: Path, simulated: list[dict[str, Any]]) -> None:
    arguments = ("--step", "5", "--seed", "3", "--device", "cpu", "--plot", tmp_path / "p", "--quiet")
    assert run(small, *arguments) == 0
    (call,) = simulated
    assert (call["at_step"], call["maps"], call["timings"], call["progress"]) == (5, True, False, None)
    assert (call["scenario"].seed, call["scenario"].arena.device) == (3, "cpu")


def test_timings_go_to_stderr(small: Path, simulated: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(small, "--timings") == 0
    out, err = capsys.readouterr()
    assert "M token-steps/s" not in out
    assert err == "small, orca-max: 0.50 s, 2.7 M token-steps/s\nsmall, vllm: 0.50 s, 2.7 M token-steps/s\n"


def test_every_mistake_is_found_before_anything_runs(
    small: Path, tmp_path: Path, simulated: Sequence[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(small, tmp_path / "missing.yaml") == 2
    assert run(small, "-o", tmp_path / "no" / "where") == 2
    assert simulated == []
    assert capsys.readouterr().err.count("paged-sim: error:") == 2


class TestOpsLog:
    def test_the_log_replays(self, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        log = tmp_path / "ops.jsonl"
        assert main(["run", str(small), "--ops-log", str(log), "--ops-requests", "--quiet"]) == 0
        records = list(read_records(log))
        assert {record.kind for record in records} == {"A", "F"}
        assert {record.request for record in records} == set(range(12))
        assert main(["ops", "replay", str(log)]) == 0
        capsys.readouterr()
        assert main(["run", str(small), "--ops-log", f"paged={log}", "--quiet", "--jobs", "2"]) == 0
        assert [record._replace(request=None) for record in records] == list(read_records(log))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ["--ops-log", "other=x.jsonl"],
                "--ops-log: 'other' is no paged policy of the scenario; choose from paged",
            ),
            (["--ops-log", "reserved=x.jsonl"], "'reserved' is no paged policy"),
            (["--ops-log", "."], "--ops-log .: a directory; give a file in it"),
            (["seed-section2", "--ops-log", "x.jsonl"], "--ops-log: there are several scenarios; run them one by one"),
        ],
    )
    def test_it_must_be_clear_whose(
        self, arguments: list[str], message: str, small: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["run", str(small), *arguments]) == 2
        assert message in capsys.readouterr().err

    def test_a_policy_with_pages_is_needed(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        allocators = "allocators=[{name: a, policy: contiguous}]"
        assert main(["run", str(small), "--set", allocators, "--ops-log", "x.jsonl"]) == 2
        assert "no policy of the scenario has pages" in capsys.readouterr().err
        two = "allocators=[{name: a, policy: paged}, {name: b, policy: paged}]"
        assert main(["run", str(small), "--set", two, "--ops-log", "x.jsonl"]) == 2
        assert "--ops-log: a, b have pages; name one, as in --ops-log a=x.jsonl" in capsys.readouterr().err
