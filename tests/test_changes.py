"""What changed between two runs: directions, noise, and the bytes that moved."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from test_reports_sample import document, summary

from paged_sim.changes import (
    ACCOUNT_BETTER,
    BETTER,
    LOST,
    Change,
    bytes_per_sequence,
    changes_of,
    compare,
    losses,
    moves,
)
from paged_sim.cli import main
from paged_sim.engine.measures import WASTE
from paged_sim.errors import PagedSimError
from paged_sim.reports.blocks import Screen
from paged_sim.reports.comparison import COMPARISON_FORMATS, METRICS, NOISE, across_files
from paged_sim.reports.verdict import LOSSES
from paged_sim.run import ACCOUNTS, Run

GIB = 1 << 30


def entry_of(**shares: float) -> dict[str, Any]:
    """A policy of 8 GiB that holds 4 sequences in 4 GiB, with these shares in its ledger."""
    ledger = {account: {"mean": shares.get(account, 0.0)} for account in ACCOUNTS}
    return {
        "name": "paged",
        "over": "saturated",
        "capacity": {"bytes": 8 * GIB},
        "batch": {"mean": 4.0, "saturated": {"mean": 4.0}, "all": {"mean": 3.0}},
        "held": {"saturated": {"mean": 0.5}, "all": {"mean": 0.25}},
        "ledger": {"saturated": ledger, "all": ledger},
        "spread": {"batch.mean": 0.5},
    }


def test_every_metric_of_the_reports_has_a_direction() -> None:
    assert [metric.path for metric in METRICS] == list(BETTER)
    assert tuple(ACCOUNT_BETTER) == tuple(ACCOUNTS)
    assert LOST == WASTE == tuple(LOSSES)


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


def test_moves_name_what_is_lost_first() -> None:
    before = entry_of(token_state=0.5, tail=0.01, short=0.49)
    after = entry_of(token_state=0.4, tail=0.06, external=0.01, short=0.53)
    found = moves(before, after)
    assert [move.account for move in found] == ["tail", "external", "token_state", "short"]
    tail = found[0]
    assert tail.growth == pytest.approx(0.05 * 8 * GIB)
    assert tail.sequences == pytest.approx(0.05 * 8), "a sequence holds 1 GiB"
    assert moves(before, before) == []


def test_losses_are_the_largest_first() -> None:
    found = losses(entry_of(token_state=0.5, tail=0.01, external=0.3))
    assert [(move.account, move.before) for move in found] == [("external", None), ("tail", None)]
    assert found[0].sequences == pytest.approx(2.4)


def test_steps_with_no_sequence() -> None:
    empty = {**entry_of(tail=0.1), "batch": {"saturated": {"mean": None}}}
    assert bytes_per_sequence(empty, "saturated") is None
    assert [move.sequences for move in losses(empty)] == [None]
    assert [move.sequences for move in moves(entry_of(), {**entry_of(tail=0.1), "over": "all"})] == [
        pytest.approx(0.1 * 8 / (0.25 * 8 / 3))
    ]


def test_comparing_runs_policy_by_policy() -> None:
    worse = copy.deepcopy(document("vllm"))
    worse["runs"][0]["batch"]["mean"] = 30.0
    changes = compare(Run.from_json(document()), Run.from_json(worse))
    assert {change.policy for change in changes} == {"vllm"}
    assert len(changes) == len(METRICS) + len(ACCOUNTS)
    assert [change.metric for change in changes if change.improved is False] == ["batch.mean"]


def test_a_policy_that_only_one_run_has() -> None:
    changes = changes_of("vllm", None, summary("vllm"))
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
