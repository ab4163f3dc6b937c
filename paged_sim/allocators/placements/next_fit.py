"""Next fit: the lowest free extent at or above the end of the last placement, then from the bottom again."""

from __future__ import annotations

import sys

from paged_sim.allocators import address_tree
from paged_sim.allocators.contract import completed
from paged_sim.allocators.placements import Placement, extents
from paged_sim.allocators.space import CURSOR, Space


def find(space: Space, length: int) -> int:
    """The next that is long enough, from the cursor on."""
    return address_tree.first_from(space.by_address, space.numbers[CURSOR], length)


PLACEMENT: Placement = Placement(
    "next_fit", "the next free extent after the last placement", completed(sys.modules[__name__], extents)
)
