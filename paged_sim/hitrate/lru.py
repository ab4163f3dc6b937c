"""Least recently used: the block whose last reference is the longest ago leaves. One pass serves every capacity.

A cache of c blocks holds the c blocks referenced last, whatever they were referenced for. So a reference finds its
block in every cache larger than the number of other blocks referenced since, and in no other: the stack distance of
Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems Journal 9 (1970).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paged_sim.compiled import jit, kernel
from paged_sim.hitrate.references import Bools, References
from paged_sim.requests import Ints

NEVER = 1 << 62
"""The stack distance of a block's first reference."""


@dataclass(frozen=True, slots=True)
class StackDistances:
    """The smallest capacity, in blocks, at which each of n references finds its block; `NEVER` for first references."""

    distances: Ints

    def __call__(self, capacity: int) -> Bools:
        """Which references find their block in a cache of so many blocks."""
        return self.distances <= capacity


def lru(references: References, compiled: bool) -> StackDistances:
    """Which references find their block in a cache of so many blocks: asked for any capacity, after one pass.

    Along the blocks of a request distances never decrease, so whatever is found is found in front of the first miss.
    """
    blocks = references.blocks
    distances = np.full(len(blocks), NEVER, dtype=np.int64)
    last = np.full(references.num_blocks, -1, dtype=np.int64)
    tree = np.zeros(len(blocks) + 1, dtype=np.int64)
    (jit(measure_distances) if compiled else measure_distances)(blocks, last, tree, distances)
    return StackDistances(distances)


def measure_distances(blocks: Ints, last: Ints, tree: Ints, distances: Ints) -> None:
    """Fill in the distances of all references but the first to each block.

    `last[b]` is the reference to block b before now, -1 for none; `tree`, all 0 in the beginning, is a Fenwick tree
    over references that counts those that are the last one to their block. O(log n) for each reference.
    """
    seen = 0
    for now in range(len(blocks)):
        block = blocks[now]
        before = last[block]
        if before >= 0:
            distances[now] = seen - count_before(tree, before)
            add(tree, before, -1)
        else:
            seen += 1
        add(tree, now, 1)
        last[block] = now


@kernel
def count_before(tree: Ints, position: int) -> int:
    """The sum over all positions below `position`."""
    total = 0
    node = position
    while node > 0:
        total += tree[node]
        node &= node - 1
    return total


@kernel
def add(tree: Ints, position: int, change: int) -> None:
    """Add `change` at `position`."""
    node = position + 1
    while node < len(tree):
        tree[node] += change
        node += node & -node
