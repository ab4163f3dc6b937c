"""What changed between two runs: directions, noise, and the bytes that moved."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from helpers import scenario_of
from test_reports_sample import document, summary

from paged_sim.basis import Basis, basis_of, value_over
from paged_sim.changes import ACCOUNT_BETTER, BETTER, Change, changes_of, compare
from paged_sim.cli import main
from paged_sim.errors import PagedSimError
from paged_sim.reports.blocks import Screen
from paged_sim.reports.comparison import COMPARISON_FORMATS, NOISE, across_files
from paged_sim.reports.metrics import METRICS
from paged_sim.run import ACCOUNTS, Run
from paged_sim.scenario.models import AllocatorSpec
from paged_sim.simulation import simulate


def test_every_metric_of_the_reports_has_a_direction() -> None:
    assert [metric.path for metric in METRICS] == list(BETTER)
    assert tuple(ACCOUNT_BETTER) == tuple(ACCOUNTS)


@pytest.mark.parametrize(
    ("before", "after", "better", "spread", "improved", "noise"),
    [
        (1.0, 2.0, 1, None, True, False),
        (1.0, 2.0, -1, None, False, False),
        (2.0, 1.0, -1, 0.5, True, False),
        (2.0, 1.0, 0, None, None, False),
        (1.0, 1.0, 1, None, None, False),
        (1.0, 1.5, 1, 0.5, None, True),
        (None, 1.5, 1, None, None, False),
    ],
)
def test_a_change(
    before: float | None, after: float, better: int, spread: float | None, improved: bool | None, noise: bool
) -> None:
    change = Change("paged", "batch.mean", before, after, better, spread)
    assert (change.improved, change.is_noise) == (improved, noise)
    assert change.delta == (None if before is None else after - before)


# Which way is better


def changed(path: str, before: float, after: float, *, basis: Basis | None = None, **others: Any) -> bool | None:
    """Whether a change of one number is for the better; `others` replace parts of the second entry."""
    old, new = summary("vllm"), summary("vllm", **others)
    for entry, value in ((old, before), (new, after)):
        key, _, inside = path.partition(".")
        entry[key] = {**entry.get(key, {}), inside: value} if inside else value
    found = changes_of("vllm", old, new, basis or Basis("saturated"))
    (change,) = [change for change in found if change.metric == path]
    assert change.delta == pytest.approx(after - before)
    return change.improved


LATER = {"time": {"end": 10**6, "unit": "steps"}}
LESS = {"finished": 3_990, "refused": 10, "preempted": 5}


@pytest.mark.parametrize(
    ("path", "before", "after", "others", "improved"),
    [
        ("batch.mean", 30.0, 40.0, {}, True),
        ("batch.mean", 30.0, 40.0, LATER, None),
        ("batch.mean", 30.0, 40.0, {"time": {}, "steps": 41_001}, None),
        ("batch.mean", 40.0, 30.0, LATER, False),
        ("batch.peak", 30, 40, {}, None),
        ("occupancy.mean", 0.5, 0.6, {}, True),
        ("waste.share", 0.1, 0.2, {}, False),
        ("waste.bytes", 1e9, 2e9, {}, False),
        ("waste.bytes", 1e9, 2e9, {"capacity": {"bytes": 1}}, None),
        ("waste.share", 0.1, 0.2, {"capacity": {"bytes": 1}}, None),
        ("fill.mean", 0.5, 0.6, {"capacity": {"bytes": 1}}, True),
        ("steps", 432, 429, {}, True),
        ("steps", 432, 429, {"time": {"unit": "s"}}, None),
        ("steps", 432, 429, {"requests": LESS}, None),
        ("requests.refused", 2, 5, {}, False),
        ("blocked_steps.policy", 12, 500, {}, None),
        ("blocked_steps.capacity", 500, 12, {}, None),
        ("arena.touched_bytes", 1000, 2000, {}, None),
        ("arena.corrupt", 0, 1, {}, False),
    ],
)
def test_better_where_one_way_is_good_by_itself(
    path: str, before: float, after: float, others: dict[str, Any], improved: bool | None
) -> None:
    assert changed(path, before, after, **others) is improved


@pytest.mark.parametrize(
    ("path", "before", "after", "improved"),
    [
        ("time.end", 836.0, 651.0, True),
        ("throughput.requests", 9.6, 7.0, False),
        ("latency.queue.p99", 3.0, 12.0, False),
        ("tokens.recomputed_share", 0.48, 0.1, True),
    ],
)
def test_how_long_serving_took(path: str, before: float, after: float, improved: bool) -> None:
    """It counts on all steps, too; but not where fewer requests were served."""
    old, new = (entry_in_time(path, value) for value in (before, after))
    assert [change_of(path, old, new, basis) for basis in (Basis("saturated"), Basis("all"))] == 2 * [improved]
    assert change_of(path, old, {**new, "requests": LESS}, Basis("all")) is None
    assert change_of(path, old, new, Basis("all", same_requests=False)) is None


def entry_in_time(path: str, value: float) -> dict[str, Any]:
    """An entry with a clock of seconds and one number more."""
    entry: dict[str, Any] = summary("vllm", time={"unit": "s", "end": 700.0, "last_arrival": 610.0})
    found, keys = entry, path.split(".")
    for key in keys[:-1]:
        found = found.setdefault(key, {})
    found[keys[-1]] = value
    return entry


def change_of(path: str, before: dict[str, Any], after: dict[str, Any], basis: Basis) -> bool | None:
    return {change.metric: change.improved for change in changes_of("vllm", before, after, basis)}[path]


@pytest.mark.parametrize("path", ["batch.mean", "occupancy.mean", "fill.mean", "waste.share", "paper_view.internal"])
def test_how_memory_is_used_says_nothing_while_nobody_wants_it(path: str) -> None:
    old, new = summary("vllm"), summary("orca-max")
    assert change_of(path, old, new, Basis("saturated")) is not None
    assert change_of(path, old, new, Basis("all")) is None


def test_times_in_seconds_and_in_steps_are_not_compared() -> None:
    old = entry_in_time("latency.queue.mean", 3.0)
    new = {**old, "time": {"unit": "steps", "end": 41_000}}
    found = {change.metric: change for change in changes_of("vllm", old, new, Basis("all"))}
    assert found["latency.queue.mean"].delta is None
    assert found["latency.queue.mean"].after == 3.0
    assert found["requests.finished"].delta == 0


# What numbers are over


def test_entries_of_other_steps_are_compared_over_all() -> None:
    """One run never has a waiter: all that depends on the steps is over all of them, on both sides."""
    old, new = summary("vllm"), summary("vllm", over="all")
    new["batch"]["mean"] = new["batch"]["all"]["mean"]
    basis = basis_of([({}, old), ({}, new)])
    assert basis.steps == "all"
    found = {change.metric: change for change in changes_of("vllm", old, new, basis)}
    assert found["batch.mean"].before == found["batch.mean"].after == pytest.approx(34.3 * 0.9)
    assert found["waste.share"].before == pytest.approx(0.009)
    assert found["paper_view.external_and_others"].before == pytest.approx(0.0171)
    assert set(found) >= {"ledger.all.idle.mean"}


@pytest.mark.parametrize(
    ("scenario", "others", "steps"),
    [
        ({"clock": "step", "workload": {"arrival": {"poisson": 3.0}}}, {}, "saturated"),
        ({"clock": {"base": 0.03}, "workload": {"arrival": "saturated"}}, {}, "saturated"),
        ({"clock": {"base": 0.03}, "workload": {"arrival": {"poisson": 3.0}}}, {}, "all"),
        ({"clock": {"base": 0.03}, "workload": {"arrival": {"users": 40}}}, {}, "all"),
        ({"clock": {"base": 0.03}, "workload": {"trace": {"file": "a.csv"}, "arrival": "saturated"}}, {}, "all"),
        ({"clock": {"base": 0.03}, "workload": {"requests": [{"prompt": 3}, {"arrival": 2.0}]}}, {}, "all"),
        (
            {"clock": {"base": 0.03}, "workload": {"trace": {"file": "a.csv"}}},
            {"last_arrival": 0.0, "unit": "s"},
            "saturated",
        ),
        ({}, {"last_arrival": 3.0, "unit": "s"}, "all"),
        ({}, {"last_arrival": 3.0, "unit": "steps"}, "saturated"),
    ],
)
def test_with_requests_over_time_means_are_over_all_steps(
    scenario: dict[str, Any], others: dict[str, Any], steps: str
) -> None:
    assert basis_of([(scenario, summary("vllm", time=others))]).steps == steps


def test_a_few_steps_with_a_waiter_say_little() -> None:
    measured = {"all": {"steps": 11_938, "time": 1.0}, "saturated": {"steps": 1, "time": 1.0}}
    assert basis_of([({}, summary("vllm")), ({}, summary("orca-max"))]).steps == "saturated"
    assert basis_of([({}, summary("vllm")), ({}, summary("orca-max", measured=measured))]).steps == "all"


def test_the_sums_of_shares_are_those_of_the_engine() -> None:
    """What is computed over other steps is, over an entry's own, what the engine says."""
    run = simulate(scenario_of(AllocatorSpec(name="a", policy="contiguous", reserve="pow2", placement="buddy")))["a"]
    other = {**run, "over": "neither"}
    for path in ("waste.share", "waste.bytes", *(f"paper_view.{key}" for key in run["paper_view"])):
        assert value_over(other, path, run["over"]) == pytest.approx(value_over(run, path, run["over"]))
    assert value_over(other, "external_index.mean", run["over"]) is None
    assert value_over(run, "external_index.mean", run["over"]) is not None


def test_comparing_runs_policy_by_policy() -> None:
    worse = copy.deepcopy(document("vllm"))
    worse["runs"][0]["batch"]["mean"] = 30.0
    changes = compare(Run.from_json(document()), Run.from_json(worse))
    assert {change.policy for change in changes} == {"vllm"}
    assert len(changes) == len(METRICS) + len(ACCOUNTS)
    assert [change.metric for change in changes if change.improved is False] == ["batch.mean"]


def test_a_policy_that_only_one_run_has() -> None:
    changes = changes_of("vllm", None, summary("vllm"), Basis("all"))
    assert {change.delta for change in changes} == {None}


def compared(spread: float, colour: bool) -> str:
    before, after = document("vllm"), copy.deepcopy(document("vllm"))
    after["runs"][0]["batch"]["mean"] -= 1.0
    after["runs"][0]["occupancy"]["mean"] += 0.01
    after["runs"][0]["ledger"]["saturated"]["tail"]["mean"] += 0.01
    after["runs"][0]["spread"] = {"batch.mean": spread}
    comparison = across_files([("a", [before]), ("b", [after])])
    return COMPARISON_FORMATS["table"](comparison, Screen(100, colour))


def test_changes_are_coloured_by_direction() -> None:
    red, green = "\x1b[31m", "\x1b[32m"
    lines = {line.split("  ")[0]: line for line in compared(0.0, colour=True).splitlines()}
    assert red in lines["sequences held, mean"]
    assert green in lines["occupancy, mean"]
    assert red in lines["ledger: tail"]
    assert not {red, green} & set(lines["steps"])


def test_what_the_seeds_may_have_made_is_hidden() -> None:
    text = compared(1.5, colour=False)
    row = next(line.split() for line in text.splitlines() if line.startswith("sequences held, mean"))
    assert row[-1] == NOISE
    assert "within the spread over the seeds" in text
    assert "within the spread" not in compared(0.5, colour=False)


# Saved runs


def test_a_run_is_saved_and_loaded(tmp_path: Path) -> None:
    run = Run.from_json(document())
    run.save(tmp_path / "run.json")
    again = Run.load(tmp_path / "run.json")
    assert again.to_json() == run.to_json()
    assert again["vllm"]["batch"]["peak"] == 61
    with pytest.raises(KeyError, match="the run has orca-max, orca-pow2, vllm"):
        again["paged"]


def test_a_file_of_two_runs_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "two.json").write_text(json.dumps([document(), document()]), "utf-8")
    with pytest.raises(PagedSimError, match=r"two\.json: holds 2 runs; load a file of one"):
        Run.load(tmp_path / "two.json")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_versions_are_refused(version: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**document(), "version": version}), "utf-8")
    assert main(["compare", str(path), str(path)]) == 2
    assert main(["check", "seed-section2", "--baseline", str(path)]) == 2
    said = f"{path}: a run of version {version!r}, and this paged-sim reads version 1; run the scenario again"
    assert capsys.readouterr().err.count(said) == 2
