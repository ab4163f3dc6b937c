"""In which order idle cached pages are taken: least recently used first, or by a rank.

The rank is all that a policy says; ties are broken by time, the page that has been idle longest first. LRU ranks all
pages alike and needs only a queue, in which a page that is dropped leaves a gap; the others keep a binary heap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators.page_record import NUM_PAGE_FIELDS, PLACE
from paged_sim.compiled import inlined, kernel, marked_state
from paged_sim.compiled.prefetch import prefetch

Ints = npt.NDArray[np.int64]
Pages = npt.NDArray[np.int32]

LRU, LFU, FIFO, BELADY = range(4)
POLICIES = {"lru": LRU, "lfu": LFU, "fifo": FIFO, "belady": BELADY}

NONE = -1
SIZE, NOW, RANKED, HEAD, TAIL = range(5)
RANK, STAMP, PAGE = range(3)

AHEAD = 8
"""Pages between asking for the record of one that will be evicted and its turn."""


@marked_state
class Order(NamedTuple):
    """The pages that may be evicted. `numbers`: the size of the heap, the time, whether ranks count, the queue's ends.

    `pages[page, PLACE]`, of the pool's records, says where in `queue` or `heap` a page is, or NONE. Without ranks the
    pages are `queue[i]` for i from HEAD to before TAIL, modulo its length, that have their place there: the oldest one
    first. With ranks `heap[:SIZE]` is a binary heap of (RANK, STAMP, PAGE).
    """

    pages: Pages
    queue: Pages
    heap: Ints
    numbers: Ints


def create(pages: Pages, *, ranked: bool) -> Order:
    """An empty order over the pages with these records."""
    total = len(pages)
    pages[:, PLACE] = NONE
    return Order(
        pages=pages,
        # Half of it are gaps whenever it is full.
        queue=np.zeros(0 if ranked else 1 << (2 * total).bit_length(), np.int32),
        heap=np.zeros((total if ranked else 0, 3), np.int64),
        numbers=np.array([0, 0, ranked, 0, 0], np.int64),
    )


@inlined
def holds(order: Order, page: int) -> bool:
    """Whether a page is in the order."""
    return bool(order.pages[page, PLACE] != NONE)


@inlined
def put(order: Order, page: int, rank: int) -> None:
    """Add a page that is not there, the youngest of its rank."""
    numbers = order.numbers
    if numbers[RANKED]:
        numbers[NOW] += 1
        numbers[SIZE] += 1
        rise(order, rank, numbers[NOW], page, numbers[SIZE] - 1)
        return
    if numbers[TAIL] - numbers[HEAD] == len(order.queue):
        close_gaps(order)
    place = numbers[TAIL] & (len(order.queue) - 1)
    order.queue[place] = page
    order.pages[page, PLACE] = place
    numbers[TAIL] += 1


@kernel
def close_gaps(order: Order) -> None:
    """Let the pages of the queue follow one another again."""
    queue, numbers = order.queue, order.numbers
    mask = len(queue) - 1
    end = numbers[HEAD]
    for index in range(numbers[HEAD], numbers[TAIL]):
        page = queue[index & mask]
        if order.pages[page, PLACE] == index & mask:
            queue[end & mask] = page
            order.pages[page, PLACE] = end & mask
            end += 1
    numbers[TAIL] = end


@inlined
def drop(order: Order, page: int) -> None:
    """Take a page out that is there."""
    place = order.pages[page, PLACE]
    order.pages[page, PLACE] = NONE
    if not order.numbers[RANKED]:
        return
    size = order.numbers[SIZE] - 1
    order.numbers[SIZE] = size
    if place < size:
        rank, stamp, last = order.heap[size, RANK], order.heap[size, STAMP], order.heap[size, PAGE]
        place = rise(order, rank, stamp, last, place)
        sink(order, rank, stamp, last, place)


@inlined
def pop(order: Order) -> int:
    """Take the page out that is to be evicted first; there must be one."""
    if order.numbers[RANKED]:
        page = order.heap[0, PAGE]
        drop(order, page)
        return int(page)
    mask = len(order.queue) - 1
    index = order.numbers[HEAD]
    while True:
        prefetch(order.pages, order.queue[(index + AHEAD) & mask] * NUM_PAGE_FIELDS)
        page = order.queue[index & mask]
        if order.pages[page, PLACE] == index & mask:
            break
        index += 1
    order.numbers[HEAD] = index + 1
    order.pages[page, PLACE] = NONE
    return int(page)


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
    order.pages[page, PLACE] = place


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
