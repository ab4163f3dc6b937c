"""Booking of steps: into the ledger, the tallies and the timeline."""

from __future__ import annotations

from paged_sim import ledger as books
from paged_sim.compiled import inlined, kernel
from paged_sim.engine.machine import (
    BLOCKED,
    NONE,
    NUM_FINISHED,
    NUM_ROWS,
    NUM_RUNNING,
    STEP,
    STRIDE,
    TOKEN_STEPS,
    WARMUP,
    WATCH,
    Machine,
)
from paged_sim.ledger import BATCH, NUM_COUNTS, RESERVATION, TOKEN_STATE
from paged_sim.requests import Floats


@inlined
def book_steps(machine: Machine, blocked: int, steps: int, slope: int, begin: float, duration: float) -> None:
    """Book `steps` alike steps that start at `begin`, on each of which `slope` slots get a token.

    The ledger's row is as of the first of them and, afterwards, of the last.
    """
    counts, row = machine.counts, machine.ledger.row
    side = 1 if blocked != NONE else 0
    counts[TOKEN_STEPS] += counts[NUM_RUNNING] * steps
    if counts[NUM_FINISHED] >= counts[WARMUP]:
        books.book(machine.ledger, side, steps, slope, duration)
        if blocked != NONE:
            machine.tallies[BLOCKED, blocked] += steps
    if blocked != NONE:
        machine.durations[blocked] += steps * duration
    # Most steps leave no row behind, and a call for each would be dearer than the question.
    is_kept = next_kept(machine, counts[STEP]) < counts[STEP] + steps
    if is_kept or counts[NUM_RUNNING] == 0 or counts[WATCH] != NONE:
        keep_samples(machine, steps, slope, begin, duration)
    row[TOKEN_STATE] += slope * (steps - 1)
    row[RESERVATION] -= slope * (steps - 1)


@kernel
def keep_samples(machine: Machine, steps: int, slope: int, begin: float, duration: float) -> None:
    """Keep the timeline's rows among these steps: every STRIDE-th; the stride doubles when the timeline is full.

    A long stretch of idle time is kept whatever its number: the row before would seem to last through it.
    """
    counts, timeline = machine.counts, machine.timeline
    first = counts[STEP]
    if counts[NUM_RUNNING] == 0 and counts[NUM_ROWS] > 0:
        # Idle time that went on, because the request that ended it was refused: no step has passed since.
        last = counts[NUM_ROWS] - 1
        if timeline[last, 0] == first and timeline[last, 3 + BATCH] == 0:
            timeline[last, 2] += duration
            return
    watched = max(first, counts[WATCH])
    while watched < min(first + steps, counts[WATCH] + len(machine.watched)):
        write_sample(machine, machine.watched[watched - counts[WATCH]], watched - first, slope, begin, duration)
        watched += 1
    now = begin + duration * steps
    idle = counts[NUM_RUNNING] == 0 and is_long(duration, now, len(timeline))
    step = first if idle else next_kept(machine, first)
    while step < first + steps:
        if counts[NUM_ROWS] == len(timeline):
            halve(machine, now)
            step = first if idle else next_kept(machine, step)
            continue
        write_sample(machine, timeline[counts[NUM_ROWS]], step - first, slope, begin, duration)
        counts[NUM_ROWS] += 1
        step += counts[STRIDE]


@inlined
def next_kept(machine: Machine, step: int) -> int:
    """The first step from `step` on whose row is kept; a stride is a power of two, and masking is far from dividing."""
    stride = machine.counts[STRIDE]
    return int((step + stride - 1) & -stride)


@inlined
def is_long(duration: float, now: float, rows: int) -> bool:
    """Whether idle time shows in a picture of all time until now; at most a quarter of the `rows` there are can."""
    return bool(duration * rows > 4.0 * now)


@kernel
def halve(machine: Machine, now: float) -> None:
    """Drop every second row of the timeline, and idle time that is long no more, and double the stride."""
    counts, timeline = machine.counts, machine.timeline
    counts[STRIDE] *= 2
    kept = 0
    for index in range(counts[NUM_ROWS]):
        idle = timeline[index, 3 + BATCH] == 0 and is_long(timeline[index, 2], now, len(timeline))
        if idle or int(timeline[index, 0]) % counts[STRIDE] == 0:
            # Column by column: assigning a row costs Numba seconds to compile.
            for column in range(timeline.shape[1]):
                timeline[kept, column] = timeline[index, column]
            kept += 1
    counts[NUM_ROWS] = kept


@kernel
def write_sample(machine: Machine, sample: Floats, ahead: int, slope: int, begin: float, duration: float) -> None:
    """Write the row as it is `ahead` steps after the first: step, time, duration, then the ledger's row."""
    sample[0] = machine.counts[STEP] + ahead
    sample[1] = begin + duration * ahead
    sample[2] = duration
    for series in range(NUM_COUNTS):
        sample[3 + series] = machine.ledger.row[series]
    sample[3 + TOKEN_STATE] += slope * ahead
    sample[3 + RESERVATION] -= slope * ahead
