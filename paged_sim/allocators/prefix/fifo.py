"""First in, first out: the page that was inserted first, however often it was found and however long it is idle.

A page gets its place in the line as it is inserted, mostly before it may be evicted: its PLACE is the place while it
may be, -2 - place before. The line is walked once, up to HEAD: whoever is held then misses its turn. `ready` says which
places before HEAD may be evicted now, a tree of bits: the children of node i are nodes 32 i + 1 to 32 i + 32, one for
each bit of `ready[i]`, and the last level are the places. A bit is set if any place below it is ready.
"""

from __future__ import annotations

import numpy as np

from paged_sim.allocators.prefix.lru import AHEAD
from paged_sim.allocators.prefix.order import HEAD, TAIL, Order
from paged_sim.allocators.prefix.record import NONE, NUM_PAGE_FIELDS, PLACE
from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.prefetch import prefetch
from paged_sim.compiled.words import lowest_bit
from paged_sim.requests import Ints

SHIFT, LAST = 5, 31
"""2^5 children of a node, whose numbers among them are 0 to 31."""


def tree_over(places: int) -> Ints:
    """A tree in which none of so many places is ready."""
    nodes, level = 1, 1
    while level << SHIFT < places:
        level <<= SHIFT
        nodes += level
    return np.zeros(nodes, np.int64)


@inlined
def inserted(order: Order, page: int) -> None:
    """It gets the last place in the line."""
    if order.numbers[TAIL] == len(order.queue):
        close_gaps(order)
    place = order.numbers[TAIL]
    order.queue[place] = page
    order.records[page, PLACE] = NONE - 1 - place
    order.numbers[TAIL] = place + 1


@kernel
def enqueue(order: Order, page: int) -> None:
    """At the place that it has."""
    place = NONE - 1 - int(order.records[page, PLACE])
    order.records[page, PLACE] = place
    if place < order.numbers[HEAD]:
        mark(order.ready, place)


@kernel
def withdraw(order: Order, page: int) -> None:
    """It keeps its place in the line."""
    place = int(order.records[page, PLACE])
    if place > NONE:
        order.records[page, PLACE] = NONE - 1 - place
        if place < order.numbers[HEAD]:
            unmark(order.ready, place)


@kernel
def pop(order: Order) -> int:
    """The first one in the line."""
    if order.ready[0] != 0:
        place = first(order.ready)
        unmark(order.ready, place)
    else:
        place = next_ready(order)
        order.numbers[HEAD] = place + 1
    page = order.queue[place]
    order.queue[place] = NONE
    order.records[page, PLACE] = NONE
    return int(page)


@kernel
def next_ready(order: Order) -> int:
    """The first place from HEAD on that may be evicted; there must be one."""
    place, last = order.numbers[HEAD], order.numbers[TAIL] - 1
    while True:
        prefetch(order.records, order.queue[min(place + AHEAD, last)] * NUM_PAGE_FIELDS)
        if place >= last or order.records[order.queue[place], PLACE] == place:
            return int(place)
        place += 1


@kernel
def mark(ready: Ints, place: int) -> None:
    """Let a place be ready: whatever had a ready place below it is marked all the way up."""
    node = len(ready) + place
    while node > 0:
        parent = (node - 1) >> SHIFT
        before = ready[parent]
        ready[parent] = before | (1 << ((node - 1) & LAST))
        node = parent if before == 0 else 0


@kernel
def unmark(ready: Ints, place: int) -> None:
    """Let a place be ready no longer."""
    node = len(ready) + place
    while node > 0:
        parent = (node - 1) >> SHIFT
        ready[parent] &= ~(1 << ((node - 1) & LAST))
        node = parent if ready[parent] == 0 else 0


@kernel
def first(ready: Ints) -> int:
    """The first place that is ready; there must be one."""
    node = 0
    while node < len(ready):
        node = (node << SHIFT) + 1 + lowest_bit(ready[node])
    return node - len(ready)


@kernel
def close_gaps(order: Order) -> None:
    """Let the pages of the line follow one another again: who was evicted, or inserted anew, has left a gap."""
    for node in range(len(order.ready)):
        order.ready[node] = 0
    end, head = 0, order.numbers[HEAD]
    for place in range(order.numbers[TAIL]):
        if place == head:
            order.numbers[HEAD] = end
        page = order.queue[place]
        at = order.records[page, PLACE] if page != NONE else NONE
        if at == place or at == NONE - 1 - place:
            order.queue[end] = page
            order.records[page, PLACE] = end if at == place else NONE - 1 - end
            if at == place and place < head:
                mark(order.ready, end)
            end += 1
    order.numbers[TAIL] = end
    order.numbers[HEAD] = min(order.numbers[HEAD], end)
