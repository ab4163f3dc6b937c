"""A simulation in which every request is one sequence: nothing is ever shared, forked, parted or dropped."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.engine.machine import Machine


def write_all(machine: Machine, state: allocators.State, leader: int, tokens: int) -> None:
    """There are no others."""


def fork(machine: Machine, state: allocators.State, leader: int) -> None:
    """There are no others."""


def part(machine: Machine, state: allocators.State, leader: int) -> None:
    """There are no others."""


def branch(machine: Machine, state: allocators.State, leader: int, stored: int) -> None:
    """There are no others."""


def vacate_all(
    machine: Machine, state: allocators.State, leader: int, tokens: int, stored: int, finished: bool
) -> None:
    """There are no others."""
