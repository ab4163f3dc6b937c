"""Rules over free extents: what they have in common. A rule says which extent a demand takes the front of (`find`).

Freed neighbours merge at once.
"""

from __future__ import annotations

from paged_sim.allocators import address_tree, placement
from paged_sim.allocators import space as spaces
from paged_sim.allocators.contract import NO_ROOM
from paged_sim.allocators.space import CURSOR, FREE, Space
from paged_sim.compiled import inlined, kernel


def create(rule: int, capacity: int) -> Space:
    """One free extent."""
    space = spaces.create(rule, capacity, extents=capacity)
    add_extent(space, 0, capacity)
    return space


def is_new(space: Space) -> bool:
    """Whether there is one free extent."""
    capacity = len(space.start_of) - 1
    return bool(space.numbers[FREE] == capacity == address_tree.longest(space.by_address))


@kernel
def add_extent(space: Space, start: int, length: int) -> None:
    """Enter a free extent; its neighbours are not free."""
    address_tree.set_length(space.by_address, start, length)
    space.start_of[start + length] = start
    placement.note(space, start, length)


@kernel
def drop_extent(space: Space, start: int) -> int:
    """Strike a free extent; its length."""
    length = address_tree.length_at(space.by_address, start)
    address_tree.set_length(space.by_address, start, 0)
    space.start_of[start + length] = -1
    placement.forget(space, start)
    return length


@inlined
def note(space: Space, start: int, length: int) -> None:
    """The tree of addresses is all that a rule needs."""


@inlined
def forget(space: Space, start: int) -> None:
    """The tree of addresses is all that a rule needs."""


@inlined
def fits(space: Space, length: int) -> bool:
    """Whether an extent is as long."""
    return address_tree.longest(space.by_address) >= length


@inlined
def longest(space: Space) -> int:
    """The longest free extent."""
    return address_tree.longest(space.by_address)


@inlined
def placed_length(space: Space, length: int) -> int:
    """Just what was asked for."""
    return length


@inlined
def length_at(space: Space, start: int, length: int) -> int:
    """Just what was asked for."""
    return length


def how_many(space: Space, length: int, enough: int) -> int:
    """All rules place at the front of a free extent, so each serves as often as it is long."""
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


def place(space: Space, length: int) -> int:
    """Take the front of the free extent that the rule chooses."""
    start = placement.find(space, length)
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


def extend(space: Space, start: int, length: int, extra: int) -> bool:
    """Take the front of the free extent right behind, if it is as long as that."""
    end = start + length
    if not 0 <= end < len(space.start_of) - 1 or address_tree.length_at(space.by_address, end) < extra:
        return False
    take_front(space, end, extra)
    return True


def give_back(space: Space, start: int, length: int) -> None:
    """Free an extent and merge it with its free neighbours."""
    space.numbers[FREE] += length
    end = start + length
    if end < len(space.start_of) - 1 and address_tree.length_at(space.by_address, end) > 0:
        length += drop_extent(space, end)
    previous: int = space.start_of[start]
    if previous >= 0:
        length += drop_extent(space, previous)
        start = previous
    add_extent(space, start, length)
