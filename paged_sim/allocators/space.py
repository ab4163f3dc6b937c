"""The free part of an arena, as the placements of contiguous allocation keep it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators import address_tree, buddy, size_tree
from paged_sim.compiled import marked_state

RULE, FREE, CURSOR = range(3)


@marked_state
class Space(NamedTuple):
    """Free extents by address (and, for best fit, by size), or free buddy blocks, or what another placement keeps.

    `start_of[end]` is the start of the free extent that ends before slot `end`, or -1. `records` has a row of fields
    for each slot and `lists` has numbers, as many of either as a placement asks for and of the meaning that it gives
    them. `numbers` holds the placement (its index in the table), the free slots and next fit's cursor.
    """

    by_address: npt.NDArray[np.int64]
    start_of: npt.NDArray[np.int64]
    by_size: size_tree.SizeTree
    blocks: buddy.Buddy
    records: npt.NDArray[np.int64]
    lists: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]


def own_type(name: str) -> type[Space]:
    """A type for the spaces of placements that are not compiled with the others."""
    return marked_state(type(name, (Space,), {}))


def create(
    rule: int,
    capacity: int,
    *,
    extents: int = 0,
    sizes: int = 0,
    blocks: int = 0,
    records: int = 0,
    fields: int = 1,
    lists: int = 0,
) -> Space:
    """A space of `capacity` free slots in which nothing has been entered yet.

    Only what is asked for takes memory: extents over so many slots, by address and by size, buddy blocks over so many,
    so many records of some fields each, all 0, and so many numbers of lists, all -1.
    """
    return Space(
        by_address=address_tree.create(extents),
        start_of=np.full(extents + 1, -1, np.int64),
        by_size=size_tree.create(sizes),
        blocks=buddy.create(blocks),
        records=np.zeros((records, fields), np.int64),
        lists=np.full(lists, -1, np.int64),
        numbers=np.array([rule, capacity, 0], np.int64),
    )
