"""TLSF, two-level segregated fit: free blocks in lists by size, a demand served from the first list in which all fit.

After Masmano, Ripoll, Crespo and Real, TLSF: a new dynamic memory allocator for real-time systems (2004), as
mattconte/tlsf 3.1 has it on 64-bit machines; `tlsf_headerless` is the same with other settings. A list holds the
blocks of one power of two whose next bits are equal. What is searched for is the demand rounded up to where a list
begins, so any block found serves, in constant time; a block that would serve but lies in the list below is passed over.

One slot is what a byte is there. A block is its payload and, behind it, the header of the next; the very first header
is at the arena's end here, so that slot 0 is the first of a payload.
"""

from __future__ import annotations

import sys

from paged_sim.allocators import space as spaces
from paged_sim.allocators.contract import NO_ROOM, completed
from paged_sim.allocators.placements import Placement, apart
from paged_sim.allocators.space import FREE, Space
from paged_sim.compiled import kernel
from paged_sim.compiled.words import lowest_bit

LENGTH, BEGIN, AFTER, BEFORE = range(4)
"""Fields of a record. At its first slot a block has its length (negative: taken) and, if free, its neighbours in a
circular list; at its last slot a free one has where it begins (of others that is what it was: see `give_back`)."""

GRANULE, BITS, LEAST, HEADER, LEAST_REST, NEWEST_FIRST, HEADS, LEVELS, LEVEL = range(9)
"""What `lists` begins with: the settings (`laid_out`), where the heads of the lists are, the levels that have a block
as bits, and from LEVEL on, for each level, those of its lists that have one."""

NOBODY = -1

SPACE: type[Space] = spaces.own_type("SegregatedSpace")


def create(rule: int, capacity: int) -> Space:
    """One free block. Sizes are multiples of 8, at least 24; headers take 8; the block freed last is used first."""
    return laid_out(rule, capacity, granule=8, bits=5, least=24, header=8, least_rest=32, newest_first=True)


def laid_out(
    rule: int,
    capacity: int,
    *,
    granule: int,
    bits: int,
    least: int,
    header: int,
    least_rest: int,
    newest_first: bool,
) -> Space:
    """One free block, if there is room for any.

    Payloads are multiples of `granule`, of at least `least`; 2^`bits` lists are a level. Each block has a `header`;
    what is left of one is split off if it has `least_rest` slots, header included. Of the blocks in a list the newest
    is taken, or the oldest.
    """
    usable = usable_of(capacity, granule, least, header)
    levels = 1 + (list_of(usable // granule, bits) >> bits)
    heads = LEVEL + levels
    space = spaces.create(rule, capacity, records=capacity, fields=4, lists=heads + (levels << bits))
    space.lists[:heads] = 0
    space.lists[:LEVELS] = granule, bits, least, header, least_rest, newest_first, heads
    space.numbers[FREE] = usable
    if usable > 0:
        enter(space, 0, usable)
    return space


def usable_of(capacity: int, granule: int, least: int, header: int) -> int:
    """Slots that blocks can cover: whole granules, less the first header; 0 if that is too little for one block."""
    usable = capacity // granule * granule - header
    return usable if usable >= least + header else 0


def is_new(space: Space) -> bool:
    """Whether one free block is all there is."""
    usable = usable_of(len(space.records), space.lists[GRANULE], space.lists[LEAST], space.lists[HEADER])
    return bool(space.numbers[FREE] == usable == space.records[0, LENGTH])


@kernel
def highest_bit(word: int) -> int:
    """Which of the bits of an integer above 0 is the highest that is set."""
    bit, step = 0, 32
    while step > 0:
        if word >> (bit + step) > 0:
            bit += step
        step //= 2
    return bit


@kernel
def list_of(granules: int, bits: int) -> int:
    """The list of a size: its own below 2^`bits` granules, above by its power of two and the `bits` next bits."""
    if granules < 1 << bits:
        return granules
    level = highest_bit(granules) - bits + 1
    return (level << bits) + (granules >> (level - 1)) - (1 << bits)


@kernel
def list_from(granules: int, bits: int) -> int:
    """The first list whose blocks all have so many granules."""
    if granules < 1 << bits:
        return granules
    step = 1 << (highest_bit(granules) - bits)
    return list_of(granules + step - 1, bits)


@kernel
def shortest_in(index: int, bits: int) -> int:
    """Granules of the shortest block that a list can have."""
    level = index >> bits
    if level == 0:
        return index
    return (index - ((level - 1) << bits)) << (level - 1)


@kernel
def list_for(space: Space, total: int) -> int:
    """The list of a block of `total` slots, header included."""
    return list_of((total - space.lists[HEADER]) // space.lists[GRANULE], space.lists[BITS])


@kernel
def enter(space: Space, start: int, total: int) -> None:
    """Put a free block into its list: first, where the newest is used first, else last."""
    lists, records = space.lists, space.records
    index = list_for(space, total)
    records[start, LENGTH] = total
    records[start + total - 1, BEGIN] = start
    place = lists[HEADS] + index
    head = lists[place]
    if head == NOBODY:
        level = index >> lists[BITS]
        lists[LEVELS] |= 1 << level
        lists[LEVEL + level] |= 1 << (index - (level << lists[BITS]))
        head, last = start, start
    else:
        last = records[head, BEFORE]
    records[start, BEFORE] = last
    records[last, AFTER] = start
    records[start, AFTER] = head
    records[head, BEFORE] = start
    if head == start or lists[NEWEST_FIRST]:
        lists[place] = start


@kernel
def strike(space: Space, start: int) -> int:
    """Take a free block out of its list; its slots, header included."""
    lists, records = space.lists, space.records
    total: int = records[start, LENGTH]
    index = list_for(space, total)
    place = lists[HEADS] + index
    after, before = records[start, AFTER], records[start, BEFORE]
    records[before, AFTER] = after
    records[after, BEFORE] = before
    records[start, LENGTH] = 0
    if after == start:
        level = index >> lists[BITS]
        lists[place] = NOBODY
        lists[LEVEL + level] ^= 1 << (index - (level << lists[BITS]))
        if lists[LEVEL + level] == 0:
            lists[LEVELS] ^= 1 << level
    elif lists[place] == start:
        lists[place] = after
    return total


@kernel
def search(space: Space, index: int) -> int:
    """The block to use of the first list from `index` on that has one, or NO_ROOM."""
    lists = space.lists
    level = index >> lists[BITS]
    if level >= lists[HEADS] - LEVEL:
        return NO_ROOM
    sub = index - (level << lists[BITS])
    serving = lists[LEVEL + level] >> sub << sub
    if serving == 0:
        above = lists[LEVELS] >> (level + 1) << (level + 1)
        if above == 0:
            return NO_ROOM
        level = lowest_bit(above)
        serving = lists[LEVEL + level]
    start: int = lists[lists[HEADS] + (level << lists[BITS]) + lowest_bit(serving)]
    return start


def longest(space: Space) -> int:
    """What every block of the highest list serves: less than its longest block may have."""
    lists = space.lists
    if lists[LEVELS] == 0:
        return 0
    level = highest_bit(lists[LEVELS])
    index = (level << lists[BITS]) + highest_bit(lists[LEVEL + level])
    length: int = shortest_in(index, lists[BITS]) * lists[GRANULE]
    return length if length >= lists[LEAST] else 0


def placed_length(space: Space, length: int) -> int:
    """A payload of whole granules and a header."""
    lists = space.lists
    granules = (length + lists[GRANULE] - 1) // lists[GRANULE]
    total: int = max(granules * lists[GRANULE], lists[LEAST]) + lists[HEADER]
    return total


@kernel
def least_list(space: Space, total: int) -> int:
    """The first list in which every block gives `total` slots, header included."""
    return list_from((total - space.lists[HEADER]) // space.lists[GRANULE], space.lists[BITS])


def how_many(space: Space, length: int, enough: int) -> int:
    """A block serves as long as what is left of it stays in a list that is searched."""
    lists, count = space.lists, 0
    total = placed_length(space, length)
    first = least_list(space, total)
    shortest = shortest_in(first, lists[BITS]) * lists[GRANULE] + lists[HEADER]
    for place in range(lists[HEADS] + first, len(lists)):
        head = lists[place]
        block = head
        while block != NOBODY and count < enough:
            count += 1 + (space.records[block, LENGTH] - shortest) // total
            block = space.records[block, AFTER]
            if block == head:
                block = NOBODY
    return count


def place(space: Space, length: int) -> int:
    """Take the front of a block, and all of it where too little is left to be one."""
    total = placed_length(space, length)
    start = search(space, least_list(space, total))
    if start == NO_ROOM:
        return NO_ROOM
    rest = strike(space, start) - total
    if rest >= space.lists[LEAST_REST]:
        enter(space, start + total, rest)
    else:
        total += rest
    space.records[start, LENGTH] = -total
    space.numbers[FREE] -= total
    return start


def length_at(space: Space, start: int, length: int) -> int:
    """The whole block."""
    total: int = -space.records[start, LENGTH]
    return total


def give_back(space: Space, start: int, length: int) -> None:
    """Free a block and merge it with the one before and the one behind."""
    records = space.records
    space.numbers[FREE] += length
    records[start, LENGTH] = 0
    # What was noted at the slot before may be old: it is true if a free block begins there and ends here.
    before = records[start - 1, BEGIN] if start > 0 else 0
    if start > 0 and records[before, LENGTH] == start - before:
        length += strike(space, before)
        start = before
    end = start + length
    if end < len(records) and records[end, LENGTH] > 0:
        length += strike(space, end)
    enter(space, start, length)


PLACEMENT: Placement = Placement(
    "tlsf",
    "two-level segregated fit, headers in memory",
    completed(sys.modules[__name__], apart),
    block="block with its header",
    exact=False,
    space=SPACE,
)
