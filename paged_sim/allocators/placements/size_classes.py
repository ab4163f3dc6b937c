"""Size classes as jemalloc has them: small ones in slabs of whole pages, large ones in runs of pages.

After jemalloc 5.3 (`src/sc.c`, `src/bin.c`, `src/eset.c`), a slot being 256 bytes of it and so PAGE slots its page of
4 KiB. Classes are 1, 2, 3, 4 slots, then four in each doubling. A class of less than four pages is small: its slab is
the fewest pages that its regions fill without a rest, one to seven; the lowest slab with a free region gives the lowest
one, and a slab that is wholly free goes back at once. A large demand, or a new slab, takes the front of the lowest run
of free pages that is long enough. A large extent grows in place if the pages behind it are free.

One arena of one extent: no thread caches, no padding of large extents by a page (`cache_oblivious`), no delay until
freed pages are merged (`dirty_decay_ms:0`). What remains of the arena beyond whole pages is never used.
"""

from __future__ import annotations

import sys

from paged_sim.allocators import address_tree, buddy, size_tree
from paged_sim.allocators import space as spaces
from paged_sim.allocators.contract import NO_ROOM, completed
from paged_sim.allocators.placements import Placement, extents
from paged_sim.allocators.space import FREE, Space
from paged_sim.compiled import kernel, words

PAGE = 16
SMALLEST_LARGE = 4 * PAGE
LARGEST_SMALL = SMALLEST_LARGE * 7 // 8

# A record for each page: its slab's first page, and of that page the slab's free regions, a bit each.
HEAD, REGIONS = range(2)


def create(rule: int, capacity: int) -> Space:
    """One run of pages. Slabs with a free region will be in the tree of sizes, by class and first page.

    `lists[size]` counts the free regions of a class.
    """
    pages = capacity // PAGE
    space = spaces.create(
        rule, pages * PAGE, extents=pages * PAGE, sizes=pages, records=pages, fields=2, lists=SMALLEST_LARGE
    )
    space.lists[:] = 0
    extents.add_extent(space, 0, pages * PAGE)
    return space


@kernel
def class_of(length: int) -> int:
    """The smallest size class that holds `length` slots: a multiple of an eighth of the next power of two."""
    step = 1 << max(0, buddy.order_for(length) - 3)
    return (length + step - 1) // step * step


@kernel
def slab_of(size: int) -> int:
    """Slots of a slab of a small class: the least multiple of both the class and a page."""
    power = size & -size
    return size // power * max(power, PAGE)


@kernel
def serves(space: Space, size: int) -> bool:
    """Whether a demand of a class could be placed now."""
    run = address_tree.longest(space.by_address)
    if size >= SMALLEST_LARGE:
        return run >= size
    return space.lists[size] > 0 or run >= slab_of(size)


def fits(space: Space, length: int) -> bool:
    """Whether there is a free region of its class, or a run of pages for a slab or for itself."""
    return serves(space, class_of(length))


def longest(space: Space) -> int:
    """The largest class that could be placed now; a smaller one may still not fit, if its slab needs more pages."""
    run = address_tree.longest(space.by_address)
    if run >= SMALLEST_LARGE:
        step = 1 << (buddy.order_for(run + 1) - 3)
        return run // step * step
    size = LARGEST_SMALL
    while size > 0 and not (class_of(size) == size and serves(space, size)):
        size -= 1
    return size


def placed_length(space: Space, length: int) -> int:
    """Its class."""
    return class_of(length)


def length_at(space: Space, start: int, length: int) -> int:
    """Its class."""
    return class_of(length)


def how_many(space: Space, length: int, enough: int) -> int:
    """Large extents in all runs of pages; or the free regions of a class and those of the slabs in all runs."""
    size = class_of(length)
    if size >= SMALLEST_LARGE:
        return extents.how_many(space, size, enough)
    loose: int = space.lists[size]
    if loose >= enough:
        return loose
    slab = slab_of(size)
    regions = slab // size
    return loose + regions * extents.how_many(space, slab, (enough - loose + regions - 1) // regions)


def place(space: Space, length: int) -> int:
    """Take a run of pages, or a region."""
    size = class_of(length)
    if not serves(space, size):
        return NO_ROOM
    if size >= SMALLEST_LARGE:
        start = address_tree.first(space.by_address, size)
        extents.take_front(space, start, size)
        return start
    if space.lists[size] == 0:
        open_slab(space, size)
    return take_region(space, size_tree.tightest(space.by_size, size), size)


@kernel
def open_slab(space: Space, size: int) -> None:
    """Make a slab of the lowest run of pages that has room for it. Its slots stay free."""
    slab = slab_of(size)
    start = address_tree.first(space.by_address, slab)
    extents.take_front(space, start, slab)
    space.numbers[FREE] += slab
    head = start // PAGE
    space.records[head : head + slab // PAGE, HEAD] = head
    space.records[head, REGIONS] = (1 << (slab // size)) - 1
    space.lists[size] += slab // size
    size_tree.insert(space.by_size, head, size)


@kernel
def take_region(space: Space, head: int, size: int) -> int:
    """Take the lowest free region of a slab; its start."""
    region = words.lowest_bit(space.records[head, REGIONS])
    space.records[head, REGIONS] ^= 1 << region
    if space.records[head, REGIONS] == 0:
        size_tree.remove(space.by_size, head)
    space.lists[size] -= 1
    space.numbers[FREE] -= size
    return head * PAGE + region * size


def extend(space: Space, start: int, length: int, extra: int) -> bool:
    """Take the pages right behind a large extent, up to the class that it grows to."""
    if length < SMALLEST_LARGE:
        return False
    return extents.extend(space, start, length, class_of(length + extra) - length)


def give_back(space: Space, start: int, length: int) -> None:
    """Free a run of pages, or a region; with its last region a slab becomes a run of pages again."""
    if length >= SMALLEST_LARGE:
        extents.give_back(space, start, length)
        return
    head: int = space.records[start // PAGE, HEAD]
    if space.records[head, REGIONS] == 0:
        size_tree.insert(space.by_size, head, length)
    space.records[head, REGIONS] |= 1 << ((start - head * PAGE) // length)
    space.lists[length] += 1
    space.numbers[FREE] += length
    slab = slab_of(length)
    if space.records[head, REGIONS] == (1 << (slab // length)) - 1:
        size_tree.remove(space.by_size, head)
        space.lists[length] -= slab // length
        space.numbers[FREE] -= slab
        extents.give_back(space, head * PAGE, slab)


PLACEMENT: Placement = Placement(
    "size_classes",
    "four size classes a doubling, in slabs or pages of 16 slots",
    completed(sys.modules[__name__], extents),
    block="size class",
    ordered=False,
    space=spaces.own_type("SlabSpace"),
)
