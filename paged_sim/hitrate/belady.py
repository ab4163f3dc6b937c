"""Belady's rule: the block whose next reference is the furthest away leaves. It knows the future, so it is a bound.

No policy that caches every block it computes finds more blocks (Belady, "A study of replacement algorithms for a
virtual-storage computer", IBM Systems Journal 5, 1966; proof: Mattson et al. 1970). That speaks of blocks found
anywhere in a request. With the prefix rule, a block behind a miss is found in vain, and the rule is no optimum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paged_sim.compiled import jit, kernel
from paged_sim.hitrate.references import Bools, References
from paged_sim.requests import Ints


def belady(references: References, compiled: bool) -> Callable[[int], Bools]:
    """Which references find their block in a cache of so many blocks."""
    upcoming = next_references(references.blocks)

    def present(capacity: int) -> Bools:
        found = np.zeros(len(references.blocks), dtype=np.bool_)
        held = np.zeros(references.num_blocks, dtype=np.bool_)
        heap = np.empty(len(references.blocks), dtype=np.int64)
        replay = jit(replay_belady) if compiled else replay_belady
        replay(references.blocks, upcoming, capacity, held, heap, found)
        return found

    return present


def next_references(blocks: Ints) -> Ints:
    """For each of n references the next one to the same block; n + block where there is none."""
    order = np.argsort(blocks, kind="stable")
    again = blocks[order[1:]] == blocks[order[:-1]]
    upcoming = len(blocks) + blocks
    upcoming[order[:-1][again]] = order[1:][again]
    return upcoming


def replay_belady(blocks: Ints, upcoming: Ints, capacity: int, held: Bools, heap: Ints, found: Bools) -> None:
    """Fill in what is found. O(log n) for each reference.

    The heap holds the next reference of every block in the cache, and past ones that nobody took out: they are smaller
    than all others, so the greatest is never one of them.
    """
    num_held = 0
    size = 0
    for now in range(len(blocks)):
        block = blocks[now]
        found[now] = held[block]
        if not held[block]:
            if num_held == capacity:
                furthest = take_greatest(heap, size)
                size -= 1
                held[blocks[furthest] if furthest < len(blocks) else furthest - len(blocks)] = False
            else:
                num_held += 1
            held[block] = True
        insert(heap, size, upcoming[now])
        size += 1


@kernel
def insert(heap: Ints, size: int, value: int) -> None:
    """Put a value into a heap of `size` values, the greatest in front."""
    node = size
    while node > 0 and heap[(node - 1) >> 1] < value:
        heap[node] = heap[(node - 1) >> 1]
        node = (node - 1) >> 1
    heap[node] = value


@kernel
def take_greatest(heap: Ints, size: int) -> int:
    """Take the greatest of `size` values out of a heap."""
    greatest: int = heap[0]
    value = heap[size - 1]
    node = 0
    child = 1
    while child < size - 1:
        if child + 1 < size - 1 and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[node] = heap[child]
        node = child
        child = 2 * node + 1
    heap[node] = value
    return greatest
