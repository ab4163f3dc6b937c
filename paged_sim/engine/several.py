"""Requests of several sequences: they are admitted, preempted and ended together, and share what they can.

The first sequence of a request stands in running order and has the events; the others hang on its NEXT_SAMPLE. All have
the same number of tokens at every step. Where the policy can share, the prompt is stored once, by the first; when it is
complete the others are forked from it (TOGETHER), and when the first generated token is stored each gets pages of its
own to write to (DIVERGED). Where it cannot, each stores all of its tokens separately. A request of one sequence is
DIVERGED from the start.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import kernel
from paged_sim.engine import beams, forks, order, sequence, single
from paged_sim.engine.machine import (
    BEAM,
    DIVERGED,
    FINAL,
    NEXT_SAMPLE,
    NONE,
    NUM_SAMPLES,
    PARTIAL,
    REQUEST,
    ROOM,
    SAVED_SLOTS,
    SAVED_TAIL,
    SAVED_TOKENS,
    SHARING,
    SLOTS,
    TOGETHER,
    UNFORKED,
    Machine,
)


@kernel
def need(machine: Machine, request: int, tokens: int) -> int:
    """Slots that all sequences of a request need together to hold `tokens` tokens each, before placement rounds."""
    whole = allocators.want(machine.allocator, request, tokens)
    others = machine.samples[request] - 1
    if others == 0:
        return whole
    return int(whole + others * allocators.own_part(machine.allocator, request, machine.prompt[request], tokens))


@kernel
def footprint(machine: Machine, request: int, tokens: int) -> int:
    """Slots that `need` really takes, after rounding."""
    whole = allocators.footprint(machine.allocator, allocators.want(machine.allocator, request, tokens))
    others = machine.samples[request] - 1
    if others == 0:
        return whole
    part = allocators.own_part(machine.allocator, request, machine.prompt[request], tokens)
    return int(whole + others * allocators.footprint(machine.allocator, part))


@kernel
def fits(machine: Machine, request: int, tokens: int) -> bool:
    """Whether all sequences of a request would find room for `tokens` tokens each now."""
    whole = allocators.want(machine.allocator, request, tokens)
    others = machine.samples[request] - 1
    if others == 0:
        return allocators.fits(machine.allocator, whole)
    part = allocators.own_part(machine.allocator, request, machine.prompt[request], tokens)
    return allocators.fits_all(machine.allocator, whole, part, others)


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
def seat_all(machine: Machine, leader: int, request: int) -> None:
    """Make a new seat the first sequence of a request and seat the others beside it."""
    seats = machine.seats
    seats[leader, NUM_SAMPLES] = machine.samples[request]
    seats[leader, SHARING] = DIVERGED
    seats[leader, SAVED_SLOTS] = 0
    seats[leader, SAVED_TOKENS] = 0
    seats[leader, SAVED_TAIL] = 0
    order.introduce(machine, leader, request)
    if machine.samples[request] == 1:
        return
    if allocators.shares(machine.allocator):
        seats[leader, SHARING] = UNFORKED
    last = leader
    for _ in range(machine.samples[request] - 1):
        other = order.sit_beside(machine)
        order.introduce(machine, other, request)
        seats[last, NEXT_SAMPLE] = other
        last = other


@kernel
def end_before_fork(machine: Machine, leader: int, tokens: int) -> int:
    """How many of a request's first `tokens` tokens can be stored without its sequences parting anew."""
    if machine.seats[leader, SHARING] != UNFORKED:
        return tokens
    return int(min(tokens, machine.prompt[machine.seats[leader, REQUEST]]))


@kernel
def num_owners(machine: Machine, leader: int) -> int:
    """Sequences that store each generated token of theirs, and, where nothing is shared, each of the prompt."""
    return int(machine.seats[leader, NUM_SAMPLES] if machine.seats[leader, SHARING] == DIVERGED else 1)


@kernel
def give_room(machine: Machine, leader: int, stored: int, tokens: int) -> None:
    """Give the sequences that have slots, with `stored` tokens each, room for `tokens` tokens; there must be room."""
    if stored > 0:
        grow(machine, leader, tokens, stored)
        return
    goal = allocators.want(machine.allocator, machine.seats[leader, REQUEST], tokens)
    seat = leader
    while seat != NONE:
        sequence.take(machine, seat, goal)
        seat = order.next_owner(machine, leader, seat)
    level_room(machine, leader)


@kernel
def level_room(machine: Machine, leader: int) -> None:
    """Let the first ask again as soon as any must: a placement may give one more than another for the same demand."""
    if allocators.shares(machine.allocator):
        return
    seats = machine.seats
    seat = leader
    while seat != NONE:
        seats[leader, ROOM] = min(seats[leader, ROOM], seats[seat, ROOM])
        seat = order.next_owner(machine, leader, seat)


@kernel
def grow(machine: Machine, leader: int, tokens: int, stored: int) -> int:
    """Let each sequence grow that has no room; those that are TOGETHER part first, if the copies find room."""
    seats = machine.seats
    if seats[leader, SHARING] == TOGETHER:
        copies = forks.copies_needed(machine, leader)
        if not allocators.fits(machine.allocator, copies):
            return copies
        forks.diverge(machine, leader)
    goal = allocators.want(machine.allocator, seats[leader, REQUEST], tokens)
    seat = leader
    while seat != NONE:
        missing = sequence.grow(machine, seat, goal, stored)
        if missing > 0:
            return missing
        seat = order.next_owner(machine, leader, seat)
    level_room(machine, leader)
    return 0


@kernel
def write(machine: Machine, leader: int, tokens: int) -> None:
    """Write the tokens of every sequence that has slots, each with its writer."""
    if machine.seats[leader, NUM_SAMPLES] == 1:
        single.write(machine, leader, tokens)
    else:
        forks.write_all(machine, leader, tokens)


@kernel
def fork(machine: Machine, leader: int, stored: int) -> None:
    """Fork the others from the first once it has stored all of the prompt."""
    if machine.seats[leader, SHARING] == UNFORKED and stored == machine.prompt[machine.seats[leader, REQUEST]]:
        forks.fork(machine, leader)


@kernel
def branch(machine: Machine, leader: int, stored: int) -> None:
    """Let beams that have parted continue those that were drawn."""
    several = machine.seats[leader, SHARING] == DIVERGED and machine.seats[leader, NUM_SAMPLES] > 1
    if machine.counts[BEAM] and several and leader != machine.counts[PARTIAL]:
        beams.branch(machine, leader, stored)


@kernel
def num_written(machine: Machine, leader: int, stored: int) -> int:
    """Tokens that were written so that each sequence of a request has `stored` ones (copies are not written)."""
    if allocators.shares(machine.allocator):
        return work(machine, machine.seats[leader, REQUEST], 0, stored)
    return int(stored * machine.seats[leader, NUM_SAMPLES])


@kernel
def holding(machine: Machine, leader: int) -> tuple[int, int]:
    """Tokens stored and slots held by all sequences, without what is counted more than once."""
    seats = machine.seats
    sequences = seats[leader, NUM_SAMPLES]
    stored = sequences * seats[leader, FINAL] - seats[leader, SAVED_TOKENS]
    return int(stored), int(held_apart(machine, leader) - seats[leader, SAVED_SLOTS])


@kernel
def held_apart(machine: Machine, leader: int) -> int:
    """Slots that all sequences of a request hold, those that they share counted for each."""
    seats = machine.seats
    if allocators.shares(machine.allocator):
        return int(seats[leader, NUM_SAMPLES] * seats[leader, SLOTS])
    held, seat = 0, leader
    while seat != NONE:
        held += seats[seat, SLOTS]
        seat = order.next_owner(machine, leader, seat)
    return held


@kernel
def vacate(machine: Machine, leader: int, tokens: int, stored: int, finished: bool) -> None:
    """`sequence.vacate` for all sequences of a request: `tokens` tokens of each are booked, `stored` are stored."""
    if machine.seats[leader, NUM_SAMPLES] == 1:
        single.vacate(machine, leader, tokens, stored, finished)
    else:
        forks.vacate_all(machine, leader, tokens, stored, finished)
