"""When a stretch of tokens is asked for again: what Belady's rule knows and no server can.

Requests ask in the order of their numbers (admission is first come, first served).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim.compiled import kernel, marked_state
from paged_sim.content import NUM_NODES, Content
from paged_sim.requests import Ints

NEVER = 1 << 40


@marked_state
class Future(NamedTuple):
    """`uses[cursor[node]:ends[node]]` are the requests, in order, that will still ask for a node."""

    uses: Ints
    cursor: Ints
    ends: Ints


def create(content: Content, *, known: bool) -> Future:
    """The future of all nodes before the first request; an empty one unless it is known."""
    if not known:
        nothing = np.zeros(0, np.int64)
        return Future(nothing, nothing.copy(), nothing.copy())
    askers = np.repeat(np.arange(len(content.covered)), np.diff(content.offsets))
    ends = np.cumsum(np.bincount(content.nodes, minlength=int(content.numbers[NUM_NODES])))
    return Future(
        uses=askers[np.argsort(content.nodes, kind="stable")],
        cursor=np.concatenate(([0], ends[:-1])) if len(ends) else ends.copy(),
        ends=ends,
    )


@kernel
def pass_by(future: Future, content: Content, request: int) -> None:
    """Let a request's asking become the past."""
    for entry in range(content.offsets[request], content.offsets[request + 1]):
        node = content.nodes[entry]
        cursor = future.cursor[node]
        while cursor < future.ends[node] and future.uses[cursor] <= request:
            cursor += 1
        future.cursor[node] = cursor


@kernel
def next_use(future: Future, stretch: int) -> int:
    """The request that asks for a stretch next, or NEVER: what is private is never asked for."""
    if stretch >= len(future.cursor) or future.cursor[stretch] == future.ends[stretch]:
        return NEVER
    return int(future.uses[future.cursor[stretch]])
