"""From requests to block references: which block each one touches, and how much a hit on it counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paged_sim.content import number_blocks
from paged_sim.requests import Floats, Ints, Requests

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class References:
    """`n` block references in the order they are made: requests by arrival, the blocks of a request first to last.

    `blocks` (length n) numbers the blocks from 0 to `num_blocks` - 1. Two references have one number only if their
    blocks and all blocks before them are equal. Those of request i are `blocks[offsets[i]:offsets[i+1]]`. A hit on
    reference j counts `weights[j]` (length n) of `total`.
    """

    blocks: Ints
    offsets: Ints
    weights: Floats
    total: float
    num_blocks: int

    def leading(self, present: Bools) -> Bools:
        """Those of the references in the cache that hit: up to, not including, the first miss of their request."""
        misses = np.concatenate(([0], np.cumsum(~present)))
        leading: Bools = misses[1:] == np.repeat(misses[self.offsets[:-1]], np.diff(self.offsets))
        return leading

    def rate(self, hits: Bools) -> float:
        """The share of `total` that hits on these references (length n) come to; 12 digits, alike on all machines."""
        return round(float(self.weights[hits].sum()) / self.total, 12)

    def repeated(self) -> Bools:
        """References to a block that was referenced before: what a cache without end holds."""
        first = np.zeros(len(self.blocks), dtype=np.bool_)
        first[np.unique(self.blocks, return_index=True)[1]] = True
        return ~first


def references_of(requests: Requests, definition: str) -> References:
    """The references of requests whose leading blocks have ids (`prefix_block` > 0), for a name of `DEFINITIONS`.

    `total` is 0 where there is nothing to count: no request fills a block, and full blocks are asked for.
    """
    offsets = requests.prefix_offsets
    blocks = number_blocks(offsets, requests.prefix_ids)
    counts = np.diff(offsets)
    position = np.arange(len(blocks)) - np.repeat(offsets[:-1], counts)
    prompt = np.repeat(requests.prompt_tokens, counts)
    tokens = np.minimum(prompt - position * requests.prefix_block, requests.prefix_block)
    full = tokens == requests.prefix_block
    if definition == "full-only":
        offsets = np.concatenate(([0], np.cumsum(full)))[offsets]
        blocks, tokens, prompt = _renumbered(blocks[full]), tokens[full], prompt[full]
    weights, total = {
        "blocks": (np.ones(len(blocks)), len(blocks)),
        "full-blocks": (np.ones(len(blocks)), np.count_nonzero(full)),
        "full-only": (np.ones(len(blocks)), len(blocks)),
        "tokens": (tokens.astype(np.float64), requests.prompt_tokens.sum()),
        "requests": (tokens / prompt, len(requests)),
    }[definition]
    return References(blocks, offsets, weights, float(total), int(blocks.max(initial=-1)) + 1)


def _renumbered(blocks: Ints) -> Ints:
    """Numbers from 0 without gaps, in the same order."""
    return np.unique(blocks, return_inverse=True)[1].astype(np.int64)
