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
    # An id stands for a block's tokens; the beginnings of prompts are made of few.
    block = int(rng.choice(PREFIX_BLOCKS)) if alike else 0
    counts = np.maximum(0, -(-prompt // block) - rng.integers(0, 3, count)) if alike else np.zeros(count, np.int64)
    return Requests(
        arrival=np.zeros(count),
        prompt_tokens=prompt,
        output_tokens=output,
        max_tokens=output + rng.integers(0, max(2, longest // 8), count),
        samples=np.ones(count, np.int64),
        prefix_offsets=np.concatenate(([0], np.cumsum(counts))),
        prefix_ids=rng.choice([1, 2], int(counts.sum()), p=[0.95, 0.05]),
        prefix_block=block,
    )


def random_lengths(rng: np.random.Generator, count: int, longest: int) -> Ints:
    """Lengths from 1 to `longest`: one half anywhere, the other next to a power of two."""
    near = (1 << rng.integers(0, longest.bit_length(), count)) + rng.integers(-1, 2, count)
    anywhere = rng.integers(1, longest + 1, count)
    return np.clip(np.where(rng.random(count) < 0.5, near, anywhere), 1, longest)
