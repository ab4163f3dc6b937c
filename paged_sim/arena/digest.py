"""The digest of an arena's content: the same on every backend and for every way of cutting the operations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

_SLOTS_AT_ONCE = 1 << 16
_BYTES_AT_ONCE = 1 << 24


def content_digest(
    slots: int,
    bytes_per_slot: int,
    touched: Callable[[int, int], npt.NDArray[np.uint8]],
    fetch: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.uint64]],
) -> str:
    """SHA-256, in hex, of the slots of an arena that were touched: `touched(begin, end)` has a 1 for each of them.

    Hashed are, for each stretch of 65,536 slots, the indices of its touched slots and then their words, all as
    little-endian 64-bit integers. `fetch(indices)` returns the words on the host, `[len(indices), words]`; it is asked
    for touched slots alone and for 16 MiB at a time (or one slot), so that no other memory is read.
    """
    digest = hashlib.sha256()
    fetched_at_once = max(1, _BYTES_AT_ONCE // bytes_per_slot)
    for begin in range(0, slots, _SLOTS_AT_ONCE):
        indices = begin + np.flatnonzero(touched(begin, min(slots, begin + _SLOTS_AT_ONCE))).astype(np.int64)
        digest.update(indices.astype("<i8").tobytes())
        for first in range(0, len(indices), fetched_at_once):
            digest.update(fetch(indices[first : first + fetched_at_once]).astype("<u8", copy=False).tobytes())
    return digest.hexdigest()
