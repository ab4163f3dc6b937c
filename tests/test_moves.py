"""Why more or fewer sequences are held: parts that add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import drawn_workload, scenario_of
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.moves import ELSEWHERE, NEEDED, PER_SEQUENCE, losses, moves, sequences_held
from paged_sim.reports.findings import parts_of
from paged_sim.result.accounts import LOST
from paged_sim.run import ACCOUNTS
from paged_sim.scenario import load_scenario
from paged_sim.scenario.models import AllocatorSpec, Variant
from paged_sim.simulation import simulate

GIB = 1 << 30
CHAT = Path(__file__).parent / "data" / "checks" / "chat.yaml"


def entry_of(sequences: float | None = 4.0, capacity: int = 8 * GIB, **shares: float) -> dict[str, Any]:
    """A policy that holds so many sequences, with these shares in its ledger."""
    ledger = {account: {"mean": shares.get(account, 0.0)} for account in ACCOUNTS}
    held = {"mean": sequences}
    return {
        "over": "saturated",
        "capacity": {"bytes": capacity},
        "batch": {"saturated": held, "all": held},
        "ledger": {"saturated": ledger, "all": ledger},
    }


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """An entry whose ledger closes: held slots where sequences are held, and no sequence without any."""
    weights = draw(st.lists(st.integers(0, 1000), min_size=len(ACCOUNTS), max_size=len(ACCOUNTS)))
    accounts = dict(zip(ACCOUNTS, weights, strict=True))
    sequences = draw(st.one_of(st.none(), st.floats(0.01, 500)))
    for account in PER_SEQUENCE:
        accounts[account] = accounts[account] + (account == "token_state") if sequences else 0
    total = sum(accounts.values()) or 1
    accounts["idle"] += total == 1 and not any(accounts.values())
    shares = {account: weight / total for account, weight in accounts.items()}
    return entry_of(sequences, draw(st.integers(1 << 20, 1 << 40)), **shares)


def test_every_account_is_in_one_place() -> None:
    assert sorted((*PER_SEQUENCE, *ELSEWHERE)) == sorted(ACCOUNTS)
    assert set(NEEDED) <= set(PER_SEQUENCE)
    assert set(LOST).isdisjoint(NEEDED)


@given(entries(), entries())
def test_the_parts_add_up_to_the_sequences_lost(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = moves(before, after, "saturated")
    lost = sequences_held(after, "saturated") - sequences_held(before, "saturated")
    parts = [move.sequences for move in found]
    exactly = 1e-12 * max(map(abs, [1.0, *parts]))
    assert sum(parts) == pytest.approx(lost, abs=exactly)
    printed = parts_of(found)
    assert sum(printed) == pytest.approx(round(sum(parts), 2), abs=exactly)
    assert printed == pytest.approx(parts, abs=0.01 + exactly)


@pytest.mark.parametrize("steps", ["saturated", "all"])
def test_the_parts_add_up_between_real_runs(steps: str) -> None:
    """Every pair of four policies, of which one shares prefixes and one grows."""
    specs = (
        AllocatorSpec(name="small", policy="paged", page_size=4),
        AllocatorSpec(name="large", policy="paged", page_size=32),
        AllocatorSpec(name="cached", policy="paged", page_size=4, prefix_cache="hash"),
        AllocatorSpec(name="reserved", policy="contiguous", reserve="max", placement="buddy"),
        AllocatorSpec(name="grown", policy="contiguous", reserve="grow", placement="best_fit", chunk=5),
    )
    lengths = Variant("uniform", {"low": 3, "high": 20})
    run = simulate(scenario_of(*specs, slots=256, repeats=2, workload=drawn_workload(40, lengths, lengths))).to_json()
    for before in run["runs"]:
        for after in run["runs"]:
            lost = sequences_held(after, steps) - sequences_held(before, steps)
            assert sum(move.sequences for move in moves(before, after, steps)) == pytest.approx(lost, abs=1e-9)


def test_larger_pages() -> None:
    """The chat of docs/ci.md with pages of 16 and of 64 slots: 3.61 sequences, none of them unexplained."""
    before, after = (
        simulate(load_scenario(CHAT, overrides=[f"allocators.paged.page_size={size}"]))["paged"] for size in (16, 64)
    )
    found = {move.name: round(move.sequences, 2) for move in moves(before, after, "saturated")}
    assert found == {
        "reservation per sequence": -2.8,
        "tail per sequence": -0.55,
        "token_state per sequence": -0.4,
        "short": 0.15,
    }


def test_moves_are_in_bytes() -> None:
    before = entry_of(4.0, token_state=0.5, tail=0.0, short=0.5)
    after = entry_of(3.0, token_state=0.375, tail=0.125, short=0.5)
    (tail,) = moves(before, after, "saturated")
    assert (tail.name, tail.before, tail.after) == ("tail per sequence", 0, pytest.approx(GIB / 3))
    assert tail.sequences == pytest.approx(-1)
    assert moves(before, before, "saturated") == []


def test_more_memory_is_a_move_of_its_own() -> None:
    found = moves(entry_of(4.0, token_state=1.0), entry_of(8.0, 16 * GIB, token_state=1.0), "all")
    assert [(move.name, move.growth, move.sequences) for move in found] == [("capacity", 8 * GIB, 4)]


def test_losses_are_the_largest_first() -> None:
    """A sequence needs 1 GiB."""
    found = losses(entry_of(4.0, token_state=0.4, reservation=0.1, tail=0.01, external=0.3, short=0.19), "saturated")
    assert [(loss.account, loss.sequences) for loss in found] == [
        ("external", pytest.approx(2.4)),
        ("tail", pytest.approx(0.08)),
    ]


def test_steps_with_no_sequence() -> None:
    assert [loss.sequences for loss in losses(entry_of(None, external=0.1), "saturated")] == [None]
