"""Caches written down as their definitions read, slow and plain: what the fast replays must come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from hypothesis import strategies as st

from paged_sim.content import number_blocks
from paged_sim.hitrate.references import References
from paged_sim.requests import Requests

Choice = Callable[[list[int], int, Sequence[int]], int]
"""(blocks in the cache, index of the reference that needs room, all references) -> the block that leaves."""

Chains = list[list[int]]
"""Requests by the ids of their blocks."""

chains = st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=1, max_size=12).filter(any)
"""Ids of few values, so that requests begin alike; the position and the ids before tell blocks apart."""


def references_to(requests: Chains) -> References:
    """All references weigh 1."""
    offsets = np.cumsum([0, *map(len, requests)])
    blocks = number_blocks(offsets, np.array([block for one in requests for block in one], dtype=np.int64))
    return References(blocks, offsets, np.ones(len(blocks)), float(len(blocks)), int(blocks.max()) + 1)


def requests_with_ids(requests: Chains, prompts: Sequence[int], block: int) -> Requests:
    """Requests of these prompts, all at once; each id stands for `block` tokens."""
    ones = np.ones(len(requests), dtype=np.int64)
    return Requests(
        arrival=np.zeros(len(requests)),
        prompt_tokens=np.array(prompts, dtype=np.int64),
        output_tokens=ones,
        max_tokens=ones,
        samples=ones,
        prefix_offsets=np.cumsum([0, *map(len, requests)]),
        prefix_ids=np.array([block_id for one in requests for block_id in one], dtype=np.int64),
        prefix_block=block,
    )


def replay(references: Sequence[int], capacity: int, leaves: Choice) -> list[bool]:
    """Which references find their block; the cache is a list in the order of arrival."""
    held: list[int] = []
    found = []
    for now, block in enumerate(references):
        found.append(block in held)
        if block not in held:
            if len(held) == capacity:
                held.remove(leaves(held, now, references))
            held.append(block)
    return found


def first_come(held: list[int], now: int, references: Sequence[int]) -> int:
    return held[0]


def last_use(block: int, now: int, references: Sequence[int]) -> int:
    return max(at for at in range(now) if references[at] == block)


def least_recent(held: list[int], now: int, references: Sequence[int]) -> int:
    return min(held, key=lambda block: last_use(block, now, references))


def furthest_next(held: list[int], now: int, references: Sequence[int]) -> int:
    def next_use(block: int) -> int:
        return next((at for at in range(now, len(references)) if references[at] == block), len(references))

    return max(held, key=next_use)


def least_frequent(references: Sequence[int], capacity: int) -> list[bool]:
    """Counts begin anew at every arrival, so that this one keeps a count beside each block."""
    uses: dict[int, int] = {}
    found = []
    for now, block in enumerate(references):
        found.append(block in uses)
        if block not in uses and len(uses) == capacity:
            del uses[min(uses, key=lambda held: (uses[held], last_use(held, now, references)))]
        uses[block] = uses.get(block, 0) + 1
    return found


ORACLES: dict[str, Callable[[Sequence[int], int], list[bool]]] = {
    "lru": lambda references, capacity: replay(references, capacity, least_recent),
    "lfu": least_frequent,
    "fifo": lambda references, capacity: replay(references, capacity, first_come),
    "belady": lambda references, capacity: replay(references, capacity, furthest_next),
}


def most_found(references: Sequence[int], capacity: int) -> int:
    """The most references that any choice of evictions lets find their block: all choices are tried."""

    @cache
    def best(now: int, held: frozenset[int]) -> int:
        if now == len(references):
            return 0
        block = references[now]
        if block in held:
            return 1 + best(now + 1, held)
        if len(held) < capacity:
            return best(now + 1, held | {block})
        return max(best(now + 1, (held - {leaves}) | {block}) for leaves in held)

    return best(0, frozenset())
