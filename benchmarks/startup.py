"""From the command to the prompt: start-up times, each in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from benchmarks.settings import Settings
from benchmarks.timing import Row, spread

SMALL = ("run", "seed-section2")


def measure(settings: Settings) -> list[Row]:
    """One row for each command."""
    rows = [
        timed("bare interpreter", ("-c", "pass"), settings),
        timed("import numpy", ("-c", "import numpy"), settings),
        timed("--help", ("-m", "paged_sim", "--help"), settings),
        timed("small run", ("-m", "paged_sim", *SMALL), settings),
    ]
    if settings.compiled:
        rows.append(timed("compare, warm", ("-m", "paged_sim", "compare"), settings))
        rows.append(timed_cold("compare, first time", ("-m", "paged_sim", "compare"), settings))
    return rows


def timed(name: str, arguments: tuple[str, ...], settings: Settings) -> Row:
    """A command's time, after one run that does not count."""
    run_python(arguments, os.environ)
    return _row(name, [run_python(arguments, os.environ) for _ in range(settings.start_repeats)])


def timed_cold(name: str, arguments: tuple[str, ...], settings: Settings) -> Row:
    """A command's first time on a machine: each time with an empty folder for compiled code."""
    timings = []
    for _ in range(settings.start_repeats):
        with tempfile.TemporaryDirectory() as folder:
            timings.append(run_python(arguments, {**os.environ, "PAGED_SIM_CACHE_DIR": folder}))
            assert any(Path(folder).rglob("*.nbc")), "nothing was compiled"
    return _row(name, timings)


def _row(name: str, timings: list[tuple[float, float]]) -> Row:
    wall, processor = zip(*timings, strict=True)
    return {"what": name, **spread(list(wall)), **spread(list(processor), "processor_seconds")}


def run_python(arguments: tuple[str, ...], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds that a Python command takes, and seconds of processor time that it and its children use."""
    before, started = children_seconds(), perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return perf_counter() - started, children_seconds() - before


def children_seconds() -> float:
    """Processor time of all child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system
