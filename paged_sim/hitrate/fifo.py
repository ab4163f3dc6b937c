"""First in, first out: the block that came into the cache first leaves, however often it was found there since."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paged_sim.compiled import jit
from paged_sim.hitrate.references import Bools, References
from paged_sim.requests import Ints


def fifo(references: References, compiled: bool) -> Callable[[int], Bools]:
    """Which references find their block in a cache of so many blocks."""

    def present(capacity: int) -> Bools:
        found = np.zeros(len(references.blocks), dtype=np.bool_)
        held = np.zeros(references.num_blocks, dtype=np.bool_)
        queue = np.full(min(capacity, references.num_blocks), -1, dtype=np.int64)
        (jit(replay_fifo) if compiled else replay_fifo)(references.blocks, queue, held, found)
        return found

    return present


def replay_fifo(blocks: Ints, queue: Ints, held: Bools, found: Bools) -> None:
    """Fill in what is found. `queue` is a ring with room for the whole cache, -1 where no block is yet. O(1) each."""
    oldest = 0
    for now in range(len(blocks)):
        block = blocks[now]
        found[now] = held[block]
        if not held[block]:
            if queue[oldest] >= 0:
                held[queue[oldest]] = False
            queue[oldest] = block
            held[block] = True
            oldest += 1
            if oldest == len(queue):
                oldest = 0
