"""The policies of eviction: what each does when a page is inserted, listed, hit, offered, withdrawn and evicted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim.allocators import size_tree
from paged_sim.allocators.prefix import belady, fifo, leaves, lfu, lru, ranks
from paged_sim.allocators.prefix.order import LEAVES_FIRST, NUM_NUMBERS, POLICY, Order
from paged_sim.allocators.prefix.record import NONE, PLACE, REFERENCES, Pages
from paged_sim.compiled import inlined, kernel
from paged_sim.content import Content

LRU, LFU, FIFO, BELADY = range(4)


class Eviction(NamedTuple):
    """A policy of eviction: its number, and which evictable page it takes first."""

    number: int
    meaning: str


EVICTIONS = {
    "lru": Eviction(LRU, "idle longest, of one sequence the last page"),
    "lfu": Eviction(LFU, "found least often since it was inserted, of those the one idle longest"),
    "fifo": Eviction(FIFO, "inserted first"),
    "belady": Eviction(BELADY, "needed again last, by the requests still to come: a bound that no server can reach"),
}


def create(records: Pages, content: Content, policy: int, *, is_tree: bool) -> Order:
    """An empty order over the pages with these records."""
    total = len(records)
    records[:, PLACE] = NONE
    numbers = np.zeros(NUM_NUMBERS, np.int64)
    numbers[[POLICY, LEAVES_FIRST]] = policy, is_tree and policy in (FIFO, BELADY)
    # At least half of it are gaps whenever it is full.
    places = 1 << (2 * total).bit_length()
    nothing = np.zeros(0, np.int64)
    uses, cursor, ends = belady.future_of(content) if policy == BELADY else (nothing, nothing, nothing)
    return Order(
        records=records,
        notes=np.zeros(total, np.int64),
        queue=np.zeros(places, np.int32),
        ready=fifo.tree_over(places if policy == FIFO else 0),
        ranked=size_tree.create(total if policy in (LFU, BELADY) else 0),
        links=np.tile(np.array([NONE, 0], np.int32), (total, 1)),
        uses=uses,
        cursor=cursor,
        ends=ends,
        numbers=numbers,
    )


@inlined
def inserted(order: Order, page: int) -> None:
    """A page is in the cache from now on."""
    if order.numbers[POLICY] == FIFO:
        fifo.line_up(order, page)


@inlined
def listed(order: Order, page: int, stretch: int) -> None:
    """A page can be found from now on, by whoever asks for this stretch."""
    if order.numbers[POLICY] == LFU:
        lfu.listed(order, page)
    elif order.numbers[POLICY] == BELADY:
        belady.listed(order, page, stretch)


@inlined
def hit(order: Order, page: int) -> None:
    """A page was found once more."""
    if order.numbers[POLICY] == LFU:
        lfu.hit(order, page)


@inlined
def pass_by(order: Order, content: Content, request: int) -> None:
    """A request has asked for what it will ask for."""
    if order.numbers[POLICY] == BELADY:
        belady.pass_by(order, content, request)


@inlined
def offer(order: Order, page: int) -> None:
    """Let a page that nobody holds be evicted from now on, unless others must be before it."""
    policy = order.numbers[POLICY]
    if leaves.has_followers(order, page):
        return
    if policy == LRU:
        lru.offer(order, page)
    elif policy == LFU:
        lfu.offer(order, page)
    elif policy == FIFO:
        fifo.offer(order, page)
    else:
        belady.offer(order, page)


@inlined
def withdraw(order: Order, page: int) -> None:
    """Let a page be evicted no longer, if it may be."""
    place = order.records[page, PLACE]
    if place == ranks.IN_TREE:
        ranks.withdraw(order, page)
    elif place != NONE and order.numbers[POLICY] == FIFO:
        fifo.withdraw(order, page)
    else:
        lru.withdraw(order, page)


@kernel
def offer_again(order: Order, page: int) -> None:
    """Rank a page anew if it may be evicted: it has been asked for, and computed again behind a gap."""
    if order.records[page, PLACE] != NONE:
        withdraw(order, page)
        offer(order, page)


@inlined
def pop(order: Order) -> int:
    """Take out the page that is to be evicted first; there must be one."""
    return fifo.pop(order) if order.numbers[POLICY] == FIFO else ranks.pop(order)


@inlined
def removed(order: Order, page: int) -> None:
    """A page is no longer in the cache: the one that it followed may be evicted if nobody holds it."""
    leaf = leaves.leave(order, page)
    if leaf != NONE and order.records[leaf, REFERENCES] == 0:
        offer_leaf(order, leaf)


@kernel
def offer_leaf(order: Order, page: int) -> None:
    """Let a page be evicted that has become a leaf."""
    offer(order, page)
