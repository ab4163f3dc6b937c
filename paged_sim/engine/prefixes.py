"""What a prefix cache changes for the engine: tokens that need not be computed, pages held together, evictable pages.

All of it is skipped where the allocator keeps nothing for later.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import accounts, pool_log, recording
from paged_sim.engine.machine import (
    ASKED,
    ASKED_AGAIN,
    CACHED_TAIL,
    COW_COPIES,
    HIT,
    HIT_AGAIN,
    HIT_IN_PAGES,
    NUM_ADMITTED,
    NUM_READMITTED,
    ONCE_STORED,
    REQUEST,
    SLOTS,
    WRITTEN,
    Machine,
)
from paged_sim.ledger import CACHED, HELD, SAVED, SHARED, TAIL, TOKEN_STATE


@inlined
def begin(machine: Machine, seat: int, hits: int, tokens: int) -> None:
    """Give a new seat what was found, of which `hits` tokens need not be computed, and room for `tokens` in all."""
    request = machine.seats[seat, REQUEST]
    note_hits(machine, request, hits)
    share(machine, seat)
    slots = allocators.take(machine.allocator, seat, allocators.want(machine.allocator, request, tokens))
    found = machine.seats[seat, SLOTS]
    pool_log.note(machine, seat, pool_log.TOUCHED, 0, found)
    pool_log.note(machine, seat, pool_log.ALLOCATED, found, slots)
    accounts.account(machine, seat, slots)
    copy_part(machine, seat, hits)


@kernel
def note_hits(machine: Machine, request: int, hits: int) -> None:
    """Count what a request that was just admitted asked of the cache and what it had; after a preemption apart."""
    counts = machine.counts
    first = machine.preemptions[request] == 0
    counts[NUM_ADMITTED if first else NUM_READMITTED] += 1
    counts[ASKED if first else ASKED_AGAIN] += machine.known[request]
    counts[HIT if first else HIT_AGAIN] += hits
    machine.found[request] += hits if first else max(0, hits - int(machine.losses[request, ONCE_STORED]))


@kernel
def share(machine: Machine, seat: int) -> None:
    """Let a seat that takes its place hold the whole pages that were found: their tokens are stored already."""
    row = machine.ledger.row
    found, evictable = allocators.matched(machine.allocator)
    machine.counts[HIT_IN_PAGES] += found
    machine.seats[seat, SLOTS] = found
    row[HELD] += evictable
    row[TOKEN_STATE] += evictable
    row[SHARED] += found - evictable
    row[SAVED] += found - evictable


@kernel
def copy_part(machine: Machine, seat: int, hits: int) -> None:
    """Copy the tokens that were found in a page of which others follow, and leave a seat with `hits` tokens."""
    source, tokens = allocators.copied(machine.allocator)
    machine.seats[seat, WRITTEN] = hits
    if tokens > 0:
        machine.counts[COW_COPIES] += 1
        accounts.store(machine, tokens)
        recording.record_copy(machine, seat, source, hits - tokens, tokens)


@inlined
def book_cached(machine: Machine) -> int:
    """Book the slots of pages that are only cached; how many there are."""
    counts, row = machine.counts, machine.ledger.row
    filled, rest = allocators.evictable(machine.allocator)
    row[CACHED] = filled
    row[TAIL] += rest - counts[CACHED_TAIL]
    counts[CACHED_TAIL] = rest
    return int(filled + rest)
