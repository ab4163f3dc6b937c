"""In which order idle cached pages are taken: least recently used first, or by a rank.

The rank is all that a policy says; ties are broken by time, the page that has been idle longest first. LRU ranks all
pages alike and needs only a linked list; the others keep a binary heap that knows where each page is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import kernel, marked_state

Ints = npt.NDArray[np.int64]
Pages = npt.NDArray[np.int32]

LRU, LFU, FIFO, BELADY = range(4)
POLICIES = {"lru": LRU, "lfu": LFU, "fifo": FIFO, "belady": BELADY}

NONE = -1
SIZE, NOW, RANKED = range(3)


@marked_state
class Order(NamedTuple):
    """The pages that may be evicted. `numbers`: how many they are, the time, whether ranks count.

    Ranked: `heap[:SIZE]` are the pages, `place[page]` is where a page is in it (NONE: nowhere), by `(rank, stamp)`.
    Otherwise `heap` and `place` are the next and the previous page of a ring through `len(stamp)`, the oldest first.
    """

    heap: Pages
    place: Pages
    rank: Ints
    stamp: Ints
    numbers: Ints


def create(pages: int, *, ranked: bool) -> Order:
    """An empty order over `pages` pages."""
    around = np.full(pages + 1, NONE, np.int32)
    around[pages] = NONE if ranked else pages
    return Order(
        heap=around,
        place=around.copy(),
        rank=np.zeros(pages, np.int64),
        stamp=np.zeros(pages, np.int64),
        numbers=np.array([0, 0, ranked], np.int64),
    )


@kernel
def put(order: Order, page: int, rank: int) -> None:
    """Add a page that is not there, the youngest of its rank."""
    size = order.numbers[SIZE]
    order.numbers[SIZE] = size + 1
    if order.numbers[RANKED]:
        order.numbers[NOW] += 1
        order.rank[page] = rank
        order.stamp[page] = order.numbers[NOW]
        rise(order, page, size)
        return
    ring = len(order.stamp)
    youngest = order.place[ring]
    order.heap[youngest] = page
    order.heap[page] = ring
    order.place[page] = youngest
    order.place[ring] = page


@kernel
def drop(order: Order, page: int) -> None:
    """Take a page out that is there."""
    size = order.numbers[SIZE] - 1
    order.numbers[SIZE] = size
    place = order.place[page]
    order.place[page] = NONE
    if not order.numbers[RANKED]:
        older, younger = place, order.heap[page]
        order.heap[older] = younger
        order.place[younger] = older
    elif place < size:
        last = order.heap[size]
        rise(order, last, place)
        sink(order, last, order.place[last])


@kernel
def pop(order: Order) -> int:
    """Take the page out that is to be evicted first; there must be one."""
    page = order.heap[0] if order.numbers[RANKED] else order.heap[len(order.stamp)]
    drop(order, page)
    return int(page)


@kernel
def is_before(order: Order, page: int, other: int) -> bool:
    """Whether a page is to be evicted before another."""
    if order.rank[page] != order.rank[other]:
        return bool(order.rank[page] < order.rank[other])
    return bool(order.stamp[page] < order.stamp[other])


@kernel
def rise(order: Order, page: int, place: int) -> None:
    """Put a page at a vacant place of the heap and move it up to where it belongs."""
    while place > 0:
        above = (place - 1) // 2
        if not is_before(order, page, order.heap[above]):
            break
        order.heap[place] = order.heap[above]
        order.place[order.heap[place]] = place
        place = above
    order.heap[place] = page
    order.place[page] = place


@kernel
def sink(order: Order, page: int, place: int) -> None:
    """Move a page at a place of the heap down to where it belongs."""
    size = order.numbers[SIZE]
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and is_before(order, order.heap[below + 1], order.heap[below]):
            below += 1
        if not is_before(order, order.heap[below], page):
            break
        order.heap[place] = order.heap[below]
        order.place[order.heap[place]] = place
        place = below
    order.heap[place] = page
    order.place[page] = place
