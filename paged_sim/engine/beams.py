"""Beam search: at every step each beam of a request continues one of its beams, drawn by a seeded hash.

A beam that nobody continues is dropped and frees the pages that it does not share; one that several continue is forked.
The physical pages of a request form a tree. Where nothing can be shared, the tokens of the beam that is continued are
copied over those of the dropped one.

The draws depend on the request, the position and the beam alone, not on when or in which order they are made.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.arena.operations import COPY, splitmix64
from paged_sim.compiled import kernel
from paged_sim.engine import forks, pool_log, recording, sequence, writers
from paged_sim.engine.machine import (
    BEAM_KEEP,
    BEAM_SEED,
    CHILDREN,
    NEXT_SAMPLE,
    NONE,
    NUM_SAMPLES,
    RECORD,
    REQUEST,
    SAVED_SLOTS,
    Machine,
)


@kernel
def parent_of(machine: Machine, request: int, position: int, beam: int) -> int:
    """Which of a request's beams its `beam`-th one continues with the token at `position`.

    Itself with a probability of BEAM_KEEP / 2^32, else any of them (itself included) with the same probability.
    """
    mixed = splitmix64(splitmix64(splitmix64(int(machine.counts[BEAM_SEED] + request)) + int(position)) + beam)
    if (mixed >> 32) & 0xFFFFFFFF < machine.counts[BEAM_KEEP]:
        return beam
    return int((mixed & 0xFFFFFFFF) % machine.samples[request])


@kernel
def count_children(machine: Machine, leader: int, stored: int) -> None:
    """Draw who continues whom with the token behind `stored` ones."""
    seats = machine.seats
    seat = leader
    while seat != NONE:
        seats[seat, CHILDREN] = 0
        seat = seats[seat, NEXT_SAMPLE]
    for beam in range(seats[leader, NUM_SAMPLES]):
        seat = leader
        for _ in range(parent_of(machine, seats[leader, REQUEST], stored, beam)):
            seat = seats[seat, NEXT_SAMPLE]
        seats[seat, CHILDREN] += 1


@kernel
def branch(machine: Machine, leader: int, stored: int) -> None:
    """Let the beams of a request, with `stored` tokens each, continue those that were drawn.

    Whoever is continued keeps its seat; further children take the seats of those that are dropped. The copies find room
    in the pages that were just freed: a dropped beam had its last, partly filled page to itself.
    """
    seats = machine.seats
    count_children(machine, leader, stored)
    free = allocators.free_slots(machine.allocator)
    seat = leader
    while seat != NONE:
        if seats[seat, CHILDREN] == 0:
            drop(machine, leader, seat, stored)
        seat = seats[seat, NEXT_SAMPLE]
    parent, seat = leader, leader
    while seat != NONE:
        if seats[seat, CHILDREN] == 0:
            while seats[parent, CHILDREN] < 2:
                parent = seats[parent, NEXT_SAMPLE]
            seats[parent, CHILDREN] -= 1
            continue_as(machine, parent, seat, stored)
        seat = seats[seat, NEXT_SAMPLE]
    if allocators.shares(machine.allocator):
        begun = stored % forks.page_of(machine, leader)
        seat = leader
        while seat != NONE:
            forks.copy_page(machine, seat, stored, begun)
            seat = seats[seat, NEXT_SAMPLE]
        saved = seats[leader, SAVED_SLOTS] + allocators.free_slots(machine.allocator) - free
        forks.share(machine, leader, saved, saved, 0)


@kernel
def drop(machine: Machine, leader: int, seat: int, stored: int) -> None:
    """Read back what only this beam has, and give it back where it is not about to be written over."""
    writers.check(machine, leader, seat, allocators.exclusive_from(machine.allocator, seat), stored, False)
    if allocators.shares(machine.allocator):
        sequence.give_back(machine, seat)


@kernel
def continue_as(machine: Machine, parent: int, seat: int, stored: int) -> None:
    """Let the seat of a dropped beam continue `parent`."""
    prompt = machine.prompt[machine.seats[seat, REQUEST]]
    for index in range(stored - prompt):
        machine.group.writers[seat, index] = machine.group.writers[parent, index]
    if allocators.shares(machine.allocator):
        slots = allocators.fork(machine.allocator, parent, seat)
        pool_log.note(machine, seat, pool_log.TOUCHED, 0, slots)
    elif machine.counts[RECORD]:
        source, _ = allocators.locate(machine.allocator, parent, 0)
        target, _ = allocators.locate(machine.allocator, seat, 0)
        recording.record(machine, COPY, source, stored, target, 0)
