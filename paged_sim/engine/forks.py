"""Several sequences of one request: forked from the first, parted by copies, freed together.

In the ledger each sequence is booked as if it stood alone; `share` takes out again what they hold in common.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.allocators import KEPT
from paged_sim.arena.operations import COPY, POISON
from paged_sim.compiled import kernel
from paged_sim.engine import accounts, order, pool_log, recording, sequence, writers
from paged_sim.engine.machine import (
    BEAM,
    COW_COPIES,
    DIVERGED,
    NEXT_SAMPLE,
    NONE,
    NUM_SAMPLES,
    RECORD,
    REQUEST,
    ROOM,
    SAVED_SLOTS,
    SAVED_TAIL,
    SAVED_TOKENS,
    SHARING,
    SLOTS,
    TAIL,
    TOGETHER,
    WRITTEN,
    Machine,
)
from paged_sim.ledger import HELD, RESERVATION, SAVED, SHARED, TOKEN_STATE
from paged_sim.ledger import TAIL as TAIL_ACCOUNT


@kernel
def limit_room(machine: Machine, leader: int, tokens: int) -> None:
    """Stop writing ahead where a page is still to be copied: at the prompt's end, and for beams at every step."""
    seats = machine.seats
    seat = leader
    while seat != NONE:
        if seats[leader, SHARING] != DIVERGED:
            seats[seat, ROOM] = min(accounts.tokens_in(seats[seat, SLOTS]), machine.prompt[seats[leader, REQUEST]])
        if machine.counts[BEAM]:
            seats[seat, ROOM] = min(tokens, seats[seat, ROOM])
        seat = order.next_owner(machine, leader, seat)


@kernel
def write_all(machine: Machine, leader: int, tokens: int) -> None:
    """`recording.write` for the sequences of a request that have slots."""
    limit_room(machine, leader, tokens)
    seat = leader
    while seat != NONE:
        writers.write(machine, leader, seat, tokens)
        seat = order.next_owner(machine, leader, seat)


@kernel
def share(machine: Machine, leader: int, saved: int, tokens: int, tail: int) -> None:
    """Say what a request's sequences, each booked as if it stood alone, hold in common.

    `saved` slots are counted beyond those handed out; `tokens` of them hold tokens and `tail` are never written.
    """
    seats, row = machine.seats, machine.ledger.row
    more_slots = saved - seats[leader, SAVED_SLOTS]
    more_tokens = tokens - seats[leader, SAVED_TOKENS]
    more_tail = tail - seats[leader, SAVED_TAIL]
    row[HELD] -= more_slots
    row[SAVED] += more_slots
    row[TOKEN_STATE] -= more_tokens
    row[SHARED] += more_tokens
    row[TAIL_ACCOUNT] -= more_tail
    row[RESERVATION] -= more_slots - more_tokens - more_tail
    seats[leader, SAVED_SLOTS] = saved
    seats[leader, SAVED_TOKENS] = tokens
    seats[leader, SAVED_TAIL] = tail


@kernel
def fork(machine: Machine, leader: int) -> None:
    """Fork the other sequences from the first, whose prompt is complete: they share all its pages."""
    seats = machine.seats
    prompt = machine.prompt[seats[leader, REQUEST]]
    seat = seats[leader, NEXT_SAMPLE]
    while seat != NONE:
        slots = allocators.fork(machine.allocator, leader, seat)
        pool_log.note(machine, seat, pool_log.TOUCHED, 0, slots)
        accounts.account(machine, seat, slots)
        accounts.store(machine, prompt)
        seats[seat, WRITTEN] = prompt
        seat = seats[seat, NEXT_SAMPLE]
    seats[leader, SHARING] = TOGETHER
    others = seats[leader, NUM_SAMPLES] - 1
    share(machine, leader, others * seats[leader, SLOTS], others * prompt, others * seats[leader, TAIL])
    limit_room(machine, leader, prompt)


@kernel
def copies_needed(machine: Machine, leader: int) -> int:
    """Slots in the pages that must be copied before the sequences of a request can write; 0 if none."""
    seats = machine.seats
    prompt = machine.prompt[seats[leader, REQUEST]]
    if seats[leader, SHARING] != TOGETHER or seats[leader, SLOTS] == prompt:
        return 0
    return int((seats[leader, NUM_SAMPLES] - 1) * page_of(machine, leader))


@kernel
def page_of(machine: Machine, leader: int) -> int:
    """Slots that one token more than the prompt takes in each further sequence: a page."""
    request = machine.seats[leader, REQUEST]
    prompt = machine.prompt[request]
    return allocators.own_part(machine.allocator, request, prompt, prompt + 1)


@kernel
def diverge(machine: Machine, leader: int) -> None:
    """Give every sequence TOGETHER with others a page of its own to write to; there must be room for the copies."""
    seats = machine.seats
    prompt = machine.prompt[seats[leader, REQUEST]]
    begun = prompt % page_of(machine, leader)
    seat = leader
    while seat != NONE:
        copy_page(machine, seat, prompt, begun)
        seats[seat, ROOM] = accounts.tokens_in(seats[seat, SLOTS])
        seat = seats[seat, NEXT_SAMPLE]
    seats[leader, SHARING] = DIVERGED
    saved = (seats[leader, NUM_SAMPLES] - 1) * (prompt - begun)
    share(machine, leader, saved, saved, 0)


@kernel
def copy_page(machine: Machine, seat: int, stored: int, begun: int) -> None:
    """Copy a seat's last page, in which `begun` of its `stored` tokens lie, if others own it too."""
    if begun == 0:
        return
    source = allocators.unshare(machine.allocator, seat, stored)
    if source == KEPT:
        return
    pool_log.note(machine, seat, pool_log.ALLOCATED, stored - begun, stored)
    pool_log.note_slot(machine, seat, pool_log.FREED, source)
    machine.counts[COW_COPIES] += 1
    if machine.counts[RECORD]:
        target, _ = allocators.locate(machine.allocator, seat, stored - begun)
        recording.record(machine, COPY, source, begun, target, 0)


@kernel
def vacate_all(machine: Machine, leader: int, tokens: int, stored: int, finished: bool) -> None:
    """`vacate` for several sequences: all are read back before any gives up its slots, whose last owner frees them."""
    seats = machine.seats
    share(machine, leader, 0, 0, 0)
    seat = leader
    while seat != NONE:
        writers.check(machine, leader, seat, 0, stored, finished)
        seat = order.next_owner(machine, leader, seat)
    seat = leader
    while seat != NONE:
        following = seats[seat, NEXT_SAMPLE]
        if seats[seat, SLOTS] > 0:
            accounts.store(machine, -tokens)
            if machine.counts[RECORD]:
                take_back(machine, seat, stored)
            sequence.give_back(machine, seat)
            accounts.account(machine, seat, 0)
        if seat == leader:
            order.stand_up(machine, seat)
        else:
            order.leave_seat(machine, seat)
        seat = following


@kernel
def take_back(machine: Machine, seat: int, stored: int) -> None:
    """Record that what a seat wrote ahead is undone.

    A seat may have grown and not have written, because another of its request found no room: such slots are poisoned,
    as they are where tokens are written one by one.
    """
    written = max(stored, machine.seats[seat, WRITTEN])
    recording.record_span(machine, seat, recording.undo(machine), stored, written)
    recording.record_span(machine, seat, POISON, written, recording.written_ahead(machine, seat))
