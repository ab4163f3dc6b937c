"""What only requests of several sequences need, compiled only where there are such: by the type of `machine.group`."""

from __future__ import annotations

from types import ModuleType

from paged_sim import allocators
from paged_sim.compiled import dispatched
from paged_sim.engine import beams, forks, single
from paged_sim.engine.machine import Machine, Several, Single

FORKS: dict[type, ModuleType] = {Single: single, Several: forks}
BEAMS: dict[type, ModuleType] = {Single: single, Several: beams}


@dispatched(FORKS, by="group")
def write_all(machine: Machine, state: allocators.State, leader: int, tokens: int) -> None:
    """Write the tokens of all sequences of a request up to `tokens`, or ahead of them."""
    FORKS[type(machine.group)].write_all(machine, state, leader, tokens)


@dispatched(FORKS, by="group")
def fork(machine: Machine, state: allocators.State, leader: int) -> None:
    """Let the other sequences of a request share the pages of the first, whose prompt is complete."""
    FORKS[type(machine.group)].fork(machine, state, leader)


@dispatched(FORKS, by="group")
def part(machine: Machine, state: allocators.State, leader: int) -> None:
    """Give each sequence of a request a page of its own to write to; there must be room for the copies."""
    FORKS[type(machine.group)].part(machine, state, leader)


@dispatched(BEAMS, by="group")
def branch(machine: Machine, state: allocators.State, leader: int, stored: int) -> None:
    """Let the beams of a request, with `stored` tokens each, continue those that were drawn."""
    BEAMS[type(machine.group)].branch(machine, state, leader, stored)


@dispatched(FORKS, by="group")
def vacate_all(
    machine: Machine, state: allocators.State, leader: int, tokens: int, stored: int, finished: bool
) -> None:
    """Read back and free all sequences of a request."""
    FORKS[type(machine.group)].vacate_all(machine, state, leader, tokens, stored, finished)
