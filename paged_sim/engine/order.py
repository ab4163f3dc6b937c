"""Seats of resident sequences: taken and left, and the order in which those in them run."""

from __future__ import annotations

from paged_sim.compiled import kernel
from paged_sim.engine.machine import (
    CACHING,
    FINAL,
    FIRST_RUNNING,
    FOLLOWING,
    GENERATION,
    IDENTITY,
    LAST_RUNNING,
    NEXT_SAMPLE,
    NONE,
    NUM_FREE_SEATS,
    NUM_GENERATIONS,
    NUM_RUNNING,
    OVER,
    OWN_FROM,
    PREVIOUS,
    REQUEST,
    ROOM,
    ROUNDING,
    SHARING,
    SLOTS,
    TAIL,
    UNFORKED,
    WRITTEN,
    Machine,
)


@kernel
def seat_down(machine: Machine) -> int:
    """A free seat, entered as the last in running order."""
    counts, seats = machine.counts, machine.seats
    seat = sit_beside(machine)
    last = counts[LAST_RUNNING]
    seats[seat, PREVIOUS] = last
    seats[seat, FOLLOWING] = NONE
    if last == NONE:
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
    seats[seat, NEXT_SAMPLE] = NONE
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
    if previous == NONE:
        counts[FIRST_RUNNING] = following
    else:
        seats[previous, FOLLOWING] = following
    if following == NONE:
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


@kernel
def next_owner(machine: Machine, leader: int, seat: int) -> int:
    """The next sequence behind `seat` that has slots, or NONE: before the fork only the first one has."""
    if machine.seats[leader, SHARING] == UNFORKED:
        return NONE
    return int(machine.seats[seat, NEXT_SAMPLE])
