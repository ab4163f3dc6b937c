"""Seats: the resident sequences, their running order, and what they record for the arena."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.allocators import NO_ROOM
from paged_sim.arena.operations import CHECK as CHECK_TOKENS
from paged_sim.arena.operations import COPY, IN_PAGES, MAX_SLOTS, POISON, RETRACT, WRITE
from paged_sim.compiled import inlined, kernel
from paged_sim.content import stretch
from paged_sim.engine import pool_log
from paged_sim.engine.machine import (
    CACHING,
    CHECK,
    CHECK_ALL,
    CHECK_FINISH,
    CHECK_SAMPLE,
    CHECK_SEED,
    EAGER,
    FINAL,
    FIRST_RUNNING,
    FOLLOWING,
    FORM,
    GENERATION,
    IDENTITY,
    LAST_RUNNING,
    NEXT_SAMPLE,
    NOBODY,
    NUM_FREE_SEATS,
    NUM_GENERATIONS,
    NUM_LISTED,
    NUM_OPERATIONS,
    NUM_RUNNING,
    OVER,
    OWN_FROM,
    POISON_FREED,
    PREVIOUS,
    RECORD,
    REQUEST,
    ROOM,
    ROUNDING,
    SLOTS,
    TAIL,
    TO_CHECK,
    UNFORKED,
    WRITTEN,
    Machine,
)
from paged_sim.ledger import HELD, OVER_RESERVATION, RESERVATION, SAVED, SHARED, TOKEN_STATE
from paged_sim.ledger import ROUNDING as ROUNDING_ACCOUNT
from paged_sim.ledger import TAIL as TAIL_ACCOUNT


@kernel
def seat_down(machine: Machine) -> int:
    """A free seat, entered as the last in running order."""
    counts, seats = machine.counts, machine.seats
    seat = sit_beside(machine)
    last = counts[LAST_RUNNING]
    seats[seat, PREVIOUS] = last
    seats[seat, FOLLOWING] = NOBODY
    if last == NOBODY:
        counts[FIRST_RUNNING] = seat
    else:
        seats[last, FOLLOWING] = seat
    counts[LAST_RUNNING] = seat
    return seat


@kernel
def sit_beside(machine: Machine) -> int:
    """A free seat outside of the running order, for a sequence that goes with another of its request."""
    counts, seats = machine.counts, machine.seats
    counts[NUM_FREE_SEATS] -= 1
    seat = machine.free_seats[counts[NUM_FREE_SEATS]]
    counts[NUM_RUNNING] += 1
    seats[seat, SLOTS] = 0
    seats[seat, ROOM] = 0
    seats[seat, WRITTEN] = 0
    seats[seat, OVER] = 0
    seats[seat, TAIL] = 0
    seats[seat, ROUNDING] = 0
    seats[seat, NEXT_SAMPLE] = NOBODY
    return int(seat)


@kernel
def introduce(machine: Machine, seat: int, request: int) -> None:
    """Tell a seat whose sequence it is."""
    counts, seats = machine.counts, machine.seats
    seats[seat, REQUEST] = request
    seats[seat, GENERATION] = counts[NUM_GENERATIONS]
    counts[NUM_GENERATIONS] += 1
    seats[seat, IDENTITY] = seats[seat, GENERATION]
    seats[seat, OWN_FROM] = 0
    if counts[CACHING]:
        seats[seat, IDENTITY] = machine.content.output_stream[request]
        seats[seat, OWN_FROM] = machine.content.own_from[request]
    seats[seat, FINAL] = machine.prompt[request] + machine.output[request] - 1


@kernel
def stand_up(machine: Machine, seat: int) -> None:
    """Free a seat and close the running order behind it."""
    counts, seats = machine.counts, machine.seats
    previous, following = seats[seat, PREVIOUS], seats[seat, FOLLOWING]
    if previous == NOBODY:
        counts[FIRST_RUNNING] = following
    else:
        seats[previous, FOLLOWING] = following
    if following == NOBODY:
        counts[LAST_RUNNING] = previous
    else:
        seats[following, PREVIOUS] = previous
    leave_seat(machine, seat)


@kernel
def leave_seat(machine: Machine, seat: int) -> None:
    """Free a seat that is not, or no longer, in running order."""
    counts = machine.counts
    counts[NUM_RUNNING] -= 1
    machine.free_seats[counts[NUM_FREE_SEATS]] = seat
    counts[NUM_FREE_SEATS] += 1


@inlined
def account(machine: Machine, state: allocators.State, seat: int, slots: int) -> None:
    """Bring the ledger's row up to date after a seat came to hold `slots` slots.

    What it holds up to its final tokens goes to reservation; tokens stored are moved on to token state elsewhere.
    """
    seats, row = machine.seats, machine.ledger.row
    final = seats[seat, FINAL]
    before = seats[seat, SLOTS]
    row[HELD] += slots - before
    row[RESERVATION] += min(final, slots) - min(final, before)
    seats[seat, SLOTS] = slots
    seats[seat, ROOM] = slots
    if max(before, slots) > final:
        account_beyond(machine, state, seat, slots)


@kernel
def account_beyond(machine: Machine, state: allocators.State, seat: int, slots: int) -> None:
    """Bring the accounts of what a seat holds beyond its final tokens up to date."""
    seats, row = machine.seats, machine.ledger.row
    row[OVER_RESERVATION] -= seats[seat, OVER]
    row[TAIL_ACCOUNT] -= seats[seat, TAIL]
    row[ROUNDING_ACCOUNT] -= seats[seat, ROUNDING]
    over, tail, rounding = 0, 0, 0
    if slots > 0:
        over, tail, rounding = allocators.beyond(state, seat, seats[seat, FINAL])
    seats[seat, OVER] = over
    seats[seat, TAIL] = tail
    seats[seat, ROUNDING] = rounding
    row[OVER_RESERVATION] += over
    row[TAIL_ACCOUNT] += tail
    row[ROUNDING_ACCOUNT] += rounding


@kernel
def take(machine: Machine, state: allocators.State, seat: int, goal: int) -> None:
    """Let a seat take `goal` slots, for which there must be room."""
    slots = allocators.take(state, seat, goal)
    pool_log.note(machine, state, seat, pool_log.ALLOCATED, machine.seats[seat, SLOTS], slots)
    account(machine, state, seat, slots)


@inlined
def grow(machine: Machine, state: allocators.State, seat: int, goal: int, stored: int) -> int:
    """Let a seat with `stored` tokens grow to `goal` slots; 0, or the slots for which there is no room."""
    slots = allocators.grow(state, seat, goal)
    if slots == NO_ROOM:
        return int(allocators.footprint(state, goal) - machine.seats[seat, SLOTS])
    source = allocators.moved_from(state)
    if source >= 0:
        record_move(machine, state, seat, source, stored)
    pool_log.note(machine, state, seat, pool_log.ALLOCATED, machine.seats[seat, SLOTS], slots)
    account(machine, state, seat, slots)
    return 0


@inlined
def record(machine: Machine, kind: int, slot: int, length: int, generation: int, position: int) -> None:
    """Append one memory operation."""
    index = machine.counts[NUM_OPERATIONS]
    operations = machine.operations
    operations[index, 0] = kind
    # What does not fit its column must not turn into a slot that there is.
    operations[index, 1] = slot if 0 <= slot <= MAX_SLOTS else -1
    operations[index, 2] = length
    operations[index, 3] = generation
    operations[index, 4] = position
    machine.counts[NUM_OPERATIONS] = index + 1


@kernel
def record_span(machine: Machine, state: allocators.State, seat: int, kind: int, first: int, last: int) -> None:
    """Record an operation over a seat's tokens `first` to `last - 1`, each with its identity."""
    own_from = machine.seats[seat, OWN_FROM]
    position = first
    while position < min(last, own_from):
        identity, end = stretch(machine.content, machine.seats[seat, REQUEST], position)
        record_tokens(machine, state, seat, kind, identity, position, min(end, last))
        position = end
    record_tokens(machine, state, seat, kind, machine.seats[seat, IDENTITY], max(first, own_from), last)


@inlined
def record_tokens(
    machine: Machine, state: allocators.State, seat: int, kind: int, identity: int, first: int, last: int
) -> None:
    """Record an operation over tokens `first` to `last - 1` of one identity: over their run, or over their pages."""
    if first >= last:
        return
    slot, run = allocators.locate(state, seat, first)
    if first + run >= last:
        record(machine, kind, slot, last - first, identity, first)
    else:
        record_pages(machine, state, seat, kind, identity, first, last)


@kernel
def record_pages(
    machine: Machine, state: allocators.State, seat: int, kind: int, identity: int, first: int, last: int
) -> None:
    """Record an operation over tokens of one identity that do not lie in one run."""
    slot, run = allocators.locate(state, seat, first)
    following = first + run
    size = 0
    if run > 0:
        _, size = allocators.locate(state, seat, following)
    if size <= 0:
        # The allocator gave the seat no slot for its own token: outside of everything, so that the arena objects.
        record(machine, kind, -1, 1, identity, following)
        return
    place = machine.counts[NUM_LISTED]
    count = (last - following + size - 1) // size
    machine.pages[place] = size
    machine.pages[place + 1] = slot + run - size
    allocators.list_pages(state, seat, following, count, machine.pages, place + 2)
    machine.counts[NUM_LISTED] = place + 2 + count
    record(machine, kind + IN_PAGES, place, last - first, identity, first)


@kernel
def record_copy(machine: Machine, state: allocators.State, seat: int, source: int, first: int, tokens: int) -> None:
    """Record that a seat's `tokens` tokens from `first` on are copied from `source`, unless they lie there already."""
    target, _ = allocators.locate(state, seat, first)
    if machine.counts[RECORD] and target != source:
        record(machine, COPY, source, tokens, target, 0)


@kernel
def undo(machine: Machine) -> int:
    """The operation for tokens written ahead of their step and never stored.

    Writing token by token there is nothing to take back; the slots are poisoned all the same, so that both ways leave
    the same bytes.
    """
    return POISON if machine.counts[EAGER] else RETRACT


@inlined
def written_ahead(machine: Machine, seat: int) -> int:
    """Tokens of a seat up to which writing may run ahead: what it has room for, but not beyond its end."""
    return int(min(machine.seats[seat, ROOM], machine.seats[seat, FINAL]))


@inlined
def write(machine: Machine, state: allocators.State, seat: int, tokens: int) -> None:
    """Write a seat's tokens from where its writing stands up to `tokens`, or ahead of them as far as it holds slots.

    Writing ahead touches a sequence once per event instead of once per token. It hides nothing: whoever else owned one
    of these slots finds its token overwritten at once.
    """
    last = tokens if machine.counts[EAGER] else written_ahead(machine, seat)
    first = machine.seats[seat, WRITTEN]
    # All but a prompt that a cache may share is the sequence's own, and in one run at most events.
    if machine.counts[RECORD] and first >= machine.seats[seat, OWN_FROM]:
        record_tokens(machine, state, seat, WRITE, machine.seats[seat, IDENTITY], first, last)
    elif machine.counts[RECORD]:
        record_span(machine, state, seat, WRITE, first, last)
    machine.seats[seat, WRITTEN] = last


@kernel
def record_move(machine: Machine, state: allocators.State, seat: int, source: int, stored: int) -> None:
    """Record that a seat's `stored` tokens moved from the extent at `source` to a larger one."""
    if machine.counts[RECORD]:
        target, _ = allocators.locate(state, seat, 0)
        record(machine, COPY, source, stored, target, 0)
        ahead = written_ahead(machine, seat) - stored
        if ahead > 0:
            record(machine, undo(machine), source + stored, ahead, machine.seats[seat, IDENTITY], stored)
        if machine.counts[POISON_FREED]:
            record(machine, POISON, source, machine.seats[seat, SLOTS], machine.seats[seat, IDENTITY], 0)
    machine.seats[seat, WRITTEN] = stored


@kernel
def is_sampled(generation: int, seed: int) -> bool:
    """Whether a sequence is among the sixteenth that `check: sample` reads back."""
    mixed = (((generation + seed) & 0xFFFFFF) * 2654435769) & 0xFFFFFFFF
    return (mixed >> 16) % 16 == 0


@inlined
def is_checked(machine: Machine, seat: int, finished: bool) -> bool:
    """Whether a seat's tokens are read back before its slots are given back."""
    mode = machine.counts[CHECK]
    if mode == CHECK_SAMPLE:
        return is_sampled(machine.seats[seat, GENERATION], machine.counts[CHECK_SEED])
    return bool(mode == CHECK_ALL or (mode == CHECK_FINISH and finished))


@kernel
def vacate(machine: Machine, state: allocators.State, seat: int, stored: int, finished: bool) -> None:
    """Read a seat's `stored` tokens back as `check` asks, give its slots back and free the seat."""
    counts, seats = machine.counts, machine.seats
    if counts[RECORD]:
        if is_checked(machine, seat, finished):
            counts[TO_CHECK] += stored
            record_span(machine, state, seat, CHECK_TOKENS, 0, stored)
        record_span(machine, state, seat, undo(machine), stored, written_ahead(machine, seat))
    if counts[CACHING]:
        enter(machine, state, seat, stored, not finished)
    slots, free = seats[seat, SLOTS], allocators.free_slots(state)
    if counts[RECORD] and counts[POISON_FREED]:
        record_span(machine, state, seat, POISON, allocators.exclusive_from(state, seat), seats[seat, SLOTS])
    pool_log.note(machine, state, seat, pool_log.FREED, 0, slots)
    allocators.release(state, seat)
    account(machine, state, seat, 0)
    if counts[CACHING]:
        leave_shared(machine, allocators.free_slots(state) - free, slots)
    stand_up(machine, seat)


@kernel
def enter(machine: Machine, state: allocators.State, seat: int, stored: int, comes_back: bool) -> None:
    """Let a seat's first `stored` tokens be found, by its own request too where that comes back.

    A page of which others hold an equal one is spared.
    """
    free = allocators.free_slots(state)
    allocators.enter(state, seat, stored, comes_back)
    leave_shared(machine, 0, free - allocators.free_slots(state))


@kernel
def leave_shared(machine: Machine, freed: int, slots: int) -> None:
    """Keep the books of a seat that left with `slots` slots, of which only `freed` are held by nobody else."""
    row = machine.ledger.row
    row[HELD] += slots - freed
    row[TOKEN_STATE] += slots - freed
    row[SHARED] -= slots - freed
    row[SAVED] -= slots - freed


@kernel
def next_owner(machine: Machine, leader: int, seat: int) -> int:
    """The next sequence behind `seat` that has slots, or NOBODY: before the fork only the first one has."""
    if machine.seats[leader, FORM] == UNFORKED:
        return NOBODY
    return int(machine.seats[seat, NEXT_SAMPLE])
