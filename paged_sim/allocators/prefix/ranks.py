"""Lowest rank first, and of one rank the page that waits longest.

Most pages have rank 0: they wait in the queue of LRU, and all others, in a tree, behind them.
"""

from __future__ import annotations

from paged_sim.allocators import size_tree
from paged_sim.allocators.prefix import lru
from paged_sim.allocators.prefix.order import NOW, Order
from paged_sim.allocators.prefix.record import NONE, PLACE
from paged_sim.compiled import inlined, kernel

IN_TREE = -2
STAMP_BITS = 36
"""A run offers at most 2^36 pages; ranks are at most 2^27."""


@inlined
def offer(order: Order, page: int, rank: int) -> None:
    """Let a page wait."""
    if rank == 0:
        lru.offer(order, page)
    else:
        offer_in_tree(order, page, rank)


@kernel
def offer_in_tree(order: Order, page: int, rank: int) -> None:
    """Let a page wait whose rank is not the lowest."""
    order.numbers[NOW] += 1
    order.records[page, PLACE] = IN_TREE
    size_tree.insert(order.ranked, int(page), (int(rank) << STAMP_BITS) | int(order.numbers[NOW]))


@kernel
def withdraw(order: Order, page: int) -> None:
    """Take a page out of the tree."""
    order.records[page, PLACE] = NONE
    size_tree.remove(order.ranked, int(page))


@inlined
def pop(order: Order) -> int:
    """Take out the first page; there must be one."""
    page = lru.pop(order)
    if page == NONE:
        page = size_tree.tightest(order.ranked, 0)
        withdraw(order, page)
    return page
