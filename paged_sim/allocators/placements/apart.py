"""What a placement that cuts memory in a way of its own need not say: it rounds nothing and extends nothing."""

from __future__ import annotations

from paged_sim.allocators import placement
from paged_sim.allocators.space import Space
from paged_sim.compiled import inlined


@inlined
def fits(space: Space, length: int) -> bool:
    """Whatever is not longer than the longest."""
    return placement.longest(space) >= length


def how_many(space: Space, length: int, enough: int) -> int:
    """All of them if they fit as one, else one if one does: never too much said."""
    if placement.fits(space, enough * placement.placed_length(space, length)):
        return enough
    return 1 if placement.fits(space, length) else 0


@inlined
def placed_length(space: Space, length: int) -> int:
    """Nothing is rounded."""
    return length


@inlined
def length_at(space: Space, start: int, length: int) -> int:
    """As much as any demand of this length takes."""
    return placement.placed_length(space, length)


@inlined
def extend(space: Space, start: int, length: int, extra: int) -> bool:
    """Nothing grows in place."""
    return False
