"""What the timings were taken on."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from pathlib import Path

import numba
import numpy as np

from benchmarks.timing import Row
from paged_sim import __version__


def describe_machine() -> Row:
    """Processor, cores, memory, versions, and how busy the machine was before anything was measured."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": field_of("/proc/cpuinfo", "model name") or platform.processor() or "unknown",
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "l3_cache": _l3(),
        "memory_bytes": _memory_bytes(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "paged_sim": __version__,
        "load_average": list(os.getloadavg()),
    }


def field_of(path: str, name: str) -> str | None:
    """The first value of a `name : value` line, or None."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)


def _l3() -> str | None:
    size = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
    return size.read_text("utf-8").strip() if size.exists() else None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
