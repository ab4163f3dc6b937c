"""Setting a simulation up: an allocator's state, the machine's settings, and who can never be served."""

from __future__ import annotations

import numpy as np

from paged_sim import allocators, ledger
from paged_sim.allocators import family_of, family_with, page_size_of
from paged_sim.content import nothing_known
from paged_sim.engine import machine as m
from paged_sim.engine.machine import Machine
from paged_sim.requests import Ints, Requests
from paged_sim.scenario.models import AllocatorSpec, Scenario

CHECK_MODES = {"none": m.CHECK_NONE, "all": m.CHECK_ALL, "finish": m.CHECK_FINISH, "sample": m.CHECK_SAMPLE}

FLUSH_AT_PAGES = 1 << 16
FLUSH_AT_EXTENTS = 1 << 13
"""Recorded operations after which they are carried out: enough to be worthwhile, few enough for a cache. One over an
extent is over all of a sequence, one over a page over sixteen tokens."""


def build_allocator(
    spec: AllocatorSpec, slots: int, requests: Requests, max_model_len: int, seats: int
) -> allocators.State:
    """The empty allocator that a scenario's entry describes, for at most `seats` sequences at a time."""
    return family_of(spec).create(spec, slots, requests, max_model_len, seats)


def refuse_beforehand(outcome: Ints, state: allocators.State, requests: Requests, max_model_len: int) -> None:
    """Mark the requests that even an empty arena could not serve, by reason."""
    usable, demands = allocators.capacity(state), family_with(state).demands(state, requests, max_model_len)
    outcome[~demands.placeable] = m.REFUSED_PLACEMENT
    outcome[demands.asked > usable] = m.REFUSED_RESERVATION
    outcome[demands.needed > usable] = m.REFUSED_CAPACITY
    outcome[requests.prompt_tokens >= max_model_len] = m.REFUSED_PROMPT


def num_seats(scenario: Scenario, slots: int, requests: Requests) -> int:
    """Sequences that can be resident at once: the scheduler's limit, but not more than there are, or than slots.

    Where they begin alike they may be more than slots: what a sequence shares with others takes none.
    """
    most = min(scenario.scheduler.max_num_seqs, int(requests.samples.sum()))
    if requests.prefix_block or len(requests.chain) or len(requests.source) or requests.samples.max(initial=1) > 1:
        return max(1, most)
    return max(1, min(most, slots))


def build_machine(
    scenario: Scenario,
    spec: AllocatorSpec,
    state: allocators.State,
    requests: Requests,
    slots: int,
    *,
    eager: bool = False,
    flush_at: int | None = None,
    log: bool = False,
) -> Machine:
    """The machine at step 0 for one allocator, with the requests that can never be served marked.

    It stops to have operations carried out when `flush_at` are recorded. `log` says whether it logs what the pool of a
    paged allocator does.
    """
    family, seats = family_of(spec), num_seats(scenario, slots, requests)
    longest_output = int(requests.output_tokens.max(initial=1))
    if flush_at is None:
        flush_at = FLUSH_AT_PAGES if family.paged else FLUSH_AT_EXTENTS
    machine = m.empty_machine(
        requests,
        state,
        state.content if family.caches else nothing_known(),
        seats=seats,
        wheel_span=longest_output + 1,
        operations=flush_at + operations_per_step(state, requests, seats),
        log=flush_at + logged_per_step(state, seats) if log else 0,
        rows=max(2, scenario.measure.samples),
        writers=longest_output if requests.beams else 0,
        ledger=ledger.create(slots, seats, family_of(spec).accounts(spec)),
    )
    refuse_beforehand(machine.outcome, state, requests, scenario.max_model_len)
    set_counts(machine, scenario, spec, state, slots)
    machine.counts[m.EAGER] = eager
    machine.counts[m.FLUSH_AT] = flush_at
    machine.counts[m.LOG] = spec.page_size if log else 0
    set_clock(machine, scenario)
    set_loop(machine, requests)
    set_beams(machine, requests)
    return machine


def operations_per_step(state: allocators.State, requests: Requests, seats: int) -> int:
    """The most operations one step can record.

    A page may be checked and poisoned as its sequence is refused, then written, checked and poisoned for one that is
    admitted and ends in the same step; a seat adds what is not page by page, such as moves. A beam reads every
    generated token for itself, once as it is dropped and once as its successor ends.
    """
    family = family_with(state)
    beams = 2 * seats * int(requests.output_tokens.max(initial=1)) if family.paged and requests.beams else 0
    return 6 * family.touched(state, requests) + 16 * seats + 64 + beams


def logged_per_step(state: allocators.State, seats: int) -> int:
    """The most numbers one step can log: every table taken and given back, and taken and given back once more."""
    pages = int(state.table.size) if family_with(state).paged else 0
    return 4 * pages + 64 * seats + 64


def set_counts(machine: Machine, scenario: Scenario, spec: AllocatorSpec, state: allocators.State, slots: int) -> None:
    """Enter the scheduler's and the arena's settings."""
    counts, scheduler = machine.counts, scenario.scheduler
    unit = page_size_of(spec) or 1
    counts[m.CAPACITY] = slots
    counts[m.MAX_SEQS] = scheduler.max_num_seqs
    counts[m.MAX_TOKENS] = scheduler.max_num_batched_tokens
    counts[m.CHUNKED] = scheduler.prefill == "chunked"
    counts[m.RECOMPUTE] = scheduler.preemption == "recompute"
    counts[m.SPARE] = int(scheduler.watermark * (slots // unit)) * unit
    counts[m.FULL_PROMPT] = scheduler.reserve_full_prompt
    counts[m.RECORD] = scenario.arena.payload != "none"
    counts[m.CHECK] = CHECK_MODES[scenario.arena.check]
    counts[m.CHECK_SEED] = scenario.seed % (1 << 24)
    counts[m.POISON_FREED] = scenario.arena.poison
    counts[m.WARMUP] = scenario.measure.warmup_requests
    counts[m.CACHING] = family_of(spec).caches
    counts[m.ORDERED] = family_of(spec).ordered(spec)
    machine.ledger.row[ledger.METADATA] = slots - allocators.capacity(state)


def set_clock(machine: Machine, scenario: Scenario) -> None:
    """Enter the clock: a step lasts 1, or `base + per_sequence * batch + per_prefill_token * prompt tokens` seconds."""
    if scenario.clock.kind == "linear":
        params = scenario.clock.params
        machine.counts[m.TIMED] = 1
        machine.times[m.BASE] = params["base"]
        machine.times[m.PER_SEQUENCE] = params["per_sequence"]
        machine.times[m.PER_PREFILL_TOKEN] = params["per_prefill_token"]


def set_loop(machine: Machine, requests: Requests) -> None:
    """Say whose arrival is known: everybody's, or in a closed loop the first requests of all users or sessions."""
    machine.counts[m.NUM_SENT] = len(requests) - np.count_nonzero(requests.after >= 0)
    if requests.users:
        machine.counts[m.CLOSED_LOOP] = 1
        machine.counts[m.NUM_SENT] = min(requests.users, len(requests))
        machine.times[m.THINK] = requests.think


def set_beams(machine: Machine, requests: Requests) -> None:
    """Say whether the samples of a request are beams, and how their parents are drawn."""
    if requests.beams is not None:
        machine.counts[m.BEAM] = 1
        machine.counts[m.BEAM_SEED] = requests.beams.seed
        machine.counts[m.BEAM_KEEP] = int(requests.beams.keep * 2**32)
