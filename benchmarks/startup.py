"""From the command to the prompt: start-up times, each in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
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
        timed("compare, warm", ("-m", "paged_sim", "compare"), settings),
    ]
    return rows + [timed_cold(("-m", "paged_sim", "compare"), settings)] if settings.compiled else rows


def timed(name: str, arguments: tuple[str, ...], settings: Settings) -> Row:
    """A command's time, after one run that does not count."""
    run_python(arguments, os.environ)
    seconds = [run_python(arguments, os.environ) for _ in range(settings.start_repeats)]
    return {"what": name, **spread(seconds)}


def timed_cold(arguments: tuple[str, ...], settings: Settings) -> Row:
    """A command's first time on a machine: each time with an empty folder for compiled code."""
    seconds = []
    for _ in range(settings.start_repeats):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(run_python(arguments, {**os.environ, "PAGED_SIM_CACHE_DIR": folder}))
            assert any(Path(folder).rglob("*.nbc")), "nothing was compiled"
    return {"what": "compare, first time", **spread(seconds)}


def run_python(arguments: tuple[str, ...], environment: dict[str, str] | os._Environ[str]) -> float:
    """Seconds that a Python command takes."""
    started = perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return perf_counter() - started
