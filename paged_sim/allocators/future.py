"""When a stretch of tokens is asked for again: what Belady's rule knows and no server can.

Requests ask in the order of their numbers (admission is first come, first served).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim.compiled import kernel, marked_state
from paged_sim.content import NUM_SHARED, Content
from paged_sim.requests import Ints

NEVER = 1 << 40


@marked_state
class Future(NamedTuple):
    """`uses[cursor[stretch]:ends[stretch]]` are the requests, in order, that will still ask for a stretch that several
    requests hold: a node, or the stream of a chain."""

    uses: Ints
    cursor: Ints
    ends: Ints


def create(content: Content, *, known: bool) -> Future:
    """The future of all that is shared before the first request; an empty one unless it is known."""
    if not known:
        nothing = np.zeros(0, np.int64)
        return Future(nothing, nothing.copy(), nothing.copy())
    total = len(content.covered)
    chained = np.flatnonzero(content.prompt_stream < content.numbers[NUM_SHARED])
    askers = np.concatenate((np.repeat(np.arange(total), np.diff(content.offsets)), chained))
    asked = np.concatenate((content.nodes, content.prompt_stream[chained]))
    order = np.lexsort((askers, asked))
    ends = np.cumsum(np.bincount(asked, minlength=int(content.numbers[NUM_SHARED])))
    return Future(
        uses=askers[order],
        cursor=np.concatenate(([0], ends[:-1])) if len(ends) else ends.copy(),
        ends=ends,
    )


@kernel
def pass_by(future: Future, content: Content, request: int) -> None:
    """Let a request's asking become the past."""
    for entry in range(content.offsets[request], content.offsets[request + 1]):
        forget_uses(future, int(content.nodes[entry]), request)
    if content.prompt_stream[request] < content.numbers[NUM_SHARED]:
        forget_uses(future, int(content.prompt_stream[request]), request)


@kernel
def forget_uses(future: Future, stretch: int, request: int) -> None:
    """Drop what requests up to this one ask of a stretch."""
    cursor = future.cursor[stretch]
    while cursor < future.ends[stretch] and future.uses[cursor] <= request:
        cursor += 1
    future.cursor[stretch] = cursor


@kernel
def next_use(future: Future, stretch: int) -> int:
    """The request that asks for a stretch next, or NEVER: what is private is never asked for."""
    if stretch >= len(future.cursor) or future.cursor[stretch] == future.ends[stretch]:
        return NEVER
    return int(future.uses[future.cursor[stretch]])
