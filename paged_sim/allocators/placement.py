"""Placement of extents: where a contiguous policy puts a reservation, and how freed extents grow together again.

`first_fit` takes the lowest free extent that is long enough, `best_fit` the shortest (the lowest of equals),
`worst_fit` the longest (the lowest of equals), `next_fit` the lowest at or above the place where the last one was put
(then from the bottom again), `buddy` a block of the next power of two. Freed neighbours merge at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators import address_tree, buddy, size_tree
from paged_sim.allocators.contract import NO_ROOM
from paged_sim.compiled import kernel, marked_state

FIRST_FIT, BEST_FIT, WORST_FIT, NEXT_FIT, BUDDY = range(5)

PLACEMENTS = {
    "first_fit": FIRST_FIT,
    "best_fit": BEST_FIT,
    "worst_fit": WORST_FIT,
    "next_fit": NEXT_FIT,
    "buddy": BUDDY,
}

RULE, FREE, CURSOR = range(3)


@marked_state
class Space(NamedTuple):
    """The free part of an arena: free extents by address (and, for best fit, by size), or free buddy blocks.

    `start_of[end]` is the start of the free extent that ends before slot `end`, or -1.
    `numbers` holds the rule, the free slots and next fit's cursor.
    """

    by_address: npt.NDArray[np.int64]
    start_of: npt.NDArray[np.int64]
    by_size: size_tree.SizeTree
    blocks: buddy.Buddy
    numbers: npt.NDArray[np.int64]


def create(rule: int, capacity: int) -> Space:
    """A wholly free space. Only what the rule uses takes memory."""
    extents = 0 if rule == BUDDY else capacity
    space = Space(
        by_address=address_tree.create(extents),
        start_of=np.full(extents + 1, -1, np.int64),
        by_size=size_tree.create(capacity if rule == BEST_FIT else 0),
        blocks=buddy.create(capacity if rule == BUDDY else 0),
        numbers=np.array([rule, capacity, 0], np.int64),
    )
    if rule == BUDDY:
        buddy.cut(space.blocks, capacity)
    else:
        add_extent(space, 0, capacity)
    return space


def is_new(space: Space) -> bool:
    """Whether all slots are free and as little cut up as at the start: one extent, or the fewest buddy blocks."""
    capacity = len(space.start_of) - 1
    if space.numbers[RULE] != BUDDY:
        return bool(space.numbers[FREE] == capacity == address_tree.longest(space.by_address))
    capacity = len(space.blocks.order)
    orders = space.blocks.order[space.blocks.order != buddy.NOT_FREE].astype(np.int64)
    whole = int(np.left_shift(np.int64(1), orders).sum()) == capacity == space.numbers[FREE]
    return bool(whole and len(orders) == capacity.bit_count())


@kernel
def add_extent(space: Space, start: int, length: int) -> None:
    """Enter a free extent; its neighbours are not free."""
    address_tree.set_length(space.by_address, start, length)
    space.start_of[start + length] = start
    if space.numbers[RULE] == BEST_FIT:
        size_tree.insert(space.by_size, start, length)


@kernel
def drop_extent(space: Space, start: int) -> int:
    """Strike a free extent; its length."""
    length = address_tree.length_at(space.by_address, start)
    address_tree.set_length(space.by_address, start, 0)
    space.start_of[start + length] = -1
    if space.numbers[RULE] == BEST_FIT:
        size_tree.remove(space.by_size, start)
    return length


@kernel
def placed_length(space: Space, length: int) -> int:
    """Slots that are taken for `length`: a power of two for buddy."""
    if space.numbers[RULE] == BUDDY:
        return 1 << buddy.order_for(length)
    return length


@kernel
def find(space: Space, length: int) -> int:
    """Start of the free extent that the rule chooses for `length` slots, or NO_ROOM."""
    rule = space.numbers[RULE]
    if rule == BEST_FIT:
        return size_tree.tightest(space.by_size, length)
    if rule == NEXT_FIT:
        return address_tree.first_from(space.by_address, space.numbers[CURSOR], length)
    if rule == WORST_FIT:
        length = max(length, address_tree.longest(space.by_address))
    return address_tree.first(space.by_address, length)


@kernel
def longest(space: Space) -> int:
    """The longest extent that could be placed now."""
    if space.numbers[RULE] == BUDDY:
        return buddy.longest(space.blocks)
    return address_tree.longest(space.by_address)


@kernel
def how_many(space: Space, length: int, enough: int) -> int:
    """Extents of `length` slots that could be placed now, one after the other; counting stops once there are `enough`.

    All rules place at the front of a free extent, so each serves as often as it is long.
    """
    if space.numbers[RULE] == BUDDY:
        return buddy.how_many(space.blocks, buddy.order_for(length), enough)
    total = 0
    start = address_tree.first(space.by_address, length)
    while start != NO_ROOM and total < enough:
        free = address_tree.length_at(space.by_address, start)
        total += free // length
        above = start + free
        start = NO_ROOM
        if above < len(space.start_of) - 1:
            start = address_tree.first_from(space.by_address, above, length)
        if start < above:
            return total
    return total


@kernel
def place(space: Space, length: int) -> int:
    """Take an extent of `length` slots (a block that holds them, for buddy); its start, or NO_ROOM."""
    if space.numbers[RULE] == BUDDY:
        order = buddy.order_for(length)
        start = buddy.allocate(space.blocks, order)
        if start != NO_ROOM:
            space.numbers[FREE] -= 1 << order
        return start
    start = find(space, length)
    if start == NO_ROOM:
        return NO_ROOM
    take_front(space, start, length)
    # A cursor at the arena's end starts again from the bottom.
    end = start + length
    space.numbers[CURSOR] = end if end < len(space.start_of) - 1 else 0
    return start


@kernel
def take_front(space: Space, start: int, length: int) -> None:
    """Take the first `length` slots of the free extent at `start`."""
    rest = drop_extent(space, start) - length
    if rest > 0:
        add_extent(space, start + length, rest)
    space.numbers[FREE] -= length


@kernel
def extend(space: Space, start: int, length: int, extra: int) -> bool:
    """Take `extra` slots right behind the extent (start, length) if they are free; whether they were. Not for buddy."""
    end = start + length
    if not 0 <= end < len(space.start_of) - 1 or address_tree.length_at(space.by_address, end) < extra:
        return False
    take_front(space, end, extra)
    return True


@kernel
def give_back(space: Space, start: int, length: int) -> None:
    """Free an extent that was placed with this length and merge it with its free neighbours."""
    space.numbers[FREE] += length
    if space.numbers[RULE] == BUDDY:
        buddy.give_back(space.blocks, start, buddy.order_for(length))
        return
    end = start + length
    if end < len(space.start_of) - 1 and address_tree.length_at(space.by_address, end) > 0:
        length += drop_extent(space, end)
    previous: int = space.start_of[start]
    if previous >= 0:
        length += drop_extent(space, previous)
        start = previous
    add_extent(space, start, length)
