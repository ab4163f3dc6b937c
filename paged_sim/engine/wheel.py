"""The wheel: who has an event at which step.

A bucket is a chain of cells, newest first. A cell is one line of the processor's cache: where the cell before it ends,
then up to seven events. An event is a number that sorts by generation and ends in the seat, so that neither entering
events nor collecting them looks at any other sequence.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.prefetch import prefetch
from paged_sim.engine.machine import (
    FINAL,
    FIRST_DUE,
    FREE_CELL,
    GENERATION,
    LINE_WORDS,
    NONE,
    NUM_SEAT_FIELDS,
    OFFSET,
    ROOM,
    STEP,
    Machine,
)

SEAT_BITS = 31
SEAT_MASK = (1 << SEAT_BITS) - 1
WITHIN_CELL = LINE_WORDS - 1


@inlined
def bucket_of(machine: Machine, seat: int) -> int:
    """The bucket of a seat's next event: the step at which it needs more slots, or its end."""
    seats = machine.seats
    step = seats[seat, OFFSET] + min(seats[seat, FINAL], seats[seat, ROOM] + 1)
    return int(step & (len(machine.wheel) - 1))


@inlined
def seat_of(event: int) -> int:
    """Whose event it is."""
    return event & SEAT_MASK


@inlined
def schedule(machine: Machine, seat: int) -> None:
    """Enter a seat's next event."""
    counts, cells = machine.counts, machine.cells
    bucket = bucket_of(machine, seat)
    place = machine.wheel[bucket]
    if place == NONE or place & WITHIN_CELL == WITHIN_CELL:
        cell = counts[FREE_CELL]
        counts[FREE_CELL] = cells[cell]
        cells[cell] = place
        place = cell
    cells[place + 1] = (machine.seats[seat, GENERATION] << SEAT_BITS) | seat
    machine.wheel[bucket] = place + 1


@inlined
def before(machine: Machine, place: int) -> int:
    """Where the event entered before that at `place` is, or NONE; a cell that this leaves is free."""
    counts, cells = machine.counts, machine.cells
    place -= 1
    if place & WITHIN_CELL == 0:
        cell = place
        place = int(cells[cell])
        cells[cell] = counts[FREE_CELL]
        counts[FREE_CELL] = cell
    return place


@kernel
def unschedule(machine: Machine, seat: int) -> None:
    """Strike a seat's next event, which must be entered."""
    cells = machine.cells
    bucket = bucket_of(machine, seat)
    place = machine.wheel[bucket]
    while seat_of(cells[place]) != seat:
        place -= 1
        if place & WITHIN_CELL == 0:
            place = cells[place]
    # The newest takes its place: their order is that of their numbers.
    newest = machine.wheel[bucket]
    cells[place] = cells[newest]
    machine.wheel[bucket] = before(machine, newest)


@kernel
def collect_due(machine: Machine) -> None:
    """Move this step's events to the end of `due`, in running order, and ask for what they will touch.

    They come nearly in reverse, so that almost every one of them belongs in front of those before it.
    """
    cells, due = machine.cells, machine.due
    bucket = machine.counts[STEP] & (len(machine.wheel) - 1)
    place = machine.wheel[bucket]
    machine.wheel[bucket] = NONE
    first = len(due)
    while place != NONE:
        event = cells[place]
        prefetch(machine.seats, seat_of(event) * NUM_SEAT_FIELDS)
        allocators.expect(machine.allocator, seat_of(event))
        first -= 1
        at = first
        while at + 1 < len(due) and due[at + 1] < event:
            due[at] = due[at + 1]
            at += 1
        due[at] = event
        place = before(machine, place)
    machine.counts[FIRST_DUE] = first
