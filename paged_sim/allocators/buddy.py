"""Binary buddy placement: blocks of powers of two that split in halves and merge with their buddies again.

After Knuth, The Art of Computer Programming, volume 1, section 2.5. An arena that is no power of two is cut into
powers of two, largest first: 15,728 = 8192 + 4096 + 2048 + 1024 + …. Each cut starts at a multiple of its own size, so
the buddy of the block at `start` is at `start XOR size` throughout.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import kernel, marked_state

Slots = npt.NDArray[np.int64]

NOBODY = -1
NOT_FREE = -1
NUM_ORDERS = 48


@marked_state
class Buddy(NamedTuple):
    """Free blocks of one order are a doubly linked list, the latest freed first.

    `order[start]` is the order (log2 of the size) of the free block at a slot, or NOT_FREE; `head[order]` its list;
    `after`, `before` the links, over slots.
    """

    order: npt.NDArray[np.int8]
    after: Slots
    before: Slots
    head: Slots


def create(capacity: int) -> Buddy:
    """Blocks over slots 0 … capacity - 1, nothing free yet (one at least: every state has the same types)."""
    size = max(1, capacity)
    return Buddy(
        order=np.full(size, NOT_FREE, np.int8),
        after=np.full(size, NOBODY, np.int64),
        before=np.full(size, NOBODY, np.int64),
        head=np.full(NUM_ORDERS, NOBODY, np.int64),
    )


def cut(state: Buddy, capacity: int) -> None:
    """Make the whole arena free, as powers of two, largest first; low orders last, so lists start at the low end."""
    start = 0
    for order in range(capacity.bit_length() - 1, -1, -1):
        if capacity >> order & 1:
            push(state, start, order)
            start += 1 << order


@kernel
def order_for(length: int) -> int:
    """The smallest order whose block holds `length` slots."""
    order = 0
    while (1 << order) < length:
        order += 1
    return order


@kernel
def push(state: Buddy, start: int, order: int) -> None:
    """Put a free block at the front of its list."""
    head = state.head[order]
    state.order[start] = order
    state.after[start] = head
    state.before[start] = NOBODY
    if head != NOBODY:
        state.before[head] = start
    state.head[order] = start


@kernel
def unlink(state: Buddy, start: int) -> None:
    """Take a free block out of its list."""
    after, before = state.after[start], state.before[start]
    if before == NOBODY:
        state.head[state.order[start]] = after
    else:
        state.after[before] = after
    if after != NOBODY:
        state.before[after] = before
    state.order[start] = NOT_FREE


@kernel
def smallest_order(state: Buddy, order: int) -> int:
    """The smallest order >= `order` that has a free block, or NUM_ORDERS."""
    while order < NUM_ORDERS and state.head[order] == NOBODY:
        order += 1
    return order


@kernel
def allocate(state: Buddy, order: int) -> int:
    """Start of a block of this order, split off the smallest block that serves, or NOBODY."""
    found = smallest_order(state, order)
    if found == NUM_ORDERS:
        return NOBODY
    start: int = state.head[found]
    unlink(state, start)
    while found > order:
        found -= 1
        push(state, start + (1 << found), found)
    return start


@kernel
def give_back(state: Buddy, start: int, order: int) -> None:
    """Free a block and merge it with its buddy as long as that is free and whole."""
    while True:
        buddy = start ^ (1 << order)
        if buddy >= len(state.order) or state.order[buddy] != order:
            break
        unlink(state, buddy)
        start = min(start, buddy)
        order += 1
    push(state, start, order)


@kernel
def longest(state: Buddy) -> int:
    """Size of the largest free block."""
    for order in range(NUM_ORDERS - 1, -1, -1):
        if state.head[order] != NOBODY:
            return 1 << order
    return 0


@kernel
def how_many(state: Buddy, order: int, enough: int) -> int:
    """Blocks of an order that could be allocated one after the other; counting stops once there are `enough`."""
    total = 0
    for larger in range(order, NUM_ORDERS):
        block = state.head[larger]
        while block != NOBODY and total < enough:
            total += 1 << (larger - order)
            block = state.after[block]
    return total
