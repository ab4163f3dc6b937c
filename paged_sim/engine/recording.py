"""What a seat does to memory, recorded for the arena: written, copied, read back, undone and poisoned."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.arena.operations import COPY, IN_PAGES, POISON, RETRACT, WRITE
from paged_sim.compiled import inlined, kernel
from paged_sim.content import stretch
from paged_sim.engine.machine import (
    CHECK,
    CHECK_ALL,
    CHECK_FINISH,
    CHECK_SAMPLE,
    CHECK_SEED,
    EAGER,
    FINAL,
    GENERATION,
    IDENTITY,
    NONE,
    NUM_LISTED,
    NUM_OPERATIONS,
    OWN_FROM,
    POISON_FREED,
    RECORD,
    REQUEST,
    ROOM,
    SLOTS,
    WRITTEN,
    Machine,
)


@inlined
def record(machine: Machine, kind: int, slot: int, length: int, generation: int, position: int) -> None:
    """Append one memory operation."""
    index = machine.counts[NUM_OPERATIONS]
    operations = machine.operations
    operations[index, 0] = kind
    operations[index, 1] = slot
    operations[index, 2] = length
    operations[index, 3] = generation
    operations[index, 4] = position
    machine.counts[NUM_OPERATIONS] = index + 1


@kernel
def record_span(machine: Machine, seat: int, kind: int, first: int, last: int) -> None:
    """Record an operation over a seat's tokens `first` to `last - 1`, each with its identity."""
    own_from = machine.seats[seat, OWN_FROM]
    position = first
    while position < min(last, own_from):
        identity, end = stretch(machine.content, machine.seats[seat, REQUEST], position)
        record_tokens(machine, seat, kind, identity, position, min(end, last))
        position = end
    record_tokens(machine, seat, kind, machine.seats[seat, IDENTITY], max(first, own_from), last)


@inlined
def record_tokens(machine: Machine, seat: int, kind: int, identity: int, first: int, last: int) -> None:
    """Record an operation over tokens `first` to `last - 1` of one identity: over their run, or over their pages."""
    if first >= last:
        return
    slot, run = allocators.locate(machine.allocator, seat, first)
    if first + run >= last:
        record(machine, kind, slot, last - first, identity, first)
    else:
        record_pages(machine, seat, kind, identity, first, last)


@kernel
def record_pages(machine: Machine, seat: int, kind: int, identity: int, first: int, last: int) -> None:
    """Record an operation over tokens of one identity that do not lie in one run."""
    slot, run = allocators.locate(machine.allocator, seat, first)
    following = first + run
    size = 0
    if run > 0:
        _, size = allocators.locate(machine.allocator, seat, following)
    if size <= 0:
        # The allocator gave the seat no slot for its own token: outside of everything, so that the arena objects.
        record(machine, kind, NONE, 1, identity, following)
        return
    place = machine.counts[NUM_LISTED]
    count = (last - following + size - 1) // size
    machine.pages[place] = size
    machine.pages[place + 1] = slot + run - size
    allocators.list_pages(machine.allocator, seat, following, count, machine.pages, place + 2)
    machine.counts[NUM_LISTED] = place + 2 + count
    record(machine, kind + IN_PAGES, place, last - first, identity, first)


@kernel
def record_copy(machine: Machine, seat: int, source: int, first: int, tokens: int) -> None:
    """Record that a seat's `tokens` tokens from `first` on are copied from `source`, unless they lie there already."""
    target, _ = allocators.locate(machine.allocator, seat, first)
    if machine.counts[RECORD] and target != source:
        record(machine, COPY, source, tokens, target, 0)


@kernel
def record_move(machine: Machine, seat: int, source: int, stored: int) -> None:
    """Record that a seat's `stored` tokens moved from the extent at `source` to a larger one."""
    if machine.counts[RECORD]:
        target, _ = allocators.locate(machine.allocator, seat, 0)
        record(machine, COPY, source, stored, target, 0)
        ahead = written_ahead(machine, seat) - stored
        if ahead > 0:
            record(machine, undo(machine), source + stored, ahead, machine.seats[seat, IDENTITY], stored)
        if machine.counts[POISON_FREED]:
            record(machine, POISON, source, machine.seats[seat, SLOTS], machine.seats[seat, IDENTITY], 0)
    machine.seats[seat, WRITTEN] = stored


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
def write(machine: Machine, seat: int, tokens: int) -> None:
    """Write a seat's tokens from where its writing stands up to `tokens`, or ahead of them as far as it holds slots.

    Writing ahead touches a sequence once per event instead of once per token. It hides nothing: whoever else owned one
    of these slots finds its token overwritten at once.
    """
    last = tokens if machine.counts[EAGER] else written_ahead(machine, seat)
    first = machine.seats[seat, WRITTEN]
    # All but a prompt that a cache may share is the sequence's own, and in one run at most events.
    if machine.counts[RECORD] and first >= machine.seats[seat, OWN_FROM]:
        record_tokens(machine, seat, WRITE, machine.seats[seat, IDENTITY], first, last)
    elif machine.counts[RECORD]:
        record_span(machine, seat, WRITE, first, last)
    machine.seats[seat, WRITTEN] = last


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
