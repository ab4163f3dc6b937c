"""Host memory that is taken page by page as it is touched, and how much of it has been.

NumPy asks the kernel for huge pages on large arrays; touching a tenth of such an array in random order really takes
nearly all of it. A private anonymous mapping with huge pages off takes what is touched, and its size is measured.
"""

from __future__ import annotations

import ctypes
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


def map_memory(size: int) -> mmap.mmap:
    """Map `size` bytes of zeros that take no memory until they are touched.

    More than the machine has may be mapped. Raises PagedSimError if the system refuses the mapping.
    """
    try:
        if not hasattr(mmap, "MAP_ANONYMOUS"):
            return mmap.mmap(-1, size)
        mapping = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _no_reserve())
    except (OSError, OverflowError, ValueError) as error:
        raise PagedSimError(
            f"the arena needs {readable(size)} of address space and the system refuses: {error}; {SCALE_DOWN}",
            exit_code=EXIT_ERROR,
        ) from None
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        mapping.madvise(mmap.MADV_NOHUGEPAGE)
    return mapping


def _no_reserve() -> int:
    if sys.platform != "linux":
        return 0
    return int(getattr(mmap, "MAP_NORESERVE", _NORESERVE_OF_LINUX.get(platform.machine(), 0)))


def resident_bytes(memory: npt.NDArray[Any]) -> int | None:
    """Bytes of a mapping's pages that are in memory now, by the system call mincore; None where there is none.

    `memory` is an array over a whole mapping, so it begins on a page.
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
