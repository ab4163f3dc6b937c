"""The closed ledger: every slot of the arena is in exactly one account, at every step.

The engine keeps one row up to date (`row`) and books it once a step, after admissions and writes and before anything is
freed. What is booked is integrated at once (sums, peaks, a histogram), separately for steps on which a request waits
and steps on which none does, so a run of any length takes the same memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import inlined, kernel, marked_state
from paged_sim.result.accounts import ACCOUNTS, FREE, owned_by

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NUM_ACCOUNTS = len(ACCOUNTS)

(
    TOKEN_STATE,
    CACHED,
    RESERVATION,
    OVER_RESERVATION,
    TAIL,
    ROUNDING,
    PADDING,
    EXTERNAL,
    SHORT,
    WITHHELD,
    IDLE,
    METADATA,
    BATCH,
    HELD,
    WAITING,
    LARGEST,
    SHARED,
    SAVED,
    FILL,
    INDEX,
) = range(20)
NUM_COUNTS = FILL
NUM_SERIES = 20

SERIES = (*ACCOUNTS, "batch", "held", "waiting", "largest", "shared", "saved")
"""The names of a row's numbers."""

BINS = 4096
"""Resolution of p50 and p99: a series that can exceed this many units is binned in steps of 1/4096 of its span."""

FREE_ACCOUNTS = tuple(map(ACCOUNTS.index, owned_by(FREE)))

RAMPS = (TOKEN_STATE, RESERVATION)
LEVELS = tuple(series for series in range(NUM_COUNTS) if series not in (*RAMPS, LARGEST, WAITING))
"""The series that keep their value for a while; ramps change on nearly every step, LARGEST counts in INDEX only, and
the queue, which changes while a step is under way, has books of its own."""


@marked_state
class Ledger(NamedTuple):
    """The current row and what has been booked; the first axis is 0 for steps without and 1 for steps with a waiter.

    `row` holds the accounts in slots, then sequences held, slots held, requests waiting, the largest demand that could
    be met, and the credit of sharing: tokens that sequences see beyond those stored, and slots that they would hold
    beyond those held if nothing were shared. FILL is token state / slots held, INDEX the external index
    1 - largest / free. `scale[series]` turns a value into its bin. `weights[side]` is the time booked, `holding[side]`
    the part of it on which slots were held. `booked[series]` is what a level has been since `since[series]`, in time
    booked on the current side, which is `side[0]`.
    """

    row: Ints
    side: Ints
    booked: Ints
    since: Floats
    scale: Floats
    sums: Floats
    peaks: Floats
    histogram: Floats
    weights: Floats
    holding: Floats


def create(capacity: int, rows: int) -> Ledger:
    """An empty ledger for an arena of `capacity` slots and at most `rows` sequences."""
    spans = np.full(NUM_SERIES, float(capacity))
    spans[BATCH] = rows
    # What is shared is seen by every row.
    spans[SHARED] = spans[SAVED] = float(capacity) * rows
    scale = np.minimum(1.0, BINS / np.maximum(spans, 1.0))
    scale[FILL] = BINS
    return Ledger(
        row=np.zeros(NUM_COUNTS, np.int64),
        side=np.zeros(1, np.int64),
        booked=np.zeros(NUM_COUNTS, np.int64),
        since=np.zeros(NUM_COUNTS),
        scale=scale,
        sums=np.zeros((2, NUM_SERIES)),
        peaks=np.zeros((2, NUM_SERIES)),
        histogram=np.zeros((2, NUM_SERIES, BINS + 1)),
        weights=np.zeros(2),
        holding=np.zeros(2),
    )


@inlined
def balance(ledger: Ledger) -> int:
    """Sum of all accounts of the current row: the capacity, or the allocator is broken."""
    total = 0
    for account in range(NUM_ACCOUNTS):
        total += ledger.row[account]
    return total


@inlined
def book(ledger: Ledger, side: int, steps: int, slope: int, duration: float) -> None:
    """Book `steps` equal steps of `duration` each, on each of which `slope` slots move from reservation to token state.

    The row is as of the first of these steps and is left as it is. A level that has not changed costs nothing.
    """
    weight = duration * steps
    if side != ledger.side[0]:
        turn(ledger, side)
    for series in LEVELS:
        if ledger.row[series] != ledger.booked[series]:
            settle(ledger, series)
    ledger.weights[side] += weight
    book_ramp(ledger, side, TOKEN_STATE, slope, steps, duration)
    book_ramp(ledger, side, RESERVATION, -slope, steps, duration)
    book_index(ledger, side, weight)
    if ledger.row[HELD] > 0:
        ledger.holding[side] += weight
        book_fill(ledger, side, slope, steps, duration)
    for step in range(steps):
        book_step(ledger, side, slope * step, duration)


@inlined
def settle(ledger: Ledger, series: int) -> None:
    """Book a level's value for as long as it lasted, and go on with the row's value."""
    side = ledger.side[0]
    now = ledger.weights[side]
    weight = now - ledger.since[series]
    value = ledger.booked[series]
    ledger.since[series] = now
    ledger.booked[series] = ledger.row[series]
    if weight > 0.0:
        ledger.sums[side, series] += value * weight
        ledger.peaks[side, series] = max(ledger.peaks[side, series], value)
        ledger.histogram[side, series, int(value * ledger.scale[series])] += weight


@kernel
def turn(ledger: Ledger, side: int) -> None:
    """Book all levels on the side that ends, and go on with the other one."""
    for series in LEVELS:
        settle(ledger, series)
        ledger.since[series] = ledger.weights[side]
    ledger.side[0] = side


def settle_all(ledger: Ledger) -> None:
    """Book all levels until now; to be called before sums, peaks and histogram are read."""
    for series in LEVELS:
        settle(ledger, series)


@inlined
def book_ramp(ledger: Ledger, side: int, series: int, slope: int, steps: int, duration: float) -> None:
    """Book a series that changes by `slope` a step: its sum and its peak."""
    value = ledger.row[series]
    last = value + slope * (steps - 1)
    ledger.sums[side, series] += (value + last) * steps * 0.5 * duration
    ledger.peaks[side, series] = max(ledger.peaks[side, series], max(value, last))


@inlined
def book_fill(ledger: Ledger, side: int, slope: int, steps: int, duration: float) -> None:
    """Book the share of the held slots that holds tokens: its sum and its peak."""
    held = ledger.row[HELD]
    value = ledger.row[TOKEN_STATE]
    last = value + slope * (steps - 1)
    ledger.sums[side, FILL] += (value + last) * steps * 0.5 / held * duration
    ledger.peaks[side, FILL] = max(ledger.peaks[side, FILL], last / held)


@inlined
def book_step(ledger: Ledger, side: int, moved: int, duration: float) -> None:
    """Book one step's values of all that changes from step to step, `moved` tokens after the row's."""
    row, histogram = ledger.row, ledger.histogram
    stored, reserved = row[TOKEN_STATE] + moved, row[RESERVATION] - moved
    histogram[side, TOKEN_STATE, int(stored * ledger.scale[TOKEN_STATE])] += duration
    histogram[side, RESERVATION, int(reserved * ledger.scale[RESERVATION])] += duration
    if row[HELD] > 0:
        histogram[side, FILL, int(stored / row[HELD] * BINS)] += duration


@inlined
def book_index(ledger: Ledger, side: int, weight: float) -> None:
    """Book how far the largest demand that could be met is from the free slots; only its mean is kept."""
    row = ledger.row
    free = row[EXTERNAL] + row[SHORT] + row[WITHHELD] + row[IDLE]
    if row[LARGEST] < free:
        ledger.sums[side, INDEX] += (1.0 - row[LARGEST] / free) * weight
