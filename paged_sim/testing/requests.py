"""Requests for the contract suite: of lengths at which mistakes begin, some of them with a common beginning."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from paged_sim.allocators import State
from paged_sim.requests import Ints, Requests

Build: TypeAlias = Callable[[int, Requests, int, int], State]
"""Makes the empty allocator under test of (slots, requests, the most tokens of a sequence, rows)."""

PREFIX_BLOCKS = (1, 2, 5, 16, 48)


def random_requests(rng: np.random.Generator, count: int, longest: int, *, alike: bool = False) -> Requests:
    """`count` requests that store at most `longest` tokens each; `alike` gives many of them a common beginning.

    Half of all lengths are next to a power of two, where rounding changes.
    """
    final = random_lengths(rng, count, longest)
    prompt = 1 + (rng.random(count) * final).astype(np.int64)
    output = final - prompt + 1
    block = int(rng.choice(PREFIX_BLOCKS)) if alike else 0
    counts = np.maximum(0, -(-prompt // block) - rng.integers(0, 3, count)) if alike else np.zeros(count, np.int64)
    return Requests(
        arrival=np.zeros(count),
        prompt_tokens=prompt,
        output_tokens=output,
        max_tokens=output + rng.integers(0, max(2, longest // 8), count),
        samples=np.ones(count, np.int64),
        prefix_offsets=np.concatenate(([0], np.cumsum(counts))),
        prefix_ids=np.concatenate([np.zeros(0, np.int64), *(ids_of(rng, blocks) for blocks in counts.tolist())]),
        prefix_block=block,
    )


def ids_of(rng: np.random.Generator, blocks: int) -> Ints:
    """Ids of a prompt's leading blocks: it goes another way than the rest somewhere, and some begin otherwise."""
    ids = 1 + (np.arange(blocks) >= rng.integers(0, 2 * blocks + 1)).astype(np.int64)
    if rng.random() < 0.2:
        ids[:1] = 3
    return ids


def random_lengths(rng: np.random.Generator, count: int, longest: int) -> Ints:
    """Lengths from 1 to `longest`: one half anywhere, the other next to a power of two."""
    near = (1 << rng.integers(0, longest.bit_length(), count)) + rng.integers(-1, 2, count)
    anywhere = rng.integers(1, longest + 1, count)
    return np.clip(np.where(rng.random(count) < 0.5, near, anywhere), 1, longest)
