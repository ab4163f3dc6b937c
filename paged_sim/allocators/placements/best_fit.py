"""Best fit: the shortest free extent that is long enough, the lowest of equals."""

from __future__ import annotations

import sys

from paged_sim.allocators import size_tree
from paged_sim.allocators import space as spaces
from paged_sim.allocators.contract import completed
from paged_sim.allocators.placements import Placement, extents
from paged_sim.allocators.space import Space


def create(rule: int, capacity: int) -> Space:
    """One free extent, by address and by size."""
    space = spaces.create(rule, capacity, extents=capacity, sizes=capacity)
    extents.add_extent(space, 0, capacity)
    return space


def find(space: Space, length: int) -> int:
    """The tightest."""
    return size_tree.tightest(space.by_size, length)


def note(space: Space, start: int, length: int) -> None:
    """Enter it by size."""
    size_tree.insert(space.by_size, start, length)


def forget(space: Space, start: int) -> None:
    """Take it out by size."""
    size_tree.remove(space.by_size, start)


PLACEMENT: Placement = Placement(
    "best_fit", "the shortest free extent that is long enough", completed(sys.modules[__name__], extents)
)
