"""Belady's rule: the page needed again last, by the requests still to come; of those never needed, idle longest.

Requests ask in the order of their numbers (admission is first come, first served). No server can know that.
"""

from __future__ import annotations

import numpy as np

from paged_sim.allocators.prefix import ranks
from paged_sim.allocators.prefix.order import Order
from paged_sim.allocators.prefix.record import LISTED
from paged_sim.compiled import kernel
from paged_sim.content import NUM_SHARED, Content
from paged_sim.requests import Ints

NEVER = 1 << 26


def future_of(content: Content, *, known: bool) -> tuple[Ints, Ints, Ints]:
    """`uses`, `cursor` and `ends` before the first request, of nodes and streams of chains; nothing unless `known`."""
    if not known:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    total = len(content.covered)
    chained = np.flatnonzero(content.prompt_stream < content.numbers[NUM_SHARED])
    askers = np.concatenate((np.repeat(np.arange(total), np.diff(content.offsets)), chained))
    asked = np.concatenate((content.nodes, content.prompt_stream[chained]))
    ends = np.cumsum(np.bincount(asked, minlength=int(content.numbers[NUM_SHARED])))
    return askers[np.lexsort((askers, asked))], np.concatenate(([0], ends))[: len(ends)], ends


@kernel
def pass_by(order: Order, content: Content, request: int) -> None:
    """Let a request's asking become the past."""
    for entry in range(content.offsets[request], content.offsets[request + 1]):
        forget_uses(order, int(content.nodes[entry]), request)
    if content.prompt_stream[request] < content.numbers[NUM_SHARED]:
        forget_uses(order, int(content.prompt_stream[request]), request)


@kernel
def forget_uses(order: Order, stretch: int, request: int) -> None:
    """Drop what requests up to this one ask of a stretch."""
    cursor = order.cursor[stretch]
    while cursor < order.ends[stretch] and order.uses[cursor] <= request:
        cursor += 1
    order.cursor[stretch] = cursor


@kernel
def next_use(order: Order, stretch: int) -> int:
    """The request that asks for a stretch next, or NEVER: what is private is never asked for."""
    if stretch >= len(order.cursor) or order.cursor[stretch] == order.ends[stretch]:
        return NEVER
    return int(order.uses[order.cursor[stretch]])


@kernel
def listed(order: Order, page: int, stretch: int) -> None:
    """Who will ask for it."""
    order.notes[page] = stretch


@kernel
def enqueue(order: Order, page: int) -> None:
    """What is not listed nobody will ask for, whatever was noted of the page before."""
    is_listed = order.records[page, LISTED] > 0
    ranks.enqueue_by(order, page, NEVER - next_use(order, int(order.notes[page])) if is_listed else 0)
