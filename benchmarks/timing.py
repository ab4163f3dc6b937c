"""Timings: repeated, each on fresh state, kept as a median with the least and the most."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

Row = dict[str, Any]
"""One line of a benchmark's results: names to numbers and texts."""

Key = TypeVar("Key")
Prepared = TypeVar("Prepared")


def seconds_of(prepare: Callable[[], Prepared], work: Callable[[Prepared], object]) -> float:
    """Seconds that `work` takes on what `prepare` made, which is not timed."""
    prepared = prepare()
    started = perf_counter()
    work(prepared)
    return perf_counter() - started


def spread(seconds: list[float], name: str = "seconds") -> Row:
    """The median of some timings as `name`, with `name_min` and `name_max`."""
    return {name: median(seconds), f"{name}_min": min(seconds), f"{name}_max": max(seconds)}


def median_ratio(seconds: list[float], others: list[float]) -> float:
    """How often the one takes as long as the other: the median over their turns, which were moments apart."""
    return median(one / other for one, other in zip(seconds, others, strict=True))


def repeat(measure: Callable[[], float], times: int) -> list[float]:
    """`measure`, `times` times over, after one that does not count: it meets cold caches."""
    measure()
    return [measure() for _ in range(times)]


def alternate(measures: dict[Key, Callable[[], float]], times: int) -> dict[Key, list[float]]:
    """Several measurements in turns, so that whatever else the machine does falls on all of them alike."""
    for measure in measures.values():
        measure()
    timings: dict[Key, list[float]] = {name: [] for name in measures}
    for _ in range(times):
        for name, measure in measures.items():
            timings[name].append(measure())
    return timings
