"""A simulation without a prefix cache: every sequence's tokens are its own and nothing is found."""

from __future__ import annotations

from paged_sim.compiled import inlined
from paged_sim.engine.machine import Machine


@inlined
def begin(machine: Machine, seat: int, hits: int, tokens: int) -> None:
    """Nothing is ever found."""


@inlined
def book_cached(machine: Machine) -> int:
    """Nothing is kept: no slots."""
    return 0
