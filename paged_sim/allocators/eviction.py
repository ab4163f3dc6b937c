"""In which order idle cached pages are taken: least recently used first, or by a rank.

The rank is all that a policy says; ties are broken by time, the page that has been idle longest first. LRU ranks all
pages alike and needs only a linked list; the others keep a binary heap that knows where each page is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import inlined, kernel, marked_state

Ints = npt.NDArray[np.int64]
Pages = npt.NDArray[np.int32]

LRU, LFU, FIFO, BELADY = range(4)
POLICIES = {"lru": LRU, "lfu": LFU, "fifo": FIFO, "belady": BELADY}

NONE = -1
SIZE, NOW, RANKED = range(3)
RANK, STAMP, PAGE = range(3)
OLDER, YOUNGER = range(2)


@marked_state
class Order(NamedTuple):
    """The pages that may be evicted. `numbers`: how many they are, the time, whether ranks count.

    Without ranks `ring[page]` are the OLDER and the YOUNGER neighbour, around the page that there is not, behind the
    last one, whose neighbours are the youngest and the oldest; NONE for a page that is not in the order. With ranks
    `heap[:SIZE]` is a binary heap of (RANK, STAMP, PAGE), and `ring[page, OLDER]` where in it a page is.
    """

    ring: Pages
    heap: Ints
    numbers: Ints


def create(pages: int, *, ranked: bool) -> Order:
    """An empty order over `pages` pages."""
    ring = np.full((pages + 1, 2), NONE, np.int32)
    ring[pages] = pages
    return Order(
        ring=ring,
        heap=np.zeros((pages if ranked else 0, 3), np.int64),
        numbers=np.array([0, 0, ranked], np.int64),
    )


@inlined
def holds(order: Order, page: int) -> bool:
    """Whether a page is in the order."""
    return bool(order.ring[page, OLDER] != NONE)


@inlined
def put(order: Order, page: int, rank: int) -> None:
    """Add a page that is not there, the youngest of its rank."""
    size = order.numbers[SIZE]
    order.numbers[SIZE] = size + 1
    if order.numbers[RANKED]:
        order.numbers[NOW] += 1
        rise(order, rank, order.numbers[NOW], page, size)
        return
    end = len(order.ring) - 1
    youngest = order.ring[end, OLDER]
    order.ring[youngest, YOUNGER] = page
    order.ring[page, OLDER] = youngest
    order.ring[page, YOUNGER] = end
    order.ring[end, OLDER] = page


@inlined
def drop(order: Order, page: int) -> None:
    """Take a page out that is there."""
    size = order.numbers[SIZE] - 1
    order.numbers[SIZE] = size
    place = order.ring[page, OLDER]
    order.ring[page, OLDER] = NONE
    if not order.numbers[RANKED]:
        younger = order.ring[page, YOUNGER]
        order.ring[place, YOUNGER] = younger
        order.ring[younger, OLDER] = place
    elif place < size:
        rank, stamp, last = order.heap[size, RANK], order.heap[size, STAMP], order.heap[size, PAGE]
        place = rise(order, rank, stamp, last, place)
        sink(order, rank, stamp, last, place)


@inlined
def first(order: Order) -> int:
    """The page that is to be evicted first; if there is none, whatever stood there last."""
    return int(order.heap[0, PAGE] if order.numbers[RANKED] else order.ring[len(order.ring) - 1, YOUNGER])


@inlined
def pop(order: Order) -> int:
    """Take the page out that is to be evicted first; there must be one."""
    page = first(order)
    drop(order, page)
    return page


@kernel
def is_before(order: Order, rank: int, stamp: int, place: int) -> bool:
    """Whether this rank and stamp are to be evicted before the page at a place of the heap."""
    if rank != order.heap[place, RANK]:
        return bool(rank < order.heap[place, RANK])
    return bool(stamp < order.heap[place, STAMP])


@kernel
def enter(order: Order, rank: int, stamp: int, page: int, place: int) -> None:
    """Write a page to a place of the heap."""
    order.heap[place, RANK] = rank
    order.heap[place, STAMP] = stamp
    order.heap[place, PAGE] = page
    order.ring[page, OLDER] = place


@kernel
def move(order: Order, source: int, place: int) -> None:
    """Write the page at one place of the heap to another."""
    enter(order, order.heap[source, RANK], order.heap[source, STAMP], order.heap[source, PAGE], place)


@kernel
def rise(order: Order, rank: int, stamp: int, page: int, place: int) -> int:
    """Put a page at a vacant place of the heap and move it up to where it belongs, which is the answer."""
    while place > 0:
        above = (place - 1) // 2
        if not is_before(order, rank, stamp, above):
            break
        move(order, above, place)
        place = above
    enter(order, rank, stamp, page, place)
    return place


@kernel
def sink(order: Order, rank: int, stamp: int, page: int, place: int) -> None:
    """Move a page at a place of the heap down to where it belongs."""
    size = order.numbers[SIZE]
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and is_before(order, order.heap[below + 1, RANK], order.heap[below + 1, STAMP], below):
            below += 1
        if is_before(order, rank, stamp, below):
            break
        move(order, below, place)
        place = below
    enter(order, rank, stamp, page, place)
