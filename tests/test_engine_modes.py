"""Ways of computing the same simulation: token by token or ahead, cut anywhere, with any clock's rows decimated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from engine_cases import Case, assert_same, cases
from helpers import COLUMNS, play, requests_of, scenario_of, set_up
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from paged_sim.arena.operations import COPY, POISON
from paged_sim.engine import machine as m
from paged_sim.engine import steps
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Measure, Scheduler, Variant

few = settings(max_examples=100)

DURATION, BATCH = COLUMNS.index("duration"), COLUMNS.index("batch")


@few
@given(cases())
def test_writing_ahead_comes_to_the_same_as_token_by_token(case: Case) -> None:
    assert_same(case.play(), case.play(eager=True))


@few
@given(cases(), st.sampled_from([1, 7]), st.booleans())
def test_where_the_record_is_cut_does_not_matter(case: Case, flush_at: int, eager: bool) -> None:
    assert_same(case.play(eager=eager, flush_at=1 << 20), case.play(eager=eager, flush_at=flush_at))


@few
@given(cases())
def test_stopping_at_every_step_changes_nothing(case: Case) -> None:
    machine = set_up(case.scenario, case.requests)
    reason = steps.PAUSED
    while reason == steps.PAUSED:
        reason = steps.advance(machine, int(machine.counts[m.STEP]) + 1)
    whole = case.play()
    assert reason == steps.DONE
    assert_allclose(machine.timeline[: len(whole.rows)], whole.rows)
    assert np.array_equal(machine.ended, whole.machine.ended)


@few
@given(cases())
def test_an_arena_without_memory_gives_the_same_ledger(case: Case) -> None:
    absent = replace(case.scenario, arena=ArenaSpec(device="cpu", payload="none"))
    with_memory, without = case.play(), play(absent, case.requests)
    assert np.array_equal(with_memory.rows, without.rows)
    assert np.array_equal(with_memory.machine.ledger.sums, without.machine.ledger.sums)


@few
@given(cases(), st.integers(2, 9), st.data())
def test_a_decimated_timeline_keeps_rows_of_the_whole_one(case: Case, samples: int, data: st.DataObject) -> None:
    """The watched row is the whole timeline's row at that step, and so is every row that was kept."""
    whole = case.play()
    watch = data.draw(st.integers(0, whole.counts["STEP"] + 1))
    few_rows = replace(case.scenario, measure=replace(case.scenario.measure, samples=samples))
    decimated = play(few_rows, case.requests, watch=watch)
    known = {tuple(row) for row in whole.rows.tolist()}
    assert len(decimated.rows) <= samples
    assert all(tuple(row) in known for row in decimated.rows.tolist())
    assert all(row[0] % decimated.counts["STRIDE"] == 0 or row[BATCH] == 0 for row in decimated.rows)
    at_step = whole.rows[whole.rows[:, 0] == watch]
    if len(at_step):
        # Idle time may come in parts, where a request only comes to be refused: the accounts of all parts are the same.
        compared = slice(0 if at_step[-1][BATCH] else DURATION + 1, None)
        assert np.array_equal(decimated.machine.watched[0, compared], at_step[-1][compared])
    else:
        assert np.isnan(decimated.machine.watched).all()


def test_requests_refused_while_nothing_runs_do_not_fill_the_timeline() -> None:
    """Each of them ends a stretch of idle time without a step; this once filled all rows with step 0, for ever."""
    total = 40
    arrival = [float(number) for number in range(total + 1)]
    requests = requests_of([100] * total + [3], [2] * (total + 1), arrival=arrival)
    clock = Variant("linear", {"base": 1.0, "per_sequence": 0.0, "per_prefill_token": 0.0})
    spec = AllocatorSpec(name="paged", policy="paged")
    played = play(scenario_of(spec, clock=clock, measure=Measure(samples=4)), requests)
    assert played.rows[:, : DURATION + 1].tolist() == [[0, 0, 40], [0, 40, 1], [1, 41, 1]]
    assert played.column("batch").tolist() == [0, 1, 1]


def test_a_step_may_refuse_admit_and_end_a_whole_arena_each() -> None:
    """The most that one step can record: pages checked, poisoned, written, checked and poisoned again."""
    spec = AllocatorSpec(name="paged", policy="paged", page_size=1)
    scenario = scenario_of(
        spec,
        slots=1000,
        max_model_len=2000,
        arena=ArenaSpec(device="cpu", poison=True),
        scheduler=Scheduler(preemption="none"),
    )
    played = play(scenario, requests_of([989, 11, 988], [9, 2, 1]), flush_at=1)
    assert played.machine.outcome.tolist() == [m.REFUSED_GROWTH, m.FINISHED, m.FINISHED]
    assert played.stats.corrupt == 0


def test_a_moved_extent_is_poisoned_where_freed_slots_are() -> None:
    """Of two growing sequences the first moves; what it left behind reads as poison, written ahead or not."""
    spec = AllocatorSpec(name="grow", policy="contiguous", reserve="grow", chunk=4)
    scenario = scenario_of(spec, slots=40, arena=ArenaSpec(device="cpu", poison=True))
    for eager in (False, True):
        machine = set_up(scenario, requests_of([4, 4], [3, 3]), eager=eager)
        steps.advance(machine, 2)
        recorded = machine.operations[: machine.counts[m.NUM_OPERATIONS]].tolist()
        assert [COPY, 0, 4, 8, 0] in recorded
        assert [POISON, 0, 4, 0, 0] in recorded
