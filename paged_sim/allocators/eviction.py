"""In which order idle cached pages are taken: the lowest rank first; of one rank, the page idle longest.

Most pages can wait in a queue, in which one that is dropped leaves a gap: under LRU, which ranks all alike, every page
as it becomes idle; under LFU and Belady's rule those of the lowest rank, which nobody found or nobody will ask for;
under FIFO every page as it is entered, whose turn is passed over while somebody holds it. A binary heap is for the
others: pages of higher ranks, and those that missed their turn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators.future import NEVER
from paged_sim.allocators.page_record import LISTED, NUM_PAGE_FIELDS, PLACE
from paged_sim.compiled import inlined, kernel, marked_state
from paged_sim.compiled.prefetch import prefetch

Ints = npt.NDArray[np.int64]
Pages = npt.NDArray[np.int32]

LRU, LFU, FIFO, BELADY = range(4)
POLICIES = {"lru": LRU, "lfu": LFU, "fifo": FIFO, "belady": BELADY}

LOWEST_RANKS = {LRU: 0, LFU: 1, FIFO: 0, BELADY: -NEVER}

NONE = -1
POLICY, LOWEST, HEAD, TAIL, SIZE, NOW = range(6)
NUM_NUMBERS = 6
RANK, STAMP, PAGE = range(3)

AHEAD = 8
"""Pages between asking for the record of one that will be evicted and its turn."""


@marked_state
class Order(NamedTuple):
    """The pages that may be evicted. `ranks[page]` is set before a page is put: under FIFO to what `line_up` answers.
    Under LFU and Belady's rule it counts only where the page is listed in the index: no other was or will be found.

    The queue is `queue[i]` for i from HEAD to before TAIL, modulo its length; the heap is `heap[:SIZE]` of (RANK,
    STAMP, PAGE), NOW the time of the last stamp. `pages[page, PLACE]`, of the pool's records, is where in the queue a
    page is that may be evicted, or NONE, or below that its place in the heap. All else in the queue are gaps, and under
    FIFO, where a page's rank is its i, pages that may not be evicted now.
    """

    pages: Pages
    ranks: Ints
    queue: Pages
    heap: Ints
    numbers: Ints


def create(pages: Pages, policy: int) -> Order:
    """An empty order over the pages with these records."""
    total = len(pages)
    pages[:, PLACE] = NONE
    numbers = np.zeros(NUM_NUMBERS, np.int64)
    numbers[[POLICY, LOWEST]] = policy, LOWEST_RANKS[policy]
    return Order(
        pages=pages,
        ranks=np.zeros(total, np.int64),
        # Half of it are gaps whenever it is full.
        queue=np.zeros(1 << (2 * total).bit_length(), np.int32),
        heap=np.zeros((total if policy != LRU else 0, 3), np.int64),
        numbers=numbers,
    )


@inlined
def holds(order: Order, page: int) -> bool:
    """Whether a page is in the order."""
    return bool(order.pages[page, PLACE] != NONE)


@inlined
def line_up(order: Order, page: int) -> int:
    """Give a page the last place in the queue; which one of all there ever were."""
    numbers = order.numbers
    if numbers[TAIL] - numbers[HEAD] == len(order.queue):
        close_gaps(order)
    index = numbers[TAIL]
    order.queue[index & (len(order.queue) - 1)] = page
    numbers[TAIL] = index + 1
    return int(index)


@inlined
def put(order: Order, page: int) -> None:
    """Add a page that is not there, the youngest of its rank."""
    numbers = order.numbers
    if numbers[POLICY] == FIFO:
        index = int(order.ranks[page])
        missed = index < numbers[HEAD]
    else:
        is_listed = order.pages[page, LISTED] > 0
        missed = numbers[POLICY] != LRU and is_listed and order.ranks[page] > numbers[LOWEST]
        index = 0 if missed else line_up(order, page)
    if missed:
        put_in_heap(order, page)
    else:
        order.pages[page, PLACE] = index & (len(order.queue) - 1)


@kernel
def close_gaps(order: Order) -> None:
    """Let the pages of the queue follow one another again."""
    queue, numbers = order.queue, order.numbers
    mask = len(queue) - 1
    end = numbers[HEAD]
    for index in range(numbers[HEAD], numbers[TAIL]):
        page = queue[index & mask]
        is_ready = order.pages[page, PLACE] == index & mask
        if is_ready or (numbers[POLICY] == FIFO and order.ranks[page] == index):
            queue[end & mask] = page
            if numbers[POLICY] == FIFO:
                order.ranks[page] = end
            if is_ready:
                order.pages[page, PLACE] = end & mask
            end += 1
    numbers[TAIL] = end


@inlined
def drop(order: Order, page: int) -> None:
    """Take a page out that is there."""
    place = order.pages[page, PLACE]
    order.pages[page, PLACE] = NONE
    if place < NONE:
        drop_from_heap(order, NONE - 1 - place)


@inlined
def pop(order: Order) -> int:
    """Take the page out that is to be evicted first; there must be one."""
    numbers = order.numbers
    if numbers[POLICY] == FIFO and numbers[SIZE] > 0:
        return pop_from_heap(order)
    mask = len(order.queue) - 1
    index, page = numbers[HEAD], 0
    while index < numbers[TAIL]:
        prefetch(order.pages, order.queue[(index + AHEAD) & mask] * NUM_PAGE_FIELDS)
        page = order.queue[index & mask]
        if order.pages[page, PLACE] == index & mask:
            break
        index += 1
    if index == numbers[TAIL]:
        numbers[HEAD] = index
        return pop_from_heap(order)
    numbers[HEAD] = index + 1
    order.pages[page, PLACE] = NONE
    return int(page)


@kernel
def put_in_heap(order: Order, page: int) -> None:
    """Add a page to the heap."""
    numbers = order.numbers
    numbers[NOW] += 1
    numbers[SIZE] += 1
    rise(order, order.ranks[page], numbers[NOW], page, numbers[SIZE] - 1)


@kernel
def pop_from_heap(order: Order) -> int:
    """Take the page out that is the heap's first; there must be one."""
    page = order.heap[0, PAGE]
    size = order.numbers[SIZE] - 1
    order.numbers[SIZE] = size
    sink(order, order.heap[size, RANK], order.heap[size, STAMP], order.heap[size, PAGE], 0)
    order.pages[page, PLACE] = NONE
    return int(page)


@kernel
def drop_from_heap(order: Order, place: int) -> None:
    """Take the page at a place of the heap out."""
    size = order.numbers[SIZE] - 1
    order.numbers[SIZE] = size
    if place < size:
        rank, stamp, last = order.heap[size, RANK], order.heap[size, STAMP], order.heap[size, PAGE]
        place = rise(order, rank, stamp, last, place)
        sink(order, rank, stamp, last, place)


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
    order.pages[page, PLACE] = NONE - 1 - place


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
