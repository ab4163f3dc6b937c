"""The closed ledger: every slot of the arena is in exactly one account, at every step.

The engine keeps one row up to date (`row`) and books it once a step, after admissions and writes and before anything is
freed. What is booked is integrated at once (sums, peaks, a histogram), separately for steps on which a request waits
and steps on which none does, so a run of any length takes the same memory.
"""

from __future__ import annotations

from collections.abc import Collection
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

# Columns of `sums` behind the series: the time booked, and the part of it on which slots were held.
TIME, HELD_TIME = NUM_SERIES, NUM_SERIES + 1
NUM_SUMS = NUM_SERIES + 2

ADDED_AT_ONCE = 32768
"""Bookings that are added up plainly before they go to the totals: rounding takes some 2^-42 of so many."""

SERIES = (*ACCOUNTS, "batch", "held", "waiting", "largest", "shared", "saved")
"""The names of a row's numbers."""

BINS = 4096
"""Resolution of p50 and p99: a series that can exceed this many units is binned in steps of 1/4096 of its span."""

POLICY_ACCOUNTS = (CACHED, OVER_RESERVATION, TAIL, ROUNDING, PADDING, EXTERNAL)
"""Accounts that only some policies can have slots in."""

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
    1 - largest / free. No value of the row is negative nor above `limits[series]`. `scale[series]` turns a value into
    its bin.

    `sums[side]` are the totals, behind them the time booked (`weights`) and that on which slots were held (`holding`).
    The last `bookings[0]` bookings are still in `recent[side]`; `lost[side]` is what rounding took of the totals.
    `booked[series]` is what a level has been since `since[series]`, in recent time of the current side, `side[0]`.
    """

    row: Ints
    limits: Ints
    side: Ints
    booked: Ints
    bookings: Ints
    since: Floats
    scale: Floats
    recent: Floats
    lost: Floats
    sums: Floats
    peaks: Floats
    histogram: Floats

    @property
    def weights(self) -> Floats:
        """The time booked, by side."""
        time: Floats = self.sums[:, TIME]
        return time

    @property
    def holding(self) -> Floats:
        """That on which slots were held."""
        time: Floats = self.sums[:, HELD_TIME]
        return time


def create(capacity: int, rows: int, accounts: Collection[int] = POLICY_ACCOUNTS) -> Ledger:
    """An empty ledger for an arena of `capacity` slots and at most `rows` sequences.

    Of the accounts that only some policies have slots in, `accounts` are those of this one.
    """
    spans = np.full(NUM_SERIES, float(capacity))
    spans[BATCH] = rows
    # What is shared is seen by every row.
    spans[SHARED] = spans[SAVED] = float(capacity) * rows
    scale = np.minimum(1.0, BINS / np.maximum(spans, 1.0))
    scale[FILL] = BINS
    limits = spans[:NUM_COUNTS].astype(np.int64)
    limits[WAITING] = np.iinfo(np.int64).max
    limits[[account for account in POLICY_ACCOUNTS if account not in accounts]] = 0
    return Ledger(
        row=np.zeros(NUM_COUNTS, np.int64),
        limits=limits,
        side=np.zeros(1, np.int64),
        booked=np.zeros(NUM_COUNTS, np.int64),
        bookings=np.zeros(1, np.int64),
        since=np.zeros(NUM_COUNTS),
        scale=scale,
        recent=np.zeros((2, NUM_SUMS)),
        lost=np.zeros((2, NUM_SUMS)),
        sums=np.zeros((2, NUM_SUMS)),
        peaks=np.zeros((2, NUM_SERIES)),
        histogram=np.zeros((2, NUM_SERIES, BINS + 1)),
    )


@inlined
def is_balanced(ledger: Ledger, capacity: int) -> bool:
    """Whether the accounts of the row sum to the capacity, or the allocator is broken."""
    total = 0
    for account in range(NUM_ACCOUNTS):
        total += ledger.row[account]
    return total == capacity


def faults(ledger: Ledger, capacity: int) -> list[str]:
    """What is not sound about the row, in words."""
    row, limits = ledger.row, ledger.limits
    wrong = [
        f"{name} is {value:,}, not within 0 and {limit:,}"
        for name, value, limit in zip(SERIES, row.tolist(), limits.tolist(), strict=True)
        if not 0 <= value <= limit
    ]
    used = int(row[TOKEN_STATE] + row[RESERVATION])
    if used > row[HELD]:
        wrong.append(f"token_state and reservation are {used:,}, and {row[HELD]:,} slots are held")
    total = int(row[:NUM_ACCOUNTS].sum())
    if total != capacity:
        wrong.append(f"the accounts sum to {total:,} of {capacity:,}")
    return wrong


@inlined
def book(ledger: Ledger, side: int, steps: int, slope: int, duration: float) -> bool:
    """Book `steps` equal steps of `duration` each, on each of which `slope` slots move from reservation to token state.

    The row is as of the first of these steps and is left as it is. A level that has not changed costs nothing. After
    ADDED_AT_ONCE bookings `settle_all` is due. What cannot be is not booked, as its bins lie outside of the histogram:
    the answer is false, and the row as it would be in the last step.
    """
    row = ledger.row
    weight, moved = duration * steps, slope * (steps - 1)
    # The sign of a number is its highest bit, so `signs` is negative if any of them is.
    signs = row[TOKEN_STATE] | (row[RESERVATION] - moved) | (row[HELD] - row[TOKEN_STATE] - row[RESERVATION])
    if side != ledger.side[0]:
        turn(ledger, side)
        signs |= room(ledger)
    for series in LEVELS:
        if row[series] != ledger.booked[series]:
            settle(ledger, series)
            ledger.booked[series] = row[series]
            signs |= row[series] | (ledger.limits[series] - row[series])
    if signs < 0:
        row[TOKEN_STATE] += moved
        row[RESERVATION] -= moved
        return False
    ledger.recent[side, TIME] += weight
    book_ramp(ledger, side, TOKEN_STATE, slope, steps, duration)
    book_ramp(ledger, side, RESERVATION, -slope, steps, duration)
    book_index(ledger, side, weight)
    if ledger.row[HELD] > 0:
        ledger.recent[side, HELD_TIME] += weight
        book_fill(ledger, side, slope, steps, duration)
    for step in range(steps):
        book_step(ledger, side, slope * step, duration)
    ledger.bookings[0] += 1
    return True


@inlined
def settle(ledger: Ledger, series: int) -> None:
    """Book a level's value for as long as it lasted: it was the row's in steps that count however short they were."""
    side = ledger.side[0]
    now = ledger.recent[side, TIME]
    weight = now - ledger.since[series]
    value = ledger.booked[series]
    ledger.since[series] = now
    ledger.recent[side, series] += value * weight
    ledger.peaks[side, series] = max(ledger.peaks[side, series], value)
    ledger.histogram[side, series, int(value * ledger.scale[series])] += weight


@kernel
def turn(ledger: Ledger, side: int) -> None:
    """Book all levels on the side that ends, and go on with the row's values on the other one."""
    for series in LEVELS:
        settle(ledger, series)
        ledger.booked[series] = ledger.row[series]
        ledger.since[series] = ledger.recent[side, TIME]
    ledger.side[0] = side


@kernel
def room(ledger: Ledger) -> int:
    """Negative if any level is outside of its limits."""
    signs = 0
    for series in LEVELS:
        signs |= ledger.row[series] | (ledger.limits[series] - ledger.row[series])
    return signs


def settle_all(ledger: Ledger) -> None:
    """Book all levels until now and bring the totals up to date; to be called before any of them is read.

    Not part of the step loop: what rounding takes of the totals is kept for the next time (Kahan's summation).
    """
    side, levels, recent, lost = ledger.side[0], _LEVELS, ledger.recent, ledger.lost
    values, weights = ledger.booked[levels], recent[side, TIME] - ledger.since[levels]
    recent[side, levels] += values * weights
    ledger.peaks[side, levels] = np.maximum(ledger.peaks[side, levels], values)
    ledger.histogram[side, levels, (values * ledger.scale[levels]).astype(np.int64)] += weights
    recent -= lost
    before = ledger.sums.copy()
    ledger.sums[:] += recent
    lost[:] = (ledger.sums - before) - recent
    recent[:] = 0.0
    ledger.since[:] = 0.0
    ledger.bookings[0] = 0


_LEVELS = np.array(LEVELS)


@inlined
def book_ramp(ledger: Ledger, side: int, series: int, slope: int, steps: int, duration: float) -> None:
    """Book a series that changes by `slope` a step: its sum and its peak."""
    value = ledger.row[series]
    last = value + slope * (steps - 1)
    ledger.recent[side, series] += (value + last) * steps * 0.5 * duration
    ledger.peaks[side, series] = max(ledger.peaks[side, series], max(value, last))


@inlined
def book_fill(ledger: Ledger, side: int, slope: int, steps: int, duration: float) -> None:
    """Book the share of the held slots that holds tokens: its sum and its peak."""
    held = ledger.row[HELD]
    value = ledger.row[TOKEN_STATE]
    last = value + slope * (steps - 1)
    ledger.recent[side, FILL] += (value + last) * steps * 0.5 / held * duration
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
        ledger.recent[side, INDEX] += (1.0 - row[LARGEST] / free) * weight
