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
from paged_sim.scenario.models import AllocatorSpec, Measure, Variant

BATCH = COLUMNS.index("batch")


def mapped(
    case: Case, *, most_rows: int = ALL_ROWS, most_bins: int = 256, eager: bool = False, flush_at: int = 1 << 16
) -> tuple[MemoryMap, Machine]:
    """The map of a simulation, and its machine at the end."""
    machine = set_up(case.scenario, case.requests, eager=eager, flush_at=flush_at)
    memory_map = MemoryMap(most_rows, most_bins)
    with open_arena(case.scenario.arena, case.scenario.memory.params["slots"], 8, compiled=False) as arena:
        for _ in drive(machine, arena, compiled=False, memory_map=memory_map):
            pass
    return memory_map, machine


@every_case
@given(cases())
def test_every_row_is_that_of_the_ledger(case: Case) -> None:
    memory_map, machine = mapped(case)
    timeline = machine.timeline[: machine.counts[NUM_ROWS]]
    booked = {(row[0], row[BATCH] == 0): row for row in timeline}
    for row in memory_map.rows:
        of_ledger = booked[row.step, row.idle > 0]
        assert row.slots.sum(axis=0).tolist() == of_ledger[3 : 3 + len(ACCOUNTS)].tolist()
        assert (row.slots.sum(axis=1) == 1).all()
        assert row.time == pytest.approx(of_ledger[1])
    busy = timeline[timeline[:, BATCH] > 0]
    assert [row.step for row in memory_map.rows if not row.idle] == busy[:, 0].tolist()
    assert memory_map.end == pytest.approx(timeline[-1, 1] + timeline[-1, 2] if len(timeline) else 0.0)


@settings(max_examples=40)
@given(cases())
def test_looking_changes_nothing_and_sees_the_same_token_by_token(case: Case) -> None:
    memory_map, machine = mapped(case)
    eager, other = mapped(case, eager=True, flush_at=7)
    for one, again in zip(memory_map.rows, eager.rows, strict=True):
        assert one.step == again.step
        assert np.array_equal(one.slots, again.slots)
    plain = case.play()
    assert np.array_equal(machine.timeline, plain.machine.timeline)
    assert np.array_equal(machine.ended, other.ended)
    assert np.array_equal(machine.ended, plain.machine.ended)


@pytest.mark.parametrize("spec", POLICIES, ids=by_name)
def test_stretches_of_several_slots_add_up_what_each_slot_holds(spec: AllocatorSpec) -> None:
    rng = np.random.default_rng(5)
    prompt, output = rng.integers(1, 20, (2, 12))
    case = Case(scenario_of(spec, slots=101), requests_of(prompt, output, max_tokens=output + 9))
    fine, _ = mapped(case)
    coarse, _ = mapped(case, most_bins=7)
    edges = np.linspace(0, 101, 8).astype(int)
    for one, row in zip(coarse.rows, fine.rows, strict=True):
        assert np.array_equal(one.slots, np.add.reduceat(row.slots, edges[:-1]))


def test_a_half_empty_reservation_looks_half_empty() -> None:
    """Room for 12 tokens of which 4 will come: after the second step two are stored."""
    spec = AllocatorSpec(name="limit", policy="contiguous", reserve="limit", placement="first_fit")
    memory_map, _ = mapped(Case(scenario_of(spec, slots=16), requests_of([1], [4], max_tokens=[11])))
    assert [row.step for row in memory_map.rows] == [0, 1, 2, 3]
    names = [ACCOUNTS[account] for account in memory_map.rows[1].slots.argmax(axis=1)]
    assert names == ["token_state"] * 2 + ["reservation"] * 2 + ["over_reservation"] * 8 + ["idle"] * 4


@pytest.mark.parametrize(
    ("output", "steps"), [(8, list(range(8))), (9, [0, 2, 4, 6, 8]), (100, [*range(0, 97, 16), 99])]
)
def test_a_long_map_keeps_every_second_row_and_the_last(output: int, steps: list[int]) -> None:
    case = Case(scenario_of(PAGED[0], slots=128, max_model_len=128), requests_of([1], [output]))
    memory_map, machine = mapped(case, most_rows=8)
    assert [row.step for row in memory_map.rows] == steps
    for row in memory_map.rows:
        of_ledger = machine.timeline[row.step]
        assert of_ledger[0] == row.step
        assert row.slots.sum(axis=0).tolist() == of_ledger[3 : 3 + len(ACCOUNTS)].tolist()


def test_long_idle_time_has_rows_and_short_idle_time_has_none() -> None:
    """Twenty bursts of ten steps, a second apart, before and between two silences of a hundred seconds."""
    arrival = [*np.arange(20.0), 120.0, 220.0]
    clock = Variant("linear", {"base": 0.01, "per_sequence": 0.0, "per_prefill_token": 0.0})
    measure = Measure(samples=64)
    spec = AllocatorSpec(name="hash", policy="paged", page_size=4, prefix_cache="hash")
    scenario = scenario_of(spec, slots=64, clock=clock, measure=measure)
    memory_map, machine = mapped(Case(scenario, requests_of([9] * 22, [10] * 22, arrival=arrival)), most_rows=64)
    timeline = machine.timeline[: machine.counts[NUM_ROWS]]
    silences = [(19.1, 120.0), (120.1, 220.0)]
    idle = [(row.time, row.time + row.idle) for row in memory_map.rows if row.idle]
    assert np.allclose(idle, silences)
    gaps = timeline[(timeline[:, BATCH] == 0) & (timeline[:, 2] > 20)]
    assert np.allclose(gaps[:, 1], [19.1, 120.1])
    assert all(row.slots[:, ACCOUNTS.index("cached")].sum() > 0 for row in memory_map.rows if row.idle)


def test_nothing_that_could_be_served_is_nothing_to_see() -> None:
    memory_map, _ = mapped(Case(scenario_of(PAGED[0], slots=4), requests_of([9], [9])))
    assert memory_map.rows == []
