"""Who wrote which token: what the sequences of one request record for the arena.

A token is tagged with the generation of the sequence that wrote it. Where the prompt is stored once, its tokens carry
the generation of the request's first sequence in everybody's pages; generated tokens carry that of their sample. A beam
continues another one's tokens, so each beam keeps a list of who wrote its generated tokens.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.arena.operations import CHECK, WRITE
from paged_sim.compiled import kernel
from paged_sim.engine import recording
from paged_sim.engine.machine import BEAM, EAGER, GENERATION, RECORD, REQUEST, WRITTEN, Machine


@kernel
def write(machine: Machine, leader: int, seat: int, tokens: int) -> None:
    """`recording.write` for one of several sequences of a request."""
    seats = machine.seats
    first = seats[seat, WRITTEN]
    last = tokens if machine.counts[EAGER] else recording.written_ahead(machine, seat)
    if machine.counts[BEAM]:
        prompt = machine.prompt[seats[leader, REQUEST]]
        for position in range(max(first, prompt), last):
            machine.group.writers[seat, position - prompt] = seats[seat, GENERATION]
    if machine.counts[RECORD]:
        record(machine, leader, seat, WRITE, first, last)
    seats[seat, WRITTEN] = last


@kernel
def check(machine: Machine, leader: int, seat: int, first: int, last: int, finished: bool) -> None:
    """Record that a sequence's tokens `first` to `last - 1` are read back, if `check` asks for it."""
    if machine.counts[RECORD] and recording.is_checked(machine, seat, finished):
        record(machine, leader, seat, CHECK, first, last)


@kernel
def record(machine: Machine, leader: int, seat: int, kind: int, first: int, last: int) -> None:
    """Record an operation over a sequence's tokens `first` to `last - 1`, each with its writer."""
    position = first
    while position < last:
        writer, end = writer_of(machine, leader, seat, position, last)
        recording.record_tokens(machine, seat, kind, writer, position, end)
        position = end


@kernel
def writer_of(machine: Machine, leader: int, seat: int, position: int, last: int) -> tuple[int, int]:
    """The generation that wrote a sequence's token at `position`, and the end (at most `last`) of what it wrote."""
    seats = machine.seats
    prompt = machine.prompt[seats[leader, REQUEST]]
    is_beam = machine.counts[BEAM]
    if position < prompt and (is_beam or allocators.shares(machine.allocator)):
        return int(seats[leader, GENERATION]), int(min(last, prompt))
    if not is_beam:
        return int(seats[seat, GENERATION]), last
    writer = machine.group.writers[seat, position - prompt]
    end = position + 1
    while end < last and machine.group.writers[seat, end - prompt] == writer:
        end += 1
    return int(writer), end
