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
from paged_sim.reports.blocks import Grid, Styled, plain
from paged_sim.reports.comparison import across_files
from paged_sim.reports.metrics import METRICS, change
from paged_sim.reports.published import built_in_comparison, published, tutorial_scenarios
from paged_sim.run import ACCOUNTS, Run
from paged_sim.saved import read_saved
from paged_sim.scenario import load_text
from paged_sim.simulation import simulate


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
        (b'{"version": 1, "scenario": {"name": "x"}, "runs": []}', "run.json: runs: it is empty"),
        (
            b'{"version": 1, "scenario": {"name": "x"}, "runs": [{"name": "a"}]}',
            "run.json: runs[0].over: it is missing",
        ),
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


# What differs, and what it is over

SMALL = """
name: small
memory: {slots: 640}
max_model_len: 128
workload: {requests: 60, prompt: {uniform: [8, 40]}, output: {uniform: [8, 40]}}
allocators:
  - {name: p, policy: paged, page_size: 4}
"""


def save(path: Path, *overrides: str, text: str = SMALL) -> Path:
    """A saved run of a small scenario."""
    simulate(load_text(text, overrides=overrides)).save(path)
    return path


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    return tmp_path


def test_first_what_differs_in_the_configuration(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = save(names / "a.json"), save(names / "b.json", "allocators.p.page_size=16", "memory.slots=512")
    assert compare(*files) == 0
    lines = capsys.readouterr().out.split("\n\n")
    assert lines[1] == (
        "The configuration of b.json differs from that of a.json:\n"
        "memory.slots: 640 -> 512\n"
        "allocators.p.page_size: 4 -> 16"
    )
    assert lines[2].startswith("small: p, means on the steps on which a request waits\n")
    assert compare(*files, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)["differences"]
    assert found[1] == {
        "file": "b.json",
        "scenario": "small",
        "path": "allocators.p.page_size",
        "before": 4,
        "after": 16,
        "source": "",
    }
    assert compare(files[0], files[0]) == 0
    assert "has the configuration of" in capsys.readouterr().out


def test_other_requests_leave_no_colour(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = save(names / "a.json"), save(names / "b.json", "workload.requests=200", "repeats=2")
    assert compare(*files) == 0
    out = squeezed(capsys.readouterr().out)
    assert "b.json served other requests than a.json: no change is for the better or worse." in out
    assert "Counters are sums over the seeds." in out
    assert coloured(*files) == []


def coloured(*files: Path) -> list[str]:
    """The metrics whose change has a colour."""
    comparison = across_files([(file.name, read_saved(file)) for file in files])
    grids = [block for block in comparison.blocks if isinstance(block, Grid)]
    return [
        plain(row[0])
        for grid in grids
        for row in grid.rows
        if any(isinstance(cell, Styled) and cell.style in ("red", "green") for cell in row)
    ]


def test_what_is_printed_as_no_change_has_no_colour(names: Path) -> None:
    """The element type alone: memory holds twice the tokens and nobody waits, which is for the worse in nothing."""
    (document,) = [json.loads(save(names / "a.json").read_text("utf-8"))]
    document["runs"][0]["ledger"]["saturated"]["tail"]["mean"] += 1e-6
    document["runs"][0]["fill"]["at_finish"] += 0.01
    (names / "b.json").write_text(json.dumps(document), "utf-8")
    assert coloured(names / "a.json", names / "b.json") == ["fill at finish"]


def test_more_requests_at_once_are_no_improvement_of_memory(names: Path) -> None:
    timed = ("clock={base: 10ms}", "workload.arrival={poisson: 20/s}")
    files = save(names / "a.json", *timed), save(names / "b.json", *timed, "memory.slots=256")
    found = coloured(*files)
    assert "time in system, mean" in found
    assert not {"sequences held, mean", "sequences held, peak", "occupancy, mean", "steps"} & set(found)
    assert not any(name.startswith(("ledger", "blocked", "rule", "arena")) for name in found)


def test_with_requests_over_time_what_they_felt_comes_first(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timed = ("clock={base: 10ms}", "workload.arrival={poisson: 20/s}")
    assert compare(save(names / "a.json", *timed), save(names / "b.json", *timed, "memory.slots=256")) == 0
    rows = [row[:2] for row in rows_of(capsys.readouterr().out)]
    assert rows.index(["queueing", "delay,"]) < rows.index(["sequences", "held,"])
    assert rows.index(["time", "averaged"]) < rows.index(["end", "of"])


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_files_of_any_name_are_readable_in_80_columns(
    count: int, names: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Long names get letters, and no more than two files stand beside the first one."""
    made = [save(names / f"the-run-of-a-branch-with-quite-a-long-name-{size}.json", f"allocators.p.page_size={size}")
            for size in range(1, count + 1)]  # fmt: skip
    assert compare(*made) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines())
    letters = "ABCDEFG"[:count]
    assert [f"{letter}: {file.name}" for letter, file in zip(letters, made, strict=True)] == [
        line for line in out.splitlines() if line.endswith(".json") and line[1] == ":"
    ]
    heads = [line.split() for line in out.splitlines() if line.startswith("metric")]
    assert [head[1] for head in heads] == ["A"] * len(heads)
    assert [label for head in heads for label in head[2::2]] == list(letters[1:])
    assert all(head[3::2] == ["change"] * len(head[2::2]) for head in heads), "a change stands beside its value"


def test_files_of_several_scenarios(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is compared with the one of its name; what differs in one leaves the colours of the others."""
    files = []
    for name, settings in (("a", ()), ("b", ("workload.requests=90",))):
        one, two = (
            save(names / f"{part}.json", f"name={part}", *given) for part, given in (("x", ()), ("y", settings))
        )
        document = [json.loads(path.read_text("utf-8")) for path in (one, two)]
        if name == "b":
            document[0]["runs"][0]["fill"]["at_finish"] += 0.01
        files.append(names / f"{name}.json")
        files[-1].write_text(json.dumps(document), "utf-8")
    assert compare(*files) == 0
    out = capsys.readouterr().out
    assert "The configuration of y in b.json differs from that of a.json:\nworkload.requests: 60 -> 90\n" in out
    assert "y in b.json served other requests than a.json" in out
    assert coloured(*files) == ["fill at finish"]


def test_a_renamed_allocator_is_the_same(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    renamed = SMALL.replace("name: p,", "name: p4,")
    assert compare(save(names / "a.json"), save(names / "b.json", text=renamed)) == 0
    out = capsys.readouterr().out
    assert "allocators.p.name: p -> p4" in out
    assert out.count("metric ") == 1
    assert ["requests", "finished", "60", "60", "="] in rows_of(out)


def test_scenarios_of_other_names_are_compared_where_each_file_has_one(
    names: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(save(names / "a.json"), save(names / "b.json", "name=other", "memory.slots=512")) == 0
    out = capsys.readouterr().out
    assert "\np, means " in out
    assert ["requests", "finished", "60", "60", "="] in rows_of(out)


def test_a_run_of_an_older_program_has_dashes(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(save(names / "b.json").read_text("utf-8"))
    for key in ("time", "throughput", "latency", "tokens", "blocked_by", "measured"):
        del document["runs"][0][key]
    document["runs"][0]["waiting"]["all"]["mean"] = 3.0
    document["scenario"]["scheduler"]["prefill"] = "another"
    (names / "a.json").write_text(json.dumps(document), "utf-8")
    assert compare(names / "a.json", names / "b.json") == 0
    out = capsys.readouterr().out
    assert "the default of scheduler.prefill changed: another -> " in out
    for label in ("queueing delay, mean", "requests  ", "computed again  ", "queue over time, mean"):
        (row,) = [line.split() for line in out.splitlines() if line.startswith(label)]
        assert (row[-1], row[-3 if row[-2] != "steps" else -4]) == ("-", "-"), label


def test_numbers_beside_each_other_are_over_the_same_steps(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the files have no waiter."""
    files = save(names / "a.json"), save(names / "b.json", "memory.slots=8192")
    assert compare(*files) == 0
    assert "small: p, means over all steps" in capsys.readouterr().out
    assert compare(*files, "--format", "csv") == 0
    rows = {row["metric"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    before = json.loads(files[0].read_text("utf-8"))["runs"][0]
    assert before["over"] == "saturated"
    assert float(rows["batch.mean"]["a.json"]) == before["batch"]["all"]["mean"]
    assert (rows["batch.mean"]["over"], rows["steps"]["over"]) == ("all", "")
    assert float(rows["waste.share"]["a.json"]) == pytest.approx(before["ledger"]["all"]["tail"]["mean"])


def test_a_damaged_file_is_the_mistake_of_the_file(names: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(save(names / "a.json").read_text("utf-8"))
    document["runs"][0]["measured"] = document["runs"][0]["blocked_steps"] = None
    (names / "b.json").write_text(json.dumps(document), "utf-8")
    assert compare(names / "a.json", names / "b.json") == 2
    assert "b.json: runs[0].measured: an object was expected, not null" in capsys.readouterr().err
