"""Several seeds, one summary: means of shares, sums of counters, maxima of peaks, and the spread."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from paged_sim.result import leaves, value_at
from paged_sim.result.entry import OfSeed

MAXIMA = frozenset({"peak", "max", "allocated_peak", "touched_bytes", "resident_bytes"})
SHARED = frozenset({"over", "time.unit", "arena.device", "arena.payload", "arena.bytes", "arena.first_corrupt"})
"""Paths at which all seeds say the same, or the first one that says anything counts."""


def merge(summaries: Sequence[OfSeed]) -> dict[str, Any]:
    """The summaries of one policy under several seeds as one; `spread` is the standard deviation of each average.

    Whole numbers are counters and are summed, other numbers are averaged (None where a seed has none is left out), and
    what is called a peak is the largest. With one seed this is that seed's summary.
    """
    merged: dict[str, Any] = _merge_trees(summaries, "")
    averages = [path for path, value in leaves(merged).items() if isinstance(value, float) and _last(path) in _AVERAGED]
    merged["spread"] = {path: _spread([value_at(summary, path) for summary in summaries]) for path in averages}
    return merged


_AVERAGED = (
    "mean",
    "p50",
    "p90",
    "p99",
    "at_finish",
    "token_state",
    "reservation",
    "internal",
    "external_and_others",
    "share",
    "hit_rate",
    "end",
    "requests",
    "output_tokens",
    "recomputed_share",
    "time",
    "pages_saved_fraction",
)


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _merge_trees(trees: Sequence[Mapping[str, Any]], prefix: str) -> dict[str, Any]:
    return {key: _merge_values(f"{prefix}{key}", [tree[key] for tree in trees]) for key in trees[0]}


def _merge_values(path: str, values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    if len(values) == 1 or not known:
        return values[0]
    if path in SHARED:
        return known[0]
    if isinstance(known[0], Mapping):
        return _merge_trees(known, f"{path}.")
    if path == "refusals":
        return _merge_refusals(values)
    if path == "arena.hash":
        return hashlib.sha256("".join(values).encode()).hexdigest()
    if _last(path) in MAXIMA:
        return max(known)
    return sum(known) if isinstance(known[0], int) else fmean(known)


def _merge_refusals(values: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Refusals by reason over all seeds; the first request is that of the first seed that has one."""
    by_reason: dict[str, dict[str, Any]] = {}
    for rows in values:
        for row in rows:
            entry = by_reason.setdefault(row["reason"], {**row, "count": 0})
            entry["count"] += row["count"]
    return list(by_reason.values())


def _spread(values: Sequence[float | None]) -> float | None:
    """Sample standard deviation; None for fewer than two numbers."""
    numbers = [value for value in values if value is not None]
    return stdev(numbers) if len(numbers) > 1 else None
