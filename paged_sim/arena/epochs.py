"""Cutting a list of operations into epochs, and runs into tokens: the order an array backend cannot keep by itself.

An array backend executes all writes of an epoch at once and then all its checks. That equals the strict order as long
as no slot is written after it was used in the same epoch, in whatever way; copies get epochs of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.arena.operations import CHECK, COPY, KIND, LENGTH, POISON_TAG, SLOT, tags
from paged_sim.compiled import kernel


def cut_epochs(
    ops: npt.NDArray[np.int64], stamps: npt.NDArray[np.int32], previous: int, epochs: npt.NDArray[np.int32]
) -> None:
    """Fill `epochs[n]` with the number of every operation's epoch, beginning with `previous + 1` and never falling.

    `stamps[slots]` holds the epoch in which each slot was last used, none above `previous`, and is brought up to date.
    Runs compiled and uncompiled.
    """
    epoch = previous + 1
    copying = False
    for index in range(ops.shape[0]):
        kind, slot, length = ops[index, KIND], ops[index, SLOT], ops[index, LENGTH]
        used = stamps[slot : slot + length]
        if (kind == COPY) != copying:
            copying = not copying
            epoch += 1
        elif kind != CHECK and kind != COPY and _holds(used, epoch):
            epoch += 1
        if not copying:
            for place in range(length):
                used[place] = epoch
        epochs[index] = epoch


@kernel
def _holds(stamps: npt.NDArray[np.int32], epoch: int) -> bool:
    # No stamp is above `epoch`, so the largest decides; without an early exit the loop is vectorised.
    latest = 0
    for place in range(len(stamps)):
        latest = max(latest, stamps[place])
    return latest == epoch


class Tokens(NamedTuple):
    """Single tokens in the order of execution: slot, expected tag, generation and position (arrays of one length)."""

    slots: npt.NDArray[np.int64]
    tags: npt.NDArray[np.uint64]
    generations: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]


def spread_tokens(runs: npt.NDArray[np.int64], at_once: int) -> Iterator[Tokens]:
    """The single tokens of operations that are no copies, at most `at_once` at a time.

    The tag of a WRITE or CHECK is its token's; that of a RETRACT or POISON is the poison's.
    """
    ends = np.cumsum(runs[:, LENGTH])
    starts = ends - runs[:, LENGTH]
    total = int(ends[-1]) if len(runs) else 0
    for begin in range(0, total, at_once):
        end = min(begin + at_once, total)
        first, last = np.searchsorted(ends, (begin, end - 1), side="right")
        part = slice(int(first), int(last) + 1)
        taken = np.minimum(ends[part], end) - np.maximum(starts[part], begin)
        within = np.arange(begin, end) - np.repeat(starts[part], taken)
        kind, slot, _, generation, position = np.repeat(runs[part], taken, axis=0).T
        positions = position + within
        content = np.where(kind <= CHECK, tags(generation, positions), np.uint64(POISON_TAG))
        yield Tokens(slot + within, content, generation, positions)


def epoch_bounds(epochs: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """Where each epoch begins and ends in a list of operations."""
    cuts = [0, *(np.flatnonzero(np.diff(epochs)) + 1).tolist(), len(epochs)]
    return [(begin, end) for begin, end in pairwise(cuts) if begin < end]
