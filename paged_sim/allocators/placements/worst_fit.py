"""Worst fit: the longest free extent, the lowest of equals."""

from __future__ import annotations

import sys

from paged_sim.allocators import address_tree
from paged_sim.allocators.contract import completed
from paged_sim.allocators.placements import Placement, extents
from paged_sim.allocators.space import Space


def find(space: Space, length: int) -> int:
    """The lowest of the longest."""
    return address_tree.first(space.by_address, max(length, address_tree.longest(space.by_address)))


PLACEMENT: Placement = Placement("worst_fit", "the longest free extent", completed(sys.modules[__name__], extents))
