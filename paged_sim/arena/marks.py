"""One bit for each slot of the host arena: was it ever written? A cache holds eight times as many as of bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paged_sim.arena.memory import zeros_on_touch
from paged_sim.compiled import inlined

Marks = npt.NDArray[np.uint64]

_ALL = 0xFFFFFFFFFFFFFFFF


def no_marks(slots: int) -> Marks:
    """The marks of `slots` slots, none of which was written: the lowest bit of the first word is slot 0."""
    marks: Marks = zeros_on_touch((-(-slots // 64),), np.uint64)
    return marks


@inlined
def mark(marks: Marks, slot: int, length: int) -> None:
    """Mark `length` slots from `slot` on."""
    last = slot + length
    if 0 < length <= 64 - (slot & 63):
        marks[np.uint64(slot >> 6)] |= _bits(slot & 63, length)
        return
    while slot < last:
        shift = slot & 63
        count = min(last - slot, 64 - shift)
        marks[np.uint64(slot >> 6)] |= _bits(shift, count)
        slot += count


@inlined
def _bits(shift: int, count: int) -> np.uint64:
    """A word with `count` (1 to 64) bits set from bit `shift` on."""
    return (np.uint64(_ALL) >> np.uint64(64 - count)) << np.uint64(shift)


def flags(marks: Marks, begin: int, end: int) -> npt.NDArray[np.uint8]:
    """A 1 for each marked slot from `begin`, a multiple of 64, to `end - 1`, and a 0 for the others."""
    words = marks[begin // 64 : -(-end // 64)].astype("<u8")
    return np.unpackbits(words.view(np.uint8), count=end - begin, bitorder="little")


def count_marks(marks: Marks) -> int:
    """How many slots are marked."""
    return sum(
        int(np.unpackbits(marks[begin : begin + _WORDS_AT_ONCE].view(np.uint8)).sum(dtype=np.int64))
        for begin in range(0, len(marks), _WORDS_AT_ONCE)
    )


_WORDS_AT_ONCE = 1 << 16
