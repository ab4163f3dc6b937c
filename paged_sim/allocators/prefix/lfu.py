"""Least frequently used first: the page that was found least often since it was inserted; of those, idle longest."""

from __future__ import annotations

from paged_sim.allocators.prefix import ranks
from paged_sim.allocators.prefix.order import Order
from paged_sim.allocators.prefix.record import LISTED
from paged_sim.compiled import inlined


@inlined
def listed(order: Order, page: int, stretch: int) -> None:
    """Nobody has found it so far."""
    order.notes[page] = 0


@inlined
def hit(order: Order, page: int) -> None:
    """Counted."""
    order.notes[page] += 1


@inlined
def enqueue(order: Order, page: int) -> None:
    """What is not listed was never found, whatever was noted of the page before."""
    ranks.enqueue_by(order, page, order.notes[page] if order.records[page, LISTED] > 0 else 0)
