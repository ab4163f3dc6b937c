"""The memory map shows what lies where as the ledger's row of the same step counts it."""

from __future__ import annotations

import numpy as np
import pytest
from engine_cases import Case, cases
from helpers import ALL_ROWS, COLUMNS, PAGED, POLICIES, by_name, requests_of, scenario_of, set_up
from hypothesis import given, settings
from test_engine_properties import every_case

from paged_sim.arena import open_arena
from paged_sim.engine.drive import drive
from paged_sim.engine.machine import NUM_ROWS, Machine
from paged_sim.engine.memory_map import MemoryMap
from paged_sim.ledger import ACCOUNTS
from paged_sim.scenario.models import AllocatorSpec


def mapped(
    case: Case, *, most_rows: int = ALL_ROWS, most_bins: int = 256, eager: bool = False, flush_at: int = 1 << 16
) -> tuple[MemoryMap, Machine]:
    """The map of a simulation, and its machine at the end."""
    machine, state = set_up(case.scenario, case.requests, eager=eager, flush_at=flush_at)
    memory_map = MemoryMap(most_rows, most_bins)
    with open_arena(case.scenario.arena, case.scenario.memory.params["slots"], 8, compiled=False) as arena:
        for _ in drive(machine, state, arena, compiled=False, memory_map=memory_map):
            pass
    return memory_map, machine


@every_case
@given(cases())
def test_every_row_is_that_of_the_ledger(case: Case) -> None:
    memory_map, machine = mapped(case)
    timeline = machine.timeline[: machine.counts[NUM_ROWS]]
    busy = timeline[timeline[:, COLUMNS.index("batch")] > 0]
    assert memory_map.steps == busy[:, 0].tolist()
    assert memory_map.times == pytest.approx(busy[:, 1].tolist())
    assert memory_map.end == pytest.approx(timeline[-1, 1] + timeline[-1, 2] if len(timeline) else 0.0)
    for row, slots in zip(busy, memory_map.rows, strict=True):
        assert slots.sum(axis=0).tolist() == row[3 : 3 + len(ACCOUNTS)].tolist()
        assert (slots.sum(axis=1) == 1).all()


@settings(max_examples=40)
@given(cases())
def test_looking_changes_nothing_and_sees_the_same_token_by_token(case: Case) -> None:
    memory_map, machine = mapped(case)
    again, eager = mapped(case, eager=True, flush_at=7)
    assert memory_map.steps == again.steps
    assert all(np.array_equal(one, other) for one, other in zip(memory_map.rows, again.rows, strict=True))
    plain = case.play()
    assert np.array_equal(machine.timeline, plain.machine.timeline)
    assert np.array_equal(machine.ended, eager.ended)
    assert np.array_equal(machine.ended, plain.machine.ended)


@pytest.mark.parametrize("spec", POLICIES, ids=by_name)
def test_stretches_of_several_slots_add_up_what_each_slot_holds(spec: AllocatorSpec) -> None:
    rng = np.random.default_rng(5)
    prompt, output = rng.integers(1, 20, (2, 12))
    case = Case(scenario_of(spec, slots=101), requests_of(prompt, output, max_tokens=output + 9))
    fine, _ = mapped(case)
    coarse, _ = mapped(case, most_bins=7)
    edges = np.linspace(0, 101, 8).astype(int)
    for one, slots in zip(coarse.rows, fine.rows, strict=True):
        assert np.array_equal(one, np.add.reduceat(slots, edges[:-1]))


def test_a_half_empty_reservation_looks_half_empty() -> None:
    """Room for 12 tokens of which 4 will come: after the second step two are stored."""
    spec = AllocatorSpec(name="limit", policy="contiguous", reserve="limit", placement="first_fit")
    memory_map, _ = mapped(Case(scenario_of(spec, slots=16), requests_of([1], [4], max_tokens=[11])))
    assert memory_map.steps == [0, 1, 2, 3]
    names = [ACCOUNTS[account] for account in memory_map.rows[1].argmax(axis=1)]
    assert names == ["token_state"] * 2 + ["reservation"] * 2 + ["over_reservation"] * 8 + ["idle"] * 4


@pytest.mark.parametrize(
    ("output", "steps"), [(8, list(range(8))), (9, [0, 2, 4, 6, 8]), (100, [*range(0, 97, 16), 99])]
)
def test_a_long_map_keeps_every_second_row_and_the_last(output: int, steps: list[int]) -> None:
    case = Case(scenario_of(PAGED[0], slots=128, max_model_len=128), requests_of([1], [output]))
    memory_map, machine = mapped(case, most_rows=8)
    assert memory_map.steps == steps
    for step, slots in zip(steps, memory_map.rows, strict=True):
        row = machine.timeline[step]
        assert row[0] == step
        assert slots.sum(axis=0).tolist() == row[3 : 3 + len(ACCOUNTS)].tolist()


def test_nothing_that_could_be_served_is_nothing_to_see() -> None:
    memory_map, _ = mapped(Case(scenario_of(PAGED[0], slots=4), requests_of([9], [9])))
    assert memory_map.rows == []
