"""The slots of one sequence, taken, grown and given back: in the allocator, the ledger, the record and the log."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.allocators import NO_ROOM
from paged_sim.arena.operations import CHECK as CHECK_TOKENS
from paged_sim.arena.operations import POISON
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import accounts, order, pool_log, recording
from paged_sim.engine.machine import CACHING, POISON_FREED, RECORD, SLOTS, Machine


@kernel
def take(machine: Machine, seat: int, goal: int) -> None:
    """Let a seat take `goal` slots, for which there must be room."""
    slots = allocators.take(machine.allocator, seat, goal)
    pool_log.note(machine, seat, pool_log.ALLOCATED, machine.seats[seat, SLOTS], slots)
    accounts.account(machine, seat, slots)


@inlined
def grow(machine: Machine, seat: int, goal: int, stored: int) -> int:
    """Let a seat with `stored` tokens grow to `goal` slots; 0, or the slots for which there is no room."""
    slots = allocators.grow(machine.allocator, seat, goal)
    if slots == NO_ROOM:
        return int(allocators.footprint(machine.allocator, goal) - machine.seats[seat, SLOTS])
    source = allocators.moved_from(machine.allocator)
    if source >= 0:
        recording.record_move(machine, seat, source, stored)
    pool_log.note(machine, seat, pool_log.ALLOCATED, machine.seats[seat, SLOTS], slots)
    accounts.account(machine, seat, slots)
    return 0


@kernel
def insert(machine: Machine, seat: int, stored: int, comes_back: bool) -> None:
    """Let a seat's first `stored` tokens be found, by its own request too where that comes back.

    A page of which others hold an equal one is spared.
    """
    free = allocators.free_slots(machine.allocator)
    allocators.insert(machine.allocator, seat, stored, comes_back)
    accounts.leave_shared(machine, 0, free - allocators.free_slots(machine.allocator))


@kernel
def vacate(machine: Machine, seat: int, stored: int, finished: bool) -> None:
    """Read a seat's `stored` tokens back as `check` asks, give its slots back and free the seat."""
    counts = machine.counts
    if counts[RECORD]:
        if recording.is_checked(machine, seat, finished):
            recording.record_span(machine, seat, CHECK_TOKENS, 0, stored)
        recording.record_span(machine, seat, recording.undo(machine), stored, recording.written_ahead(machine, seat))
    if counts[CACHING]:
        insert(machine, seat, stored, not finished)
    slots, free = machine.seats[seat, SLOTS], allocators.free_slots(machine.allocator)
    give_back(machine, seat)
    accounts.account(machine, seat, 0)
    if counts[CACHING]:
        accounts.leave_shared(machine, allocators.free_slots(machine.allocator) - free, slots)
    order.stand_up(machine, seat)


@inlined
def give_back(machine: Machine, seat: int) -> None:
    """Release a seat's slots, poisoned first where nobody else owns them."""
    counts, slots = machine.counts, machine.seats[seat, SLOTS]
    if counts[RECORD] and counts[POISON_FREED]:
        alone = allocators.exclusive_from(machine.allocator, seat)
        recording.record_span(machine, seat, POISON, alone, accounts.tokens_in(slots))
    pool_log.note(machine, seat, pool_log.FREED, 0, slots)
    allocators.release(machine.allocator, seat)
