"""A simulation without a prefix cache: every sequence's tokens are its own and nothing is found."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.engine.machine import Machine


def begin(state: allocators.State, machine: Machine, seat: int, hits: int, tokens: int) -> None:
    """Nothing is ever found."""


def book_cached(state: allocators.State, machine: Machine) -> int:
    """Nothing is kept: no slots."""
    return 0
