"""First fit: the lowest free extent that is long enough."""

from __future__ import annotations

import sys

from paged_sim.allocators import address_tree
from paged_sim.allocators.contract import completed
from paged_sim.allocators.placements import Placement, extents
from paged_sim.allocators.space import Space


def find(space: Space, length: int) -> int:
    """The lowest that is long enough."""
    return address_tree.first(space.by_address, length)


PLACEMENT: Placement = Placement(
    "first_fit", "the lowest free extent that is long enough", completed(sys.modules[__name__], extents)
)
