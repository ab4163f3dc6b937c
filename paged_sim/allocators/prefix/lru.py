"""Least recently used first: pages wait in a queue in the order in which they became evictable.

Who is withdrawn leaves a gap. `queue[i & mask]`, for i from HEAD to before TAIL, is a page that waits if that is its
PLACE, else a gap.
"""

from __future__ import annotations

from paged_sim.allocators.prefix.order import HEAD, TAIL, Order
from paged_sim.allocators.prefix.record import NONE, NUM_PAGE_FIELDS, PLACE
from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.prefetch import prefetch

AHEAD = 8
"""Pages between asking for the record of one that will be evicted and its turn."""


@inlined
def enqueue(order: Order, page: int) -> None:
    """Let a page wait behind all others."""
    numbers, mask = order.numbers, len(order.queue) - 1
    if numbers[TAIL] - numbers[HEAD] == len(order.queue):
        close_gaps(order)
    place = numbers[TAIL] & mask
    order.queue[place] = page
    order.records[page, PLACE] = place
    numbers[TAIL] += 1


@inlined
def leave_gap(order: Order, page: int) -> None:
    """Let a page wait no longer: it leaves a gap."""
    order.records[page, PLACE] = NONE


@inlined
def dequeue(order: Order) -> int:
    """Take out the page that has waited longest; NONE if nobody waits."""
    numbers, mask = order.numbers, len(order.queue) - 1
    index, last = numbers[HEAD], numbers[TAIL]
    while index < last:
        prefetch(order.records, order.queue[(index + AHEAD) & mask] * NUM_PAGE_FIELDS)
        page = order.queue[index & mask]
        if order.records[page, PLACE] == index & mask:
            order.records[page, PLACE] = NONE
            numbers[HEAD] = index + 1
            return int(page)
        index += 1
    numbers[HEAD] = last
    return NONE


@kernel
def close_gaps(order: Order) -> None:
    """Let the pages of the queue follow one another again: at least half of it are gaps whenever it is full."""
    queue, numbers, mask = order.queue, order.numbers, len(order.queue) - 1
    end = numbers[HEAD]
    for index in range(numbers[HEAD], numbers[TAIL]):
        page = queue[index & mask]
        if order.records[page, PLACE] == index & mask:
            queue[end & mask] = page
            order.records[page, PLACE] = end & mask
            end += 1
    numbers[TAIL] = end
