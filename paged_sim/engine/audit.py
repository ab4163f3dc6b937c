"""What every simulation must keep to, asked of each step before it is booked and of the whole at its end.

A broken allocator or engine ends the run: a wrong number is worse than none. What is compared comes from two sides that
do not know of each other, such as the slots that the engine counts as held and those that the allocator has free.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paged_sim import allocators
from paged_sim import ledger as books
from paged_sim.arena import ArenaStats
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import machine as m
from paged_sim.engine import queue
from paged_sim.engine.felt import CAUSES
from paged_sim.engine.machine import (
    CAPACITY,
    CAUSE,
    FRAGMENTATION,
    NEED,
    NONE,
    ORDERED,
    SHORTAGE,
    Machine,
)
from paged_sim.ledger import EXTERNAL, FREE_ACCOUNTS, HELD, IDLE, LARGEST, METADATA, SHORT, WAITING, WITHHELD
from paged_sim.result.accounts import ACCOUNTS


class LedgerError(AssertionError):
    """The books contradict themselves: the allocator or the engine is broken. Never a user's mistake."""


@inlined
def is_sound(machine: Machine, cause: int) -> bool:
    """Whether the ledger's row, and why a step is blocked (`cause`, or NONE), can be true: else nothing is booked."""
    counts = machine.counts
    counts[CAUSE] = cause
    unheld = counts[CAPACITY] - machine.ledger.row[METADATA] - machine.ledger.row[HELD]
    books_agree = books.is_balanced(machine.ledger, counts[CAPACITY]) and unheld == allocators.free_slots(
        machine.allocator
    )
    return bool(books_agree and is_cause(machine, unheld, cause))


@inlined
def is_cause(machine: Machine, unheld: int, cause: int) -> bool:
    """Whether `cause` agrees with the account of the free slots, and with what the head of the queue needs.

    Several sequences that need no more than is free, each less than the largest demand, may still not find room; and
    where demands have no order, one may not that needs less than the largest.
    """
    row, need = machine.ledger.row, machine.counts[NEED]
    blank = row[EXTERNAL] + row[SHORT] + row[WITHHELD] + row[IDLE]
    if cause == NONE:
        return bool(row[WAITING] == 0 and row[IDLE] == blank)
    if cause == SHORTAGE:
        return bool(row[SHORT] == blank and need > unheld)
    if cause == FRAGMENTATION:
        return bool(row[EXTERNAL] == blank and need <= unheld and (need > row[LARGEST] or not is_alone(machine)))
    return bool(row[WITHHELD] == blank and need <= unheld and (need <= row[LARGEST] or not is_alone(machine)))


@kernel
def is_alone(machine: Machine) -> bool:
    """Whether the largest demand says all of the head of the queue: it has one sequence, and demands have an order."""
    # No request has 0 samples.
    return bool(machine.samples[queue.head(machine)] == machine.counts[ORDERED])


def faults(machine: Machine) -> str:
    """What is not sound about a step, in words."""
    counts, row = machine.counts, machine.ledger.row
    wrong = books.faults(machine.ledger, int(counts[CAPACITY]))
    held, free, metadata = int(row[HELD]), allocators.free_slots(machine.allocator), int(row[METADATA])
    if held + free + metadata != counts[CAPACITY]:
        wrong.append(f"{held:,} slots are held, {free:,} free and {metadata:,} nobody's, of {counts[CAPACITY]:,}")
    if not wrong:
        said = ", ".join(f"{ACCOUNTS[account]} {row[account]:,}" for account in FREE_ACCOUNTS)
        why = CAUSES[counts[CAUSE]] if counts[CAUSE] >= 0 else "nothing"
        wrong.append(
            f"blocked by {why}, which contradicts the free slots ({said}): {row[WAITING]:,} requests wait, the first "
            f"needs {counts[NEED]:,} slots, {free:,} are free and at most {row[LARGEST]:,} can be placed"
        )
    return f"step {counts[m.STEP]}: {'; '.join(wrong)}"


def audit(name: str, machine: Machine, stats: ArenaStats) -> None:
    """Raise LedgerError, with both numbers, if the books of a policy's simulation contradict each other at its end."""
    wrong = [*_leftovers(machine), *_counts(machine), *_times(machine), *_tokens(machine, stats)]
    if wrong:
        raise LedgerError(f"{name}: {'; '.join(wrong)}")


def _leftovers(machine: Machine) -> Iterator[str]:
    """Accounts in which something is left although nobody holds anything."""
    row = machine.ledger.row.tolist()
    # What a cache keeps is not held: neither its tokens nor the rest of their pages.
    row[books.TAIL] -= machine.counts[m.CACHED_TAIL]
    held = (books.TOKEN_STATE, books.RESERVATION, books.OVER_RESERVATION, books.TAIL, books.ROUNDING, books.PADDING)
    for series in (*held, HELD, books.SHARED, books.SAVED):
        if row[series]:
            yield f"{books.SERIES[series]} is {row[series]:,} after everything was freed"


def _counts(machine: Machine) -> Iterator[str]:
    """Counts of requests and preemptions that contradict each other."""
    counts, tallies = machine.counts, machine.tallies
    finished, pending = (np.count_nonzero(machine.outcome == outcome) for outcome in (m.FINISHED, m.PENDING))
    if pending:
        yield f"{pending:,} requests have neither finished nor been refused"
    if finished != counts[m.NUM_FINISHED]:
        yield f"{finished:,} requests have finished, and {counts[m.NUM_FINISHED]:,} are counted"
    returned, preempted = int(machine.preemptions.sum()), int(tallies[m.PREEMPTED].sum())
    if returned != preempted:
        yield f"{returned:,} returned to the queue, and {preempted:,} preemptions are counted"
    if preempted and not counts[m.RECOMPUTE]:
        yield f"{preempted:,} preemptions are counted, although nobody may be preempted"
    scattered = int(tallies[:, FRAGMENTATION].sum())
    if scattered and machine.ledger.limits[EXTERNAL] == 0:
        yield f"fragmentation is counted {scattered:,} times, although every free slot could be handed out"


def _times(machine: Machine) -> Iterator[str]:
    """Time that passed without being booked, and causes booked for less than the account that they go with was seen."""
    ledger, durations = machine.ledger, machine.durations
    together = {EXTERNAL: [FRAGMENTATION], SHORT: [SHORTAGE], WITHHELD: list(range(m.MAX_NUM_SEQS, m.NUM_CAUSES))}
    for account, causes in together.items():
        seen, booked = float(ledger.histogram[1, account, 1:].sum()), float(durations[causes].sum())
        if seen > booked * (1 + 1e-9):
            names = ", ".join(CAUSES[cause] for cause in causes)
            yield f"slots are {ACCOUNTS[account]} for {seen:g}, and steps are blocked by {names} for {booked:g}"
    time, now = float(ledger.weights.sum()), float(machine.times[m.NOW])
    if time > now * (1 + 1e-9) or (machine.counts[m.WARMUP] == 0 and time < now * (1 - 1e-9)):
        yield f"{time:g} of {now:g} passed are booked"
    blocked, booked = float(ledger.weights[1]), float(durations.sum())
    if blocked > booked * (1 + 1e-9) or (machine.counts[m.WARMUP] == 0 and blocked < booked * (1 - 1e-9)):
        yield f"steps are blocked for {blocked:g}, and by their causes for {booked:g}"
    if machine.counts[m.WARMUP] == 0 and not machine.counts[m.TIMED]:
        tally = machine.tallies[m.BLOCKED].tolist()
        for cause, steps, duration in zip(CAUSES, tally, durations.tolist(), strict=True):
            if steps != duration:
                yield f"{steps:,} steps are blocked by {cause}, which take {duration:,.0f}"


def _tokens(machine: Machine, stats: ArenaStats) -> Iterator[str]:
    """Operations and tokens that were lost between the requests and the memory."""
    counts = machine.counts
    if stats.operations != counts[m.NUM_RECORDED]:
        yield f"{stats.operations:,} operations were executed, and {counts[m.NUM_RECORDED]:,} recorded"
    if not counts[m.RECORD]:
        return
    finished = machine.outcome == m.FINISHED
    final = machine.prompt + machine.output - 1
    common = np.minimum(machine.prompt, final) if allocators.shares(machine.allocator) else np.zeros_like(final)
    stored = int((common + machine.samples * (final - common))[finished].sum() + counts[m.DISCARDED])
    found = int(counts[m.HIT] + counts[m.HIT_AGAIN])
    if stats.tokens_written + found != stored:
        yield f"{stats.tokens_written:,} tokens were written and {found:,} found, and {stored:,} stored"
    if stats.tokens_checked != counts[m.TO_CHECK]:
        yield f"{stats.tokens_checked:,} tokens were checked, and {counts[m.TO_CHECK]:,} were to be"
    yield from _checked(machine, stats.tokens_checked, int((machine.samples * final)[finished].sum()))


def _checked(machine: Machine, checked: int, finished: int) -> Iterator[str]:
    """Fewer tokens checked than the requests had: every sequence reads all of its own, those it shares included."""
    counts = machine.counts
    alone = machine.samples.max(initial=1) == 1
    if counts[m.CHECK] == m.CHECK_ALL:
        least = finished + int(counts[m.DISCARDED])
        if checked < least or (alone and checked > least):
            yield f"{checked:,} tokens were checked of {least:,} that were stored"
    elif counts[m.CHECK] == m.CHECK_FINISH and checked != finished:
        yield f"{checked:,} tokens were checked of {finished:,} in sequences that finished"
    elif counts[m.CHECK] == m.CHECK_NONE and checked:
        yield f"{checked:,} tokens were checked, and none were to be"
