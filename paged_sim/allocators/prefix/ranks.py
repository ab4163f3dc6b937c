"""Lowest rank first, and of one rank the page that waits longest; and what most policies need not be told.

Most pages have rank 0: they wait in a queue, and all others, in a tree, behind them.
"""

from __future__ import annotations

from paged_sim.allocators import size_tree
from paged_sim.allocators.prefix import lru
from paged_sim.allocators.prefix.order import NOW, Order
from paged_sim.allocators.prefix.record import NONE, PLACE
from paged_sim.compiled import inlined, kernel
from paged_sim.content import Content

IN_TREE = 1 << 30
"""The PLACE of a page in the tree: no queue is that long."""

STAMP_BITS = 36
"""A run lets pages wait at most 2^36 times; ranks are at most 2^27."""


@inlined
def enqueue_by(order: Order, page: int, rank: int) -> None:
    """Let a page wait."""
    if rank == 0:
        lru.enqueue(order, page)
    else:
        plant(order, page, rank)


@kernel
def plant(order: Order, page: int, rank: int) -> None:
    """Let a page wait in the tree."""
    order.numbers[NOW] += 1
    order.records[page, PLACE] = IN_TREE
    size_tree.insert(order.ranked, int(page), (int(rank) << STAMP_BITS) | int(order.numbers[NOW]))


@kernel
def uproot(order: Order, page: int) -> None:
    """Take a page out of the tree."""
    order.records[page, PLACE] = NONE
    size_tree.remove(order.ranked, int(page))


@inlined
def withdraw(order: Order, page: int) -> None:
    """Out of the tree or the queue."""
    if order.records[page, PLACE] == IN_TREE:
        uproot(order, page)
    else:
        lru.leave_gap(order, page)


@inlined
def pop(order: Order) -> int:
    """The first of the queue, else of the tree."""
    page = lru.dequeue(order)
    if page == NONE:
        page = size_tree.tightest(order.ranked, 0)
        uproot(order, page)
    return page


@inlined
def inserted(order: Order, page: int) -> None:
    """It is all the same."""


@inlined
def listed(order: Order, page: int, stretch: int) -> None:
    """It is all the same."""


@inlined
def hit(order: Order, page: int) -> None:
    """It is all the same."""


@inlined
def pass_by(order: Order, content: Content, request: int) -> None:
    """It is all the same."""
