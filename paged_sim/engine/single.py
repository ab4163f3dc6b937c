"""A request that is one sequence: nothing is ever forked, parted or dropped (see `groups`)."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import accounts, order, recording, sequence
from paged_sim.engine.machine import DIVERGED, FINAL, NUM_SAMPLES, REQUEST, SHARING, SLOTS, Machine


@kernel
def need(machine: Machine, request: int, tokens: int) -> int:
    """What the policy wants."""
    return allocators.want(machine.allocator, request, tokens)


@kernel
def footprint(machine: Machine, request: int, tokens: int) -> int:
    """What that takes."""
    return allocators.footprint(machine.allocator, allocators.want(machine.allocator, request, tokens))


@kernel
def fits(machine: Machine, request: int, tokens: int) -> bool:
    """Whether there is room for that."""
    return allocators.fits(machine.allocator, allocators.want(machine.allocator, request, tokens))


@inlined
def work(machine: Machine, request: int, first: int, last: int) -> int:
    """Every token is computed once."""
    return last - first


@inlined
def affordable(machine: Machine, request: int, stored: int, budget: int) -> int:
    """As many as the budget has."""
    return int(min(machine.known[request] - stored, budget))


@kernel
def seat_all(machine: Machine, leader: int, request: int) -> None:
    """Seat it alone."""
    machine.seats[leader, NUM_SAMPLES] = 1
    machine.seats[leader, SHARING] = DIVERGED
    order.introduce(machine, leader, request)


@inlined
def end_before_fork(machine: Machine, leader: int, tokens: int) -> int:
    """There is nobody to part from."""
    return tokens


@inlined
def num_owners(machine: Machine, leader: int) -> int:
    """One."""
    return 1


@kernel
def give_room(machine: Machine, leader: int, stored: int, tokens: int) -> None:
    """Take it; a seat that has tokens was given room for all of them before."""
    sequence.take(machine, leader, allocators.want(machine.allocator, machine.seats[leader, REQUEST], tokens))


@inlined
def grow(machine: Machine, leader: int, tokens: int, stored: int) -> int:
    """Let it grow."""
    goal = allocators.want(machine.allocator, machine.seats[leader, REQUEST], tokens)
    return sequence.grow(machine, leader, goal, stored)


@inlined
def write(machine: Machine, leader: int, tokens: int) -> None:
    """Write its tokens."""
    recording.write(machine, leader, tokens)


@inlined
def fork(machine: Machine, leader: int, stored: int) -> None:
    """There are no others."""


@inlined
def branch(machine: Machine, leader: int, stored: int) -> None:
    """There are no others."""


@inlined
def num_written(machine: Machine, leader: int, stored: int) -> int:
    """Each token once."""
    return stored


@inlined
def holding(machine: Machine, leader: int) -> tuple[int, int]:
    """Its own."""
    return int(machine.seats[leader, FINAL]), int(machine.seats[leader, SLOTS])


@kernel
def vacate(machine: Machine, leader: int, tokens: int, stored: int, finished: bool) -> None:
    """Take its tokens out of the books and free the seat."""
    accounts.store(machine, -tokens)
    sequence.vacate(machine, leader, stored, finished)
