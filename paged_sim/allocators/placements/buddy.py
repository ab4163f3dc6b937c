"""Buddy placement: a demand takes a block of the next power of two (`allocators/buddy.py` keeps the free ones)."""

from __future__ import annotations

import sys

import numpy as np

from paged_sim.allocators import buddy
from paged_sim.allocators import space as spaces
from paged_sim.allocators.contract import NO_ROOM, completed
from paged_sim.allocators.placements import Placement, apart
from paged_sim.allocators.space import FREE, Space
from paged_sim.compiled import inlined


def create(rule: int, capacity: int) -> Space:
    """The fewest blocks that make up the arena."""
    space = spaces.create(rule, capacity, blocks=capacity)
    buddy.cut(space.blocks, capacity)
    return space


def is_new(space: Space) -> bool:
    """Whether the fewest blocks make up the arena, all of them free."""
    capacity = len(space.blocks.order)
    orders = space.blocks.order[space.blocks.order != buddy.NOT_FREE].astype(np.int64)
    whole = int(np.left_shift(np.int64(1), orders).sum()) == capacity == space.numbers[FREE]
    return bool(whole and len(orders) == capacity.bit_count())


@inlined
def longest(space: Space) -> int:
    """The largest free block."""
    return buddy.longest(space.blocks)


def how_many(space: Space, length: int, enough: int) -> int:
    """Blocks that all free ones could be split into."""
    return buddy.how_many(space.blocks, buddy.order_for(length), enough)


@inlined
def placed_length(space: Space, length: int) -> int:
    """The next power of two."""
    return 1 << buddy.order_for(length)


def place(space: Space, length: int) -> int:
    """Take a block, split off the smallest one that serves."""
    order = buddy.order_for(length)
    start = buddy.allocate(space.blocks, order)
    if start != NO_ROOM:
        space.numbers[FREE] -= 1 << order
    return start


def give_back(space: Space, start: int, length: int) -> None:
    """Free a block and merge it with its buddies."""
    space.numbers[FREE] += length
    buddy.give_back(space.blocks, start, buddy.order_for(length))


PLACEMENT: Placement = Placement(
    "buddy", "a block of the next power of two", completed(sys.modules[__name__], apart), block="buddy block"
)
