"""Host memory that is taken page by page as it is touched, and how much of it has been.

NumPy asks the kernel for huge pages on large arrays; touching a tenth of such an array in random order really takes
nearly all of it. A private anonymous mapping with huge pages off takes what is touched, and its size is measured.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import platform
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from paged_sim.arena.sizing import SCALE_DOWN, readable
from paged_sim.errors import EXIT_ERROR, PagedSimError

_MEASURED_AT_ONCE = 1 << 20
# Python names this flag only from 3.13 on; these are the processors on which Linux gives it this value.
_NORESERVE_OF_LINUX = {"x86_64": 0x4000, "aarch64": 0x4000}


def zeros_on_touch(shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """An array of zeros that takes no memory until it is touched. It begins on a page.

    It may be larger than the machine's memory, and gives back what it took when the last view of it goes. Raises
    PagedSimError if the system refuses the mapping.
    """
    mapping = _map(math.prod(shape) * np.dtype(dtype).itemsize)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        mapping.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(mapping, dtype).reshape(shape)


def _map(size: int) -> mmap.mmap:
    try:
        if not hasattr(mmap, "MAP_ANONYMOUS"):
            return mmap.mmap(-1, size)
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _no_reserve())
    except (OSError, OverflowError, ValueError) as error:
        raise PagedSimError(
            f"the arena needs {readable(size)} of address space and the system refuses: {error}; {SCALE_DOWN}",
            exit_code=EXIT_ERROR,
        ) from None


def _no_reserve() -> int:
    if sys.platform != "linux":
        return 0
    return int(getattr(mmap, "MAP_NORESERVE", _NORESERVE_OF_LINUX.get(platform.machine(), 0)))


def resident_bytes(memory: npt.NDArray[Any]) -> int | None:
    """Bytes of the pages of an array of `zeros_on_touch` that are in memory now; None where that cannot be asked.

    The system call mincore answers for these pages alone, whatever else the process holds.
    """
    try:
        mincore = ctypes.CDLL(None).mincore
    except (AttributeError, OSError, TypeError):
        return None
    mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    pages = -(-memory.nbytes // mmap.PAGESIZE)
    states = np.zeros(min(pages, _MEASURED_AT_ONCE), np.uint8)
    resident = 0
    for first in range(0, pages, _MEASURED_AT_ONCE):
        count = min(_MEASURED_AT_ONCE, pages - first)
        if mincore(memory.ctypes.data + first * mmap.PAGESIZE, count * mmap.PAGESIZE, states.ctypes.data) != 0:
            return None
        # Only the lowest bit says "in memory"; the others are reserved or, on some systems, mean something else.
        resident += int((states[:count] & 1).sum(dtype=np.int64))
    return resident * mmap.PAGESIZE
