"""The number of requests that wait, integrated over time: exact, also for those that arrive while a step is under way.

The ledger reads its row once a step. A queue read there misses whoever arrives behind, so it has books of its own, from
the first moment of a run to its last: with them and the times of the requests, Little's law holds exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim.compiled import inlined, marked_state
from paged_sim.ledger import BINS
from paged_sim.requests import Floats, Ints


@marked_state
class QueueLength(NamedTuple):
    """The length now, and what it was: the first axis is 0 for steps without and 1 for steps with a waiter.

    `length[0]` requests wait `since[0]`, in a step (or idle time) of the kind `side[0]`. `sums[side]` is the integral
    of the length over time, `histogram[side, length * scale[0]]` the time at each length; `between[0]` is the time in
    which requests waited though a step without a waiter was under way: they came behind its admissions.
    """

    length: Ints
    side: Ints
    since: Floats
    scale: Floats
    sums: Floats
    peaks: Floats
    between: Floats
    histogram: Floats


def create(requests: int) -> QueueLength:
    """An empty queue at time 0, into which at most `requests` come."""
    return QueueLength(
        length=np.zeros(1, np.int64),
        side=np.zeros(1, np.int64),
        since=np.zeros(1),
        scale=np.array([min(1.0, BINS / max(requests, 1))]),
        sums=np.zeros(2),
        peaks=np.zeros(2),
        between=np.zeros(1),
        histogram=np.zeros((2, BINS + 1)),
    )


@inlined
def settle(queue: QueueLength, now: float) -> None:
    """Book the length for as long as it lasted, until `now`. A length that lasted no time leaves no trace."""
    weight = now - queue.since[0]
    if weight <= 0.0:
        return
    side, length = queue.side[0], queue.length[0]
    queue.since[0] = now
    queue.sums[side] += length * weight
    queue.histogram[side, int(length * queue.scale[0])] += weight
    if length > queue.peaks[side]:
        queue.peaks[side] = length
    if side == 0 and length > 0:
        queue.between[0] += weight


@inlined
def lengthen(queue: QueueLength, now: float) -> None:
    """One more request waits from `now` on."""
    settle(queue, now)
    queue.length[0] += 1


@inlined
def begin_step(queue: QueueLength, now: float, length: int, side: int) -> None:
    """A step of the kind `side` begins at `now`, and after its admissions `length` requests wait."""
    if length != queue.length[0] or side != queue.side[0]:
        settle(queue, now)
        queue.length[0] = length
        queue.side[0] = side
