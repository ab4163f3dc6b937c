"""Eviction: which page goes when no blank one is left.

A policy is a file and a line in `EVICTIONS`. The marked functions below are what it is asked: it defines those that it
answers in its own way, the rest is that of LRU and of ranks (`ranks.py`).
"""

from __future__ import annotations

import numpy as np

from paged_sim.allocators import size_tree
from paged_sim.allocators.block_table import Pages
from paged_sim.allocators.contract import completed
from paged_sim.allocators.prefix import belady, fifo, leaves, lfu, lru, ranks
from paged_sim.allocators.prefix.order import LEAVES_FIRST, LOOKS_AHEAD, NUM_NUMBERS, POLICY, Eviction, Order
from paged_sim.allocators.prefix.record import NONE, PLACE, REFERENCES
from paged_sim.compiled import inlined, kernel, numbered
from paged_sim.content import Content

EVICTIONS = {
    "lru": Eviction("idle longest, of one sequence the last page", completed(lru, ranks), leaves_first=True),
    "lfu": Eviction(
        "found least often since it was inserted, of those the one idle longest",
        completed(lfu, ranks),
        leaves_first=True,
    ),
    "fifo": Eviction("inserted first", completed(fifo, ranks)),
    "belady": Eviction(
        "needed again last, by the requests still to come: a bound that no server can reach",
        completed(belady, ranks),
        looks_ahead=True,
    ),
}
"""All policies, as a scenario names them. The place here is the number by which compiled code knows one."""

FUNCTIONS = [policy.functions for policy in EVICTIONS.values()]


def create(records: Pages, content: Content, policy: Eviction, *, is_tree: bool) -> Order:
    """An empty order over the pages with these records."""
    total = len(records)
    records[:, PLACE] = NONE
    numbers = np.zeros(NUM_NUMBERS, np.int64)
    numbers[POLICY] = list(EVICTIONS.values()).index(policy)
    numbers[[LEAVES_FIRST, LOOKS_AHEAD]] = is_tree and not policy.leaves_first, policy.looks_ahead
    # At least half of it are gaps whenever it is full.
    places = 1 << (2 * total).bit_length()
    uses, cursor, ends = belady.future_of(content, known=policy.looks_ahead)
    return Order(
        records=records,
        notes=np.zeros(total, np.int64),
        queue=np.zeros(places, np.int32),
        ready=fifo.tree_over(places),
        ranked=size_tree.create(total),
        links=np.tile(np.array([NONE, 0], np.int32), (total, 1)),
        uses=uses,
        cursor=cursor,
        ends=ends,
        numbers=numbers,
    )


@numbered(FUNCTIONS)
def inserted(order: Order, page: int) -> None:
    """A page is in the cache from now on."""
    FUNCTIONS[order.numbers[POLICY]].inserted(order, page)


@numbered(FUNCTIONS)
def listed(order: Order, page: int, stretch: int) -> None:
    """A page can be found from now on, by whoever asks for this stretch."""
    FUNCTIONS[order.numbers[POLICY]].listed(order, page, stretch)


@numbered(FUNCTIONS)
def hit(order: Order, page: int) -> None:
    """A page was found once more."""
    FUNCTIONS[order.numbers[POLICY]].hit(order, page)


@numbered(FUNCTIONS)
def pass_by(order: Order, content: Content, request: int) -> None:
    """A request has asked for what it will ask for."""
    FUNCTIONS[order.numbers[POLICY]].pass_by(order, content, request)


@numbered(FUNCTIONS)
def enqueue(order: Order, page: int) -> None:
    """A page waits for its turn to be evicted."""
    FUNCTIONS[order.numbers[POLICY]].enqueue(order, page)


@numbered(FUNCTIONS)
def withdraw(order: Order, page: int) -> None:
    """A page waits no longer, if it does."""
    FUNCTIONS[order.numbers[POLICY]].withdraw(order, page)


@numbered(FUNCTIONS)
def pop(order: Order) -> int:
    """The page that is to be evicted first, taken out; there must be one."""
    page: int = FUNCTIONS[order.numbers[POLICY]].pop(order)
    return page


@inlined
def offer(order: Order, page: int) -> None:
    """Let a page that nobody holds be evicted from now on, unless others must be before it."""
    if not leaves.has_followers(order, page):
        enqueue(order, page)


@kernel
def offer_again(order: Order, page: int) -> None:
    """Let a page that may be evicted wait for another turn."""
    if order.records[page, PLACE] > NONE:
        withdraw(order, page)
        enqueue(order, page)


@inlined
def removed(order: Order, page: int) -> None:
    """A page is no longer in the cache: the one that it followed may be evicted if nobody holds it."""
    leaf = leaves.leave(order, page)
    if leaf != NONE and order.records[leaf, REFERENCES] == 0:
        enqueue_leaf(order, leaf)


@kernel
def enqueue_leaf(order: Order, page: int) -> None:
    """A page waits that others followed: seldom enough to be a call."""
    enqueue(order, page)
