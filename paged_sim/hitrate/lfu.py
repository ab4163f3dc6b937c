"""Least frequently used: the block with the fewest references since it came into the cache leaves.

Among equals the one whose last reference is the longest ago; the count of a block that leaves is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paged_sim.compiled import jit, kernel
from paged_sim.hitrate.references import Bools, References
from paged_sim.requests import Ints


def lfu(references: References, compiled: bool) -> Callable[[int], Bools]:
    """Which references find their block in a cache of so many blocks."""
    blocks, num_blocks = references.blocks, references.num_blocks
    most = int(np.bincount(blocks).max(initial=0))

    def present(capacity: int) -> Bools:
        found = np.zeros(len(blocks), dtype=np.bool_)
        uses = np.zeros(num_blocks, dtype=np.int64)
        # A ring for each number of uses, 0 to `most`, in order of the last reference; its head has a place of its own
        # behind the blocks.
        behind = np.arange(num_blocks + most + 1)
        ahead = behind.copy()
        (jit(replay_lfu) if compiled else replay_lfu)(blocks, capacity, uses, behind, ahead, found)
        return found

    return present


def replay_lfu(blocks: Ints, capacity: int, uses: Ints, behind: Ints, ahead: Ints, found: Bools) -> None:
    """Fill in what is found; `uses[b]` is 0 while block b is not in the cache. O(1) for each reference.

    The fewest uses need no search: a block that comes in has one, and between two evictions they only grow by one when
    the last block of the ring moves on.
    """
    heads = len(uses)
    held = 0
    fewest = 1
    for now in range(len(blocks)):
        block = blocks[now]
        if uses[block] > 0:
            found[now] = True
            unlink(behind, ahead, block)
            if uses[block] == fewest and behind[heads + fewest] == heads + fewest:
                fewest += 1
        else:
            if held == capacity:
                victim = behind[heads + fewest]
                unlink(behind, ahead, victim)
                uses[victim] = 0
            else:
                held += 1
            fewest = 1
        uses[block] += 1
        append(behind, ahead, heads + uses[block], block)


@kernel
def unlink(behind: Ints, ahead: Ints, block: int) -> None:
    """Take a block out of its ring."""
    ahead[behind[block]] = ahead[block]
    behind[ahead[block]] = behind[block]


@kernel
def append(behind: Ints, ahead: Ints, head: int, block: int) -> None:
    """Put a block at the end of the ring of `head`; the first one is `behind[head]`, the last one `ahead[head]`."""
    newest = ahead[head]
    behind[newest] = block
    ahead[block] = newest
    behind[block] = head
    ahead[head] = block
