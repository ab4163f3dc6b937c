"""The step loop: iteration-level batching, first come first served, over any allocator.

A step serves the running sequences in order, then admits from the head of the queue; then the ledger's row is read,
and what has ended is freed. A sequence is touched only at its events (it needs more slots, or it ends); between events
every sequence stores one token a step, so a run of quiet steps is booked at once.
"""

from __future__ import annotations

from paged_sim.compiled import inlined, kernel
from paged_sim.engine import accounts, admission, booking, queue, queue_length, running
from paged_sim.engine.machine import (
    BASE,
    BUDGET,
    CAPACITY,
    EAGER,
    FLUSH_AT,
    HELD_BACK,
    LOG_STEP,
    LOGGED,
    MAX_TOKENS,
    NONE,
    NOW,
    NUM_ENDED,
    NUM_ENDING,
    NUM_LISTED,
    NUM_OPERATIONS,
    NUM_RUNNING,
    NUM_STARTED,
    NUM_STEPS_DONE,
    PARTIAL,
    PER_PREFILL_TOKEN,
    PER_SEQUENCE,
    PREEMPTED_NOW,
    PREFILLED,
    STEP,
    TIMED,
    Machine,
)
from paged_sim.ledger import BATCH, WAITING, balance

# Why `advance` came back.
DONE, PAUSED, STUCK, UNBALANCED = range(4)


def advance(machine: Machine, until: int) -> int:
    """Simulate steps until all requests have ended, the operations want to be carried out, or step `until` is reached.

    Comes back between steps, after `until` where a run of quiet steps goes beyond it, and may be called again: where it
    stops changes no result. The answer says why: DONE, PAUSED, STUCK (requests wait, nothing runs and nothing will
    change), UNBALANCED (the accounts do not sum to the capacity). When step `until` is reached, and when the last
    requests have stored all their tokens, it comes back before anything is freed: all is as the row of the last step
    says. It also comes back after long idle time, when all is as that row says.
    """
    counts = machine.counts
    while True:
        running.finish(machine)
        if counts[NUM_ENDED] == len(machine.arrival):
            return DONE
        if max(counts[NUM_OPERATIONS], counts[NUM_LISTED], counts[LOGGED]) >= counts[FLUSH_AT]:
            return PAUSED
        queue.join_arrivals(machine)
        if counts[NUM_RUNNING] == 0 and queue.num_waiting(machine) == 0:
            if counts[NUM_ENDED] < len(machine.arrival) and idle(machine):
                return PAUSED
            continue
        blocked = serve(machine)
        if balance(machine.ledger) != counts[CAPACITY]:
            return UNBALANCED
        if counts[NUM_RUNNING] == 0 and queue.num_waiting(machine) > 0 and not counts[HELD_BACK]:
            return STUCK
        if counts[NUM_RUNNING] > 0:
            pass_time(machine, blocked)
        if counts[STEP] >= until or counts[NUM_ENDED] + counts[NUM_ENDING] == len(machine.arrival):
            return PAUSED


@kernel
def serve(machine: Machine) -> int:
    """One step's work up to the reading of the row; the cause if a request still waits, or NONE."""
    counts, row = machine.counts, machine.ledger.row
    counts[LOG_STEP] = counts[STEP]
    counts[BUDGET] = counts[MAX_TOKENS]
    counts[PREFILLED] = 0
    counts[PREEMPTED_NOW] = 0
    counts[HELD_BACK] = 0
    counts[NUM_ENDING] = 0
    counts[NUM_STARTED] = 0
    running.run(machine)
    admission.admit(machine)
    row[BATCH] = counts[NUM_RUNNING]
    row[WAITING] = queue.num_waiting(machine)
    blocked = admission.label_free_slots(machine)
    queue_length.begin_step(machine.queue_length, machine.times[NOW], row[WAITING], 1 if blocked != NONE else 0)
    return blocked


@kernel
def pass_time(machine: Machine, blocked: int) -> None:
    """Book this step and the quiet ones that follow, and set the clock and the step behind them."""
    counts, times = machine.counts, machine.times
    slope = accounts.slots_of(running.num_generating(machine))
    duration = duration_of(machine)
    limit = quiet_steps(machine)
    begin = times[NOW]
    if counts[NUM_STARTED] > 0:
        note_first_tokens(machine, begin + duration)
    arrival = queue.next_arrival(machine)
    # The clock adds up step by step: its rounding decides which step sees a request arrive.
    steps = 0
    while steps < limit and (steps == 0 or times[NOW] < arrival):
        times[NOW] += duration
        steps += 1
    booking.book_steps(machine, blocked, steps, slope, begin, duration)
    counts[STEP] += steps
    counts[NUM_STEPS_DONE] += steps


@kernel
def duration_of(machine: Machine) -> float:
    """How long this step lasts."""
    counts, times = machine.counts, machine.times
    if not counts[TIMED]:
        return 1.0
    prefill = times[PER_PREFILL_TOKEN] * counts[PREFILLED]
    return float(times[BASE] + times[PER_SEQUENCE] * counts[NUM_RUNNING] + prefill)


@kernel
def note_first_tokens(machine: Machine, end: float) -> None:
    """Note when this step ends, at which the prompts it completed have a first token."""
    for index in range(machine.counts[NUM_STARTED]):
        admission.note_first_token(machine, machine.started[index], end)


@inlined
def quiet_steps(machine: Machine) -> int:
    """Steps from this one on that are alike: 1 where the next one has work to do."""
    counts, wheel = machine.counts, machine.wheel
    fresh_next = counts[HELD_BACK] or counts[PREEMPTED_NOW] or counts[EAGER] or counts[NUM_ENDING] > 0
    slower_now = counts[TIMED] and counts[PREFILLED] > 0
    if fresh_next or slower_now or counts[PARTIAL] != NONE:
        return 1
    mask = len(wheel) - 1
    steps = 1
    while steps < mask and wheel[(counts[STEP] + steps) & mask] == NONE:
        steps += 1
    return int(steps)


@kernel
def idle(machine: Machine) -> bool:
    """Nothing runs and nobody waits: book the time to the next arrival and jump there; whether it was long."""
    row, times = machine.ledger.row, machine.times
    arrival = queue.next_arrival(machine)
    row[BATCH] = 0
    row[WAITING] = 0
    queue_length.begin_step(machine.queue_length, times[NOW], 0, 0)
    admission.label_free_slots(machine)
    begin, times[NOW] = times[NOW], arrival
    booking.book_steps(machine, NONE, 1, 0, begin, arrival - begin)
    return booking.is_long(arrival - begin, arrival, len(machine.timeline))
