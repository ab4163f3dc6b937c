"""What every simulation must keep to, whatever the policy, the scheduler and the workload."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import Case, cases
from helpers import COLUMNS, Played, play, requests_of, scenario_of
from hypothesis import given, settings

from paged_sim import ledger as books
from paged_sim.engine import machine as m
from paged_sim.engine.audit import audit
from paged_sim.ledger import CACHED, EXTERNAL, LEVELS, METADATA, RAMPS, RESERVATION, TOKEN_STATE
from paged_sim.scenario.models import AllocatorSpec, Scheduler
from paged_sim.simulation import check_emptied

BOOKED = sorted((*LEVELS, *RAMPS))

every_case = settings(max_examples=300)


def check_requests(case: Case, played: Played) -> None:
    """Every request ended once: finished, or refused for a reason."""
    counts, outcome = played.machine.counts, played.machine.outcome
    total = len(case.requests)
    finished = played.machine.ended[: counts[m.NUM_FINISHED]]
    assert np.all(outcome != m.PENDING)
    assert counts[m.NUM_ENDED] == counts[m.NUM_ARRIVED] == total
    assert sorted(finished.tolist()) == np.flatnonzero(outcome == m.FINISHED).tolist()
    assert counts[m.NUM_RUNNING] == 0
    stored = case.requests.stored_tokens[finished]
    if case.scenario.measure.warmup_requests == 0:
        assert stored.sum() <= counts[m.STORED_AT_FINISH] <= (stored * case.requests.samples[finished]).sum()
        assert counts[m.HELD_AT_FINISH] >= counts[m.STORED_AT_FINISH]


def check_refusals(case: Case, played: Played) -> None:
    """Without preemption nobody is preempted; with it, nobody is refused for want of room to grow but for itself."""
    recompute = case.scenario.scheduler.preemption == "recompute"
    outcomes = set(played.machine.outcome.tolist())
    if recompute:
        assert outcomes.isdisjoint({m.REFUSED_GROWTH, m.REFUSED_MOVE})
    else:
        assert m.REFUSED_ALONE not in outcomes
        assert not played.machine.tallies[m.PREEMPTED].any()
    if case.scenario.allocators[0].policy == "paged":
        assert outcomes.isdisjoint({m.REFUSED_PLACEMENT, m.REFUSED_MOVE, m.REFUSED_ALONE, m.REFUSED_RESERVATION})
        assert played.machine.tallies[:, m.FRAGMENTATION].sum() == 0


def check_content(case: Case, played: Played) -> None:
    """Every token that was stored was written once or found, read back by each sequence that sees it, and was there."""
    stats, counts, requests = played.stats, played.machine.counts, case.requests
    finished = played.machine.ended[: counts[m.NUM_FINISHED]]
    hits = counts[m.HIT] + counts[m.HIT_AGAIN]
    assert stats.corrupt == 0
    if requests.samples.max() == 1:
        assert stats.tokens_checked == stats.tokens_written + hits
    assert stats.tokens_checked >= stats.tokens_written
    prompt = np.minimum(requests.prompt_tokens, requests.stored_tokens)
    common = prompt if case.scenario.allocators[0].policy == "paged" else 0
    written = common + requests.samples * (requests.stored_tokens - common)
    assert stats.tokens_written + hits == written[finished].sum() + counts[m.DISCARDED]


def check_credit(case: Case, played: Played) -> None:
    """Tokens seen and slots saved: never less than nothing, and nothing where nothing can be shared."""
    shared, saved, spec = played.column("shared"), played.column("saved"), case.scenario.allocators[0]
    assert np.all(shared >= 0)
    assert np.all(saved >= shared)
    if spec.policy != "paged" or (spec.prefix_cache == "none" and case.requests.samples.max() == 1):
        assert not saved.any()
        assert played.machine.counts[m.COW_COPIES] == 0


def check_rows(case: Case, played: Played) -> None:
    """The accounts sum to the arena on every row, and say what the other columns say."""
    slots = case.scenario.memory.params["slots"]
    accounts = played.accounts
    assert np.all(accounts >= 0)
    assert np.all(accounts.sum(axis=1) == slots)
    held = accounts[:, :CACHED].sum(axis=1) + accounts[:, RESERVATION:EXTERNAL].sum(axis=1)
    # A radix tree also keeps pages that are not full, whose rest is booked as tail though nobody holds them.
    spec = case.scenario.allocators[0]
    agrees = np.less_equal if spec.prefix_cache == "radix" else np.equal
    assert np.all(agrees(played.column("held"), held))
    free = accounts[:, EXTERNAL:METADATA].sum(axis=1)
    unheld = slots - played.column("held") - accounts[:, METADATA]
    assert np.all(played.column("largest") <= unheld)
    assert np.all(accounts[:, TOKEN_STATE] + played.column("shared") <= played.column("held") + played.column("saved"))
    if spec.prefix_cache == "none":
        assert np.array_equal(unheld, free)
    waits = played.column("waiting") > 0
    assert np.all(played.column("idle")[waits] == 0)
    assert np.all(free[~waits] == played.column("idle")[~waits])
    if case.scenario.allocators[0].policy == "paged":
        assert np.all(played.column("external") == 0)
    assert np.all(np.diff(played.column("step")) >= 0)


def check_sums(case: Case, played: Played) -> None:
    """What was integrated is what the rows add up to."""
    counts, ledger = played.machine.counts, played.machine.ledger
    books.settle_all(ledger)
    steps = played.rows[played.column("batch") > 0]
    assert len(steps) == counts[m.NUM_STEPS_DONE]
    assert steps[:, COLUMNS.index("batch")].sum() == counts[m.TOKEN_STEPS]
    if case.scenario.measure.warmup_requests:
        return
    weights = played.column("duration")
    waits = played.column("waiting") > 0
    for side, rows in ((0, ~waits), (1, waits)):
        assert ledger.weights[side] == pytest.approx(weights[rows].sum())
        booked = (played.rows[rows, 3:] * weights[rows, None]).sum(axis=0)
        assert ledger.sums[side, BOOKED] == pytest.approx(booked[BOOKED])
        if rows.any():
            assert ledger.peaks[side, BOOKED].tolist() == played.rows[rows, 3:].max(axis=0)[BOOKED].tolist()
        binned = ledger.histogram[side, BOOKED].sum(axis=1)
        assert binned == pytest.approx(np.full(len(BOOKED), weights[rows].sum()))


@every_case
@given(cases())
def test_a_simulation_keeps_its_books(case: Case) -> None:
    played = case.play()
    check_requests(case, played)
    check_refusals(case, played)
    check_content(case, played)
    check_credit(case, played)
    check_rows(case, played)
    check_sums(case, played)
    check_emptied(case.scenario.allocators[0], played.state)
    audit("case", played.machine, played.stats)


def test_who_is_refused_alone_makes_way_for_a_head_that_waits_for_budget() -> None:
    """The refused sequence had used the step's budget; its end once looked like the end of all progress."""
    spec = AllocatorSpec(name="grow", policy="contiguous", reserve="grow", placement="buddy", chunk=5)
    scenario = scenario_of(spec, slots=32, scheduler=Scheduler(max_num_batched_tokens=1))
    played = play(scenario, requests_of([1, 1, 1], [1, 17, 1]))
    assert played.machine.outcome.tolist() == [m.FINISHED, m.REFUSED_ALONE, m.FINISHED]


@pytest.mark.parametrize(("placement", "held"), [("first_fit", 100), ("buddy", 64)])
def test_a_chunk_is_never_larger_than_the_arena(placement: str, held: int) -> None:
    spec = AllocatorSpec(name="grow", policy="contiguous", reserve="grow", placement=placement, chunk=256)
    played = play(scenario_of(spec, slots=100, max_model_len=500), requests_of([10, 10], [5, 5]))
    assert played.machine.outcome.tolist() == [m.FINISHED, m.FINISHED]
    assert played.column("held").max() == held


def test_only_the_chunk_of_this_step_must_fit_where_the_full_prompt_is_not_reserved() -> None:
    """Three pages are free and two tokens of the budget are left: one page for them is enough to be admitted."""
    spec = AllocatorSpec(name="paged", policy="paged", page_size=2)
    scheduler = Scheduler(max_num_batched_tokens=10, prefill="chunked", reserve_full_prompt=False)
    requests = requests_of([8, 8], [2, 2])
    played = play(scenario_of(spec, slots=14, scheduler=scheduler), requests)
    assert played.column("batch")[0] == 2
    whole = replace(scheduler, reserve_full_prompt=True)
    assert play(scenario_of(spec, slots=14, scheduler=whole), requests).column("batch")[0] == 1
