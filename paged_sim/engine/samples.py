"""The sequences of one request: they are admitted, preempted and ended together, and share what they can.

The first sequence of a request stands in running order and has the events; the others hang on its NEXT_SAMPLE. All have
the same number of tokens at every step. Where the policy can share, the prompt is stored once, by the first; when it is
complete the others are forked from it (TOGETHER), and when the first generated token is stored each gets pages of its
own to write to (DIVERGED). Where it cannot, each stores all of its tokens separately. A request of one sequence is
DIVERGED from the start and never looks at any of this.

In the ledger each sequence is booked as if it stood alone; `share` takes out again what they hold in common.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.allocators import KEPT
from paged_sim.arena.operations import COPY, POISON
from paged_sim.compiled import kernel, rare_kernel
from paged_sim.engine import authors
from paged_sim.engine import seats as seating
from paged_sim.engine.machine import (
    BEAM,
    COW_COPIES,
    DIVERGED,
    FINAL,
    FORM,
    GENERATION,
    NEXT_SAMPLE,
    NOBODY,
    NUM_GENERATIONS,
    NUM_SAMPLES,
    POISON_FREED,
    RECORD,
    REQUEST,
    ROOM,
    SAVED_SLOTS,
    SAVED_TAIL,
    SAVED_TOKENS,
    SLOTS,
    TAIL,
    TOGETHER,
    UNFORKED,
    WRITTEN,
    Machine,
)
from paged_sim.ledger import HELD, RESERVATION, SAVED, SHARED, TOKEN_STATE
from paged_sim.ledger import TAIL as TAIL_ACCOUNT


@kernel
def need(machine: Machine, state: allocators.State, request: int, tokens: int) -> int:
    """Slots that all sequences of a request need together to hold `tokens` tokens each, before placement rounds."""
    whole = allocators.want(state, request, tokens)
    others = machine.samples[request] - 1
    if others == 0:
        return whole
    return int(whole + others * allocators.own_part(state, request, machine.prompt[request], tokens))


@kernel
def footprint(machine: Machine, state: allocators.State, request: int, tokens: int) -> int:
    """Slots that `need` really takes, after rounding."""
    whole = allocators.footprint(state, allocators.want(state, request, tokens))
    others = machine.samples[request] - 1
    if others == 0:
        return whole
    part = allocators.own_part(state, request, machine.prompt[request], tokens)
    return int(whole + others * allocators.footprint(state, part))


@kernel
def fits(machine: Machine, state: allocators.State, request: int, tokens: int) -> bool:
    """Whether all sequences of a request would find room for `tokens` tokens each now."""
    whole = allocators.want(state, request, tokens)
    others = machine.samples[request] - 1
    if others == 0:
        return allocators.fits(state, whole)
    part = allocators.own_part(state, request, machine.prompt[request], tokens)
    return allocators.fits_all(state, whole, part, others)


@kernel
def work(machine: Machine, request: int, first: int, last: int) -> int:
    """Tokens to compute for positions `first` to `last - 1` of a request: its prompt once, the rest for each sample."""
    prompt = min(max(machine.prompt[request] - first, 0), last - first)
    return int(prompt + (last - first - prompt) * machine.samples[request])


@kernel
def affordable(machine: Machine, request: int, stored: int, budget: int) -> int:
    """Positions from `stored` on that a chunk of at most `budget` computed tokens reaches.

    With several samples a chunk ends with the prompt, where they part.
    """
    known = machine.known[request]
    if machine.samples[request] == 1:
        return int(min(known - stored, budget))
    prompt = machine.prompt[request]
    if stored < prompt:
        return int(min(prompt - stored, budget))
    return int(min(known - stored, budget // machine.samples[request]))


@kernel
def enter(machine: Machine, state: allocators.State, leader: int, request: int) -> None:
    """Make a new seat the first sequence of a request and seat the others beside it."""
    seats = machine.seats
    seats[NUM_SAMPLES, leader] = machine.samples[request]
    seats[FORM, leader] = DIVERGED
    seats[SAVED_SLOTS, leader] = 0
    seats[SAVED_TOKENS, leader] = 0
    seats[SAVED_TAIL, leader] = 0
    introduce(machine, leader, request)
    if machine.samples[request] == 1:
        return
    if allocators.shares(state):
        seats[FORM, leader] = UNFORKED
    last = leader
    for _ in range(machine.samples[request] - 1):
        other = seating.sit_beside(machine)
        introduce(machine, other, request)
        seats[NEXT_SAMPLE, last] = other
        last = other


@kernel
def introduce(machine: Machine, seat: int, request: int) -> None:
    """Tell a seat whose sequence it is."""
    counts, seats = machine.counts, machine.seats
    seats[REQUEST, seat] = request
    seats[GENERATION, seat] = counts[NUM_GENERATIONS]
    counts[NUM_GENERATIONS] += 1
    seats[FINAL, seat] = machine.prompt[request] + machine.output[request] - 1


@kernel
def end_of_part(machine: Machine, leader: int, tokens: int) -> int:
    """How many of a request's first `tokens` tokens can be stored without its sequences parting anew."""
    if machine.seats[FORM, leader] != UNFORKED:
        return tokens
    return int(min(tokens, machine.prompt[machine.seats[REQUEST, leader]]))


@kernel
def next_owner(machine: Machine, leader: int, seat: int) -> int:
    """The next sequence behind `seat` that has slots, or NOBODY: before the fork only the first one has."""
    if machine.seats[FORM, leader] == UNFORKED:
        return NOBODY
    return int(machine.seats[NEXT_SAMPLE, seat])


@kernel
def num_owners(machine: Machine, leader: int) -> int:
    """Sequences that store each generated token of theirs, and, where nothing is shared, each of the prompt."""
    return int(machine.seats[NUM_SAMPLES, leader] if machine.seats[FORM, leader] == DIVERGED else 1)


@kernel
def give_room(machine: Machine, state: allocators.State, leader: int, stored: int, tokens: int) -> None:
    """Give the sequences that have slots, with `stored` tokens each, room for `tokens` tokens; there must be room."""
    if machine.seats[FORM, leader] == TOGETHER:
        part(machine, state, leader)
    goal = allocators.want(state, machine.seats[REQUEST, leader], tokens)
    seat = leader
    while seat != NOBODY:
        slots = allocators.grow(state, seat, goal) if stored > 0 else allocators.take(state, seat, goal)
        seating.account(machine, state, seat, slots)
        seat = next_owner(machine, leader, seat)


@rare_kernel
def limit_room(machine: Machine, leader: int, tokens: int) -> None:
    """Stop writing ahead where a page is still to be copied: at the prompt's end, and for beams at every step."""
    seats = machine.seats
    seat = leader
    while seat != NOBODY:
        if seats[FORM, leader] != DIVERGED:
            seats[ROOM, seat] = min(seats[SLOTS, seat], machine.prompt[seats[REQUEST, leader]])
        if machine.counts[BEAM]:
            seats[ROOM, seat] = min(tokens, seats[ROOM, seat])
        seat = next_owner(machine, leader, seat)


@kernel
def write(machine: Machine, state: allocators.State, leader: int, tokens: int) -> None:
    """`seats.write` for every sequence of a request that has slots."""
    if machine.seats[NUM_SAMPLES, leader] == 1:
        seating.write(machine, state, leader, tokens)
        return
    limit_room(machine, leader, tokens)
    seat = leader
    while seat != NOBODY:
        authors.write(machine, state, leader, seat, tokens)
        seat = next_owner(machine, leader, seat)


@rare_kernel
def share(machine: Machine, leader: int, saved: int, tokens: int, tail: int) -> None:
    """Say what a request's sequences, each booked as if it stood alone, hold in common.

    `saved` slots are counted beyond those handed out; `tokens` of them hold tokens and `tail` are never written.
    """
    seats, row = machine.seats, machine.ledger.row
    more_slots = saved - seats[SAVED_SLOTS, leader]
    more_tokens = tokens - seats[SAVED_TOKENS, leader]
    more_tail = tail - seats[SAVED_TAIL, leader]
    row[HELD] -= more_slots
    row[SAVED] += more_slots
    row[TOKEN_STATE] -= more_tokens
    row[SHARED] += more_tokens
    row[TAIL_ACCOUNT] -= more_tail
    row[RESERVATION] -= more_slots - more_tokens - more_tail
    seats[SAVED_SLOTS, leader] = saved
    seats[SAVED_TOKENS, leader] = tokens
    seats[SAVED_TAIL, leader] = tail


@rare_kernel
def fork(machine: Machine, state: allocators.State, leader: int) -> None:
    """Fork the other sequences from the first, whose prompt is complete: they share all its pages."""
    seats, row = machine.seats, machine.ledger.row
    prompt = machine.prompt[seats[REQUEST, leader]]
    seat = seats[NEXT_SAMPLE, leader]
    while seat != NOBODY:
        slots = allocators.fork(state, leader, seat)
        seating.account(machine, state, seat, slots)
        row[TOKEN_STATE] += prompt
        row[RESERVATION] -= prompt
        seats[WRITTEN, seat] = prompt
        seat = seats[NEXT_SAMPLE, seat]
    seats[FORM, leader] = TOGETHER
    others = seats[NUM_SAMPLES, leader] - 1
    share(machine, leader, others * seats[SLOTS, leader], others * prompt, others * seats[TAIL, leader])
    limit_room(machine, leader, prompt)


@kernel
def copies_needed(machine: Machine, state: allocators.State, leader: int) -> int:
    """Slots in the pages that must be copied before the sequences of a request can write; 0 if none."""
    seats = machine.seats
    prompt = machine.prompt[seats[REQUEST, leader]]
    if seats[FORM, leader] != TOGETHER or seats[SLOTS, leader] == prompt:
        return 0
    return int((seats[NUM_SAMPLES, leader] - 1) * page_of(machine, state, leader))


@kernel
def page_of(machine: Machine, state: allocators.State, leader: int) -> int:
    """Slots that one token more than the prompt takes in each further sequence: a page."""
    request = machine.seats[REQUEST, leader]
    prompt = machine.prompt[request]
    return allocators.own_part(state, request, prompt, prompt + 1)


@rare_kernel
def part(machine: Machine, state: allocators.State, leader: int) -> None:
    """Give every sequence TOGETHER with others a page of its own to write to; there must be room for the copies."""
    seats = machine.seats
    prompt = machine.prompt[seats[REQUEST, leader]]
    begun = prompt % page_of(machine, state, leader)
    seat = leader
    while seat != NOBODY:
        copy_page(machine, state, seat, prompt, begun)
        seats[ROOM, seat] = seats[SLOTS, seat]
        seat = seats[NEXT_SAMPLE, seat]
    seats[FORM, leader] = DIVERGED
    saved = (seats[NUM_SAMPLES, leader] - 1) * (prompt - begun)
    share(machine, leader, saved, saved, 0)


@rare_kernel
def copy_page(machine: Machine, state: allocators.State, seat: int, stored: int, begun: int) -> None:
    """Copy a seat's last page, in which `begun` of its `stored` tokens lie, if others own it too."""
    if begun == 0:
        return
    source = allocators.unshare(state, seat, stored)
    if source == KEPT:
        return
    machine.counts[COW_COPIES] += 1
    if machine.counts[RECORD]:
        target, _ = allocators.locate(state, seat, stored - begun)
        seating.record(machine, COPY, source, begun, target, 0)


@kernel
def num_written(machine: Machine, state: allocators.State, leader: int, stored: int) -> int:
    """Tokens that were written so that each sequence of a request has `stored` ones (copies are not written)."""
    if allocators.shares(state):
        return work(machine, machine.seats[REQUEST, leader], 0, stored)
    return int(stored * machine.seats[NUM_SAMPLES, leader])


@kernel
def vacate(machine: Machine, state: allocators.State, leader: int, tokens: int, stored: int, finished: bool) -> None:
    """`seats.vacate` for all sequences of a request: `tokens` tokens of each are booked, `stored` are stored."""
    row = machine.ledger.row
    if machine.seats[NUM_SAMPLES, leader] > 1:
        vacate_all(machine, state, leader, tokens, stored, finished)
        return
    row[TOKEN_STATE] -= tokens
    row[RESERVATION] += tokens
    seating.vacate(machine, state, leader, stored, finished)


@rare_kernel
def vacate_all(
    machine: Machine, state: allocators.State, leader: int, tokens: int, stored: int, finished: bool
) -> None:
    """`vacate` for several sequences: all are read back before any gives up its slots, whose last owner frees them."""
    seats, row = machine.seats, machine.ledger.row
    share(machine, leader, 0, 0, 0)
    seat = leader
    while seat != NOBODY:
        authors.check(machine, state, leader, seat, 0, stored, finished)
        seat = next_owner(machine, leader, seat)
    seat = leader
    while seat != NOBODY:
        following = seats[NEXT_SAMPLE, seat]
        if seats[SLOTS, seat] > 0:
            row[TOKEN_STATE] -= tokens
            row[RESERVATION] += tokens
            if machine.counts[RECORD]:
                take_back(machine, state, seat, stored)
            give_back(machine, state, seat)
            seating.account(machine, state, seat, 0)
        if seat == leader:
            seating.stand_up(machine, seat)
        else:
            seating.leave_seat(machine, seat)
        seat = following


@rare_kernel
def take_back(machine: Machine, state: allocators.State, seat: int, stored: int) -> None:
    """Record that what a seat wrote ahead is undone.

    A seat may have grown and not have written, because another of its request found no room: such slots are poisoned,
    as they are where tokens are written one by one.
    """
    written = max(stored, machine.seats[WRITTEN, seat])
    seating.record_span(machine, state, seat, seating.undo(machine), stored, written)
    seating.record_span(machine, state, seat, POISON, written, seating.written_ahead(machine, seat))


@rare_kernel
def give_back(machine: Machine, state: allocators.State, seat: int) -> None:
    """Release a seat's slots, poisoned first where nobody else owns them."""
    if machine.counts[RECORD] and machine.counts[POISON_FREED]:
        alone = allocators.exclusive_from(state, seat)
        seating.record_span(machine, state, seat, POISON, alone, machine.seats[SLOTS, seat])
    allocators.release(state, seat)
