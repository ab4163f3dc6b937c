"""What tokens are: a number for every stretch of tokens, equal where the KV of two requests is equal.

The KV of a token depends on all tokens before it, so two requests agree from the start up to some token and nowhere
after it. Their leading blocks with ids make a tree: each node stands for a block *after* all blocks above it. What
follows is private: a stream of its own for the rest of a prompt (which parallel samples share) and for each output. The
turns of a conversation, each of which holds all of the ones before, have one stream together.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from paged_sim.compiled import kernel, marked_state
from paged_sim.requests import Ints, Requests

BLOCK, NUM_NODES, NUM_SHARED = range(3)

_WITHOUT_END = 1 << 31


@marked_state
class Content(NamedTuple):
    """The stretches of every request: nodes, then its prompt's stream, then its output's.

    Tokens `[0, covered[r])` of request r are those of `nodes[offsets[r]:offsets[r + 1]]`, `numbers[BLOCK]` tokens each
    (the last one perhaps less), tokens up to `own_from[r]` those of `prompt_stream[r]`, the rest `output_stream[r]`.
    Nodes are numbered from 0 to `numbers[NUM_NODES] - 1`, then to `numbers[NUM_SHARED] - 1` the streams of chains,
    which hold the prompts and answers of several requests, and above them those of single requests.
    """

    offsets: Ints
    nodes: Ints
    covered: Ints
    own_from: Ints
    prompt_stream: Ints
    output_stream: Ints
    numbers: Ints


def content_of(requests: Requests) -> Content:
    """The stretches of requests whose samples are requests of their own (`Requests.spread_samples`)."""
    nodes = number_blocks(requests.prefix_offsets, requests.prefix_ids)
    num_nodes = int(nodes.max(initial=-1)) + 1
    total = len(requests)
    is_sampled = len(requests.source) > 0
    source = requests.source if is_sampled else np.arange(total)
    covered = np.minimum(np.diff(requests.prefix_offsets) * requests.prefix_block, requests.prompt_tokens)
    if len(requests.covered) and not is_sampled:
        covered = requests.covered
    chained = requests.chain >= 0 if len(requests.chain) else np.zeros(total, np.bool_)
    chains, chain = np.unique(requests.chain[chained], return_inverse=True) if chained.any() else (chained[:0], 0)
    num_shared = num_nodes + len(chains)
    prompt_stream = num_shared + source
    prompt_stream[chained] = num_nodes + chain
    own_from = requests.prompt_tokens.copy() if is_sampled else covered.copy()
    if not is_sampled:
        own_from[chained] = _WITHOUT_END
    return Content(
        offsets=requests.prefix_offsets,
        nodes=nodes,
        covered=covered,
        own_from=own_from,
        prompt_stream=prompt_stream,
        output_stream=num_shared + (total if is_sampled else 0) + np.arange(total),
        numbers=np.array([max(1, requests.prefix_block), num_nodes, num_shared], np.int64),
    )


def nothing_known() -> Content:
    """The content of no requests, for those who do not ask."""
    none = np.zeros(0, np.int64)
    return Content(none, none, none, none, none, none, np.array([1, 0, 0], np.int64))


def number_blocks(offsets: Ints, ids: Ints) -> Ints:
    """A number for each leading block of each request, from 0 in order of first appearance.

    Equal numbers are equal blocks behind equal blocks: nodes of the tree of all prefixes, found by a walk down it. The
    columns are those of `Requests`.
    """
    nodes: dict[tuple[int, int], int] = {}
    numbers: list[int] = []
    bounds, given = offsets.tolist(), ids.tolist()
    for start, end in pairwise(bounds):
        node = -1
        for block in given[start:end]:
            node = nodes.setdefault((node, block), len(nodes))
            numbers.append(node)
    return np.array(numbers, dtype=np.int64)


@kernel
def stretch(content: Content, request: int, position: int) -> tuple[int, int]:
    """The number of the stretch that holds a request's token `position`, and the position at which it ends.

    The output's stretch ends at 2^31.
    """
    covered = content.covered[request]
    if position < covered:
        level = position // content.numbers[BLOCK]
        end = min(covered, (level + 1) * content.numbers[BLOCK])
        return int(content.nodes[content.offsets[request] + level]), int(end)
    if position < content.own_from[request]:
        return int(content.prompt_stream[request]), int(content.own_from[request])
    return int(content.output_stream[request]), _WITHOUT_END
