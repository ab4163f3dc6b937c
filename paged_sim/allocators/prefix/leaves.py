"""Leaves first: in a tree a page is never evicted before the pages that follow it.

Under LRU and LFU that is so anyway: a page is found no more often than the one it follows, and idle no shorter. Under
the others a page is counted by the one it follows, which is offered when the last of those behind it has gone.
"""

from __future__ import annotations

from paged_sim.allocators.prefix.order import LEAVES_FIRST, Order
from paged_sim.allocators.prefix.record import NONE
from paged_sim.compiled import inlined

PARENT, CHILDREN = range(2)
"""`links[page]`: the page it follows, or NONE, and the entered pages that follow it."""


@inlined
def follow(order: Order, page: int, parent: int) -> None:
    """Let a page that is entered follow another, if there is that one."""
    if order.numbers[LEAVES_FIRST] and 0 <= parent < len(order.links):
        order.links[page, PARENT] = parent
        order.links[parent, CHILDREN] += 1


@inlined
def has_followers(order: Order, page: int) -> bool:
    """Whether pages must be evicted before this one."""
    return bool(order.numbers[LEAVES_FIRST] and order.links[page, CHILDREN] > 0)


@inlined
def leave(order: Order, page: int) -> int:
    """Take a page from behind the one it follows, which is the answer if it is a leaf now, else NONE."""
    if not order.numbers[LEAVES_FIRST] or order.links[page, PARENT] == NONE:
        return NONE
    parent = order.links[page, PARENT]
    order.links[page, PARENT] = NONE
    order.links[parent, CHILDREN] -= 1
    return NONE if order.links[parent, CHILDREN] > 0 else int(parent)
