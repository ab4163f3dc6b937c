"""Free extents in order of address: a tree of maxima over their lengths.

Leaf `slot` holds the length of the free extent that starts there, or 0; an inner node the larger of its two children.
The leftmost extent of at least a given length is found, and a length changed, in O(log capacity) whatever the number
of extents.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import kernel

Lengths = npt.NDArray[np.int64]

NOWHERE = -1


def create(capacity: int) -> Lengths:
    """An empty tree over slots 0 … capacity - 1, an array of two powers of two: node i has children 2i, 2i + 1."""
    leaves = 1
    while leaves < capacity:
        leaves *= 2
    return np.zeros(2 * leaves, np.int64)


@kernel
def length_at(tree: Lengths, start: int) -> int:
    """Length of the free extent that starts at a slot, or 0."""
    length: int = tree[len(tree) // 2 + start]
    return length


@kernel
def set_length(tree: Lengths, start: int, length: int) -> None:
    """Say that a free extent of `length` starts at a slot (0: none does)."""
    node = len(tree) // 2 + start
    tree[node] = length
    node //= 2
    while node >= 1:
        larger = max(tree[2 * node], tree[2 * node + 1])
        if tree[node] == larger:
            return
        tree[node] = larger
        node //= 2


@kernel
def longest(tree: Lengths) -> int:
    """Length of the longest free extent."""
    length: int = tree[1]
    return length


@kernel
def leftmost(tree: Lengths, node: int, length: int) -> int:
    """Start of the lowest extent of at least `length` below a node that has one."""
    leaves = len(tree) // 2
    while node < leaves:
        node *= 2
        if tree[node] < length:
            node += 1
    return node - leaves


@kernel
def first(tree: Lengths, length: int) -> int:
    """Start of the lowest extent of at least `length`, or NOWHERE."""
    if tree[1] < length:
        return NOWHERE
    return leftmost(tree, 1, length)


@kernel
def first_from(tree: Lengths, cursor: int, length: int) -> int:
    """Start of the lowest extent of at least `length` that starts at `cursor` or above, else of the lowest of all."""
    node = len(tree) // 2 + cursor
    if tree[node] >= length:
        return cursor
    while node > 1:
        if node % 2 == 0 and tree[node + 1] >= length:
            return leftmost(tree, node + 1, length)
        node //= 2
    return first(tree, length)
