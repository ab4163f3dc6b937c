"""Free extents in order of (length, start): a treap, so that the tightest fit is found in O(log extents).

A node is an extent's start; children, and the lengths that order them, live in arrays over slots. A node's priority is
a fixed scramble of its start, which keeps the tree balanced in expectation and the same in every run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import kernel, marked_state

Slots = npt.NDArray[np.int64]

NOBODY = -1


@marked_state
class SizeTree(NamedTuple):
    """`left`, `right` and `length` over slots; `root[0]` is the topmost extent."""

    left: Slots
    right: Slots
    length: Slots
    root: Slots


def create(capacity: int) -> SizeTree:
    """An empty tree over slots 0 … capacity - 1 (one slot at least, so that every state has the same types)."""
    size = max(1, capacity)
    empty = np.full(size, NOBODY, np.int64)
    return SizeTree(empty, empty.copy(), np.zeros(size, np.int64), np.full(1, NOBODY, np.int64))


@kernel
def priority(start: int) -> int:
    """A fixed scramble of a start: multiplication by 2^32 over the golden ratio, folded."""
    mixed = (start * 2654435769) & 0xFFFFFFFF
    return mixed ^ (mixed >> 15)


@kernel
def before(tree: SizeTree, length: int, start: int, node: int) -> bool:
    """Whether the extent (length, start) comes before a node's."""
    other = tree.length[node]
    return length < other or (length == other and start < node)


@kernel
def attach(tree: SizeTree, parent: int, on_left: bool, child: int) -> None:
    """Hang a subtree under a parent (NOBODY: make it the root)."""
    if parent == NOBODY:
        tree.root[0] = child
    elif on_left:
        tree.left[parent] = child
    else:
        tree.right[parent] = child


@kernel
def insert(tree: SizeTree, start: int, length: int) -> None:
    """Add a free extent."""
    tree.length[start] = length
    rank = priority(start)
    parent, on_left = NOBODY, False
    node = tree.root[0]
    while node != NOBODY and priority(node) >= rank:
        on_left = before(tree, length, start, node)
        parent = node
        node = tree.left[node] if on_left else tree.right[node]
    attach(tree, parent, on_left, start)
    split(tree, start, length, node)


@kernel
def split(tree: SizeTree, start: int, length: int, node: int) -> None:
    """Part a subtree into what comes before and after (length, start): the new node's children."""
    low, low_on_left = start, True
    high, high_on_left = start, False
    while node != NOBODY:
        if before(tree, length, start, node):
            attach(tree, high, high_on_left, node)
            high, high_on_left = node, True
            node = tree.left[node]
        else:
            attach(tree, low, low_on_left, node)
            low, low_on_left = node, False
            node = tree.right[node]
    attach(tree, low, low_on_left, NOBODY)
    attach(tree, high, high_on_left, NOBODY)


@kernel
def remove(tree: SizeTree, start: int) -> None:
    """Take a free extent out; it must be in the tree."""
    length = tree.length[start]
    parent, on_left = NOBODY, False
    node = tree.root[0]
    while node != start:
        on_left = before(tree, length, start, node)
        parent = node
        node = tree.left[node] if on_left else tree.right[node]
    low, high = tree.left[start], tree.right[start]
    while low != NOBODY and high != NOBODY:
        if priority(low) > priority(high):
            attach(tree, parent, on_left, low)
            parent, on_left, low = low, False, tree.right[low]
        else:
            attach(tree, parent, on_left, high)
            parent, on_left, high = high, True, tree.left[high]
    attach(tree, parent, on_left, high if low == NOBODY else low)


@kernel
def tightest(tree: SizeTree, length: int) -> int:
    """Start of the shortest extent of at least `length` (lowest of equals), or NOBODY."""
    found = NOBODY
    node = tree.root[0]
    while node != NOBODY:
        if tree.length[node] >= length:
            found = node
            node = tree.left[node]
        else:
            node = tree.right[node]
    return found
