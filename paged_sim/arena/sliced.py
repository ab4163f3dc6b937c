"""Executing operations one by one with NumPy slices: the host arena's way without compilation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paged_sim.arena.marks import Marks, mark
from paged_sim.arena.operations import (
    CHECK,
    CHECKED,
    COPIED,
    COPY,
    CORRUPT,
    FIRST_POSITION,
    FIRST_SLOT,
    LENGTH,
    POISON_TAG,
    POSITION_STEP,
    RETRACT,
    RETRACTED,
    WRITE,
    WRITTEN,
    tag,
    word_offsets,
)

_BYTES_AT_ONCE = 1 << 22
_COUNTED = {WRITE: WRITTEN, CHECK: CHECKED, RETRACT: RETRACTED}


def execute_sliced(
    memory: npt.NDArray[np.uint64],
    touched: Marks,
    ops: npt.NDArray[np.int64],
    counters: npt.NDArray[np.int64],
) -> None:
    """Does what `kernel.execute_operations` does; a long run is taken in pieces, so that no temporary exceeds 4 MiB."""
    offsets = word_offsets(memory.shape[1])
    piece = max(1, _BYTES_AT_ONCE // memory.strides[0])
    steps = _steps(min(piece, int(ops[:, LENGTH].max(initial=0))))
    for kind, start, length, generation, position in ops.tolist():
        if kind == COPY:
            memory[generation : generation + length] = memory[start : start + length]
            mark(touched, generation, length)
            counters[COPIED] += length
            continue
        for done in range(0, length, piece):
            slot, count = start + done, min(piece, length - done)
            run = memory[slot : slot + count]
            if kind == WRITE:
                np.add(steps[:count] + tag(generation, position + done), offsets, out=run)
            elif kind == CHECK:
                content = steps[:count] + tag(generation, position + done) + offsets
                _check(run, content, slot, generation, position + done, counters)
                continue
            else:
                run[:] = offsets + np.uint64(POISON_TAG)
            mark(touched, slot, count)
        if kind in _COUNTED:
            counters[_COUNTED[kind]] += length


def _steps(longest: int) -> npt.NDArray[np.uint64]:
    """What is added to the first tag of a run of at most so many tokens to get the others': a column."""
    return np.arange(longest, dtype=np.uint64)[:, np.newaxis] * np.uint64(POSITION_STEP)


def _check(
    run: npt.NDArray[np.uint64],
    content: npt.NDArray[np.uint64],
    slot: int,
    generation: int,
    position: int,
    counters: npt.NDArray[np.int64],
) -> None:
    if np.array_equal(run, content):
        return
    wrong = (run != content).any(axis=1)
    if not counters[CORRUPT]:
        first = int(wrong.argmax())
        counters[FIRST_SLOT : FIRST_POSITION + 1] = slot + first, generation, position + first
    counters[CORRUPT] += int(wrong.sum())
