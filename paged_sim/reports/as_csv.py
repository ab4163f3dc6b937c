"""Runs as CSV: a row per policy, a column per number, named by its path in the JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.result import Document
from paged_sim.wording import suggestion

from .blocks import Screen
from .numbers import flatten


class UnknownColumnError(PagedSimError):
    """A column was asked for that no row has."""


def as_csv(documents: Sequence[Document], screen: Screen) -> str:
    """All runs in one table; a number that a policy does not have is empty."""
    rows = ({"scenario": one["scenario"]["name"], **flatten(run)} for one in documents for run in one["runs"])
    return to_csv(rows, screen.csv_columns)


def to_csv(rows: Iterable[Mapping[str, Any]], wanted: Sequence[str] = ()) -> str:
    """Rows with any keys as one CSV text, None as an empty cell.

    The columns are those `wanted`, by `chosen_columns`, or all in order of first appearance.
    """
    kept = list(rows)
    columns = list(dict.fromkeys(key for row in kept for key in row))
    text = io.StringIO()
    chosen = chosen_columns(columns, wanted) if wanted else columns
    writer = csv.DictWriter(text, chosen, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    return text.getvalue()


def chosen_columns(columns: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The columns that are wanted, each once, in the order in which they are.

    A wanted one is a name, the beginning of a path (`batch` is all of `batch.*`) or a pattern with `*`, `?` and `[…]`.
    Raises UnknownColumnError where one is none of these.
    """
    chosen: dict[str, None] = {}
    for pattern in wanted:
        found = [name for name in columns if _matches(name, pattern)]
        if not found:
            raise UnknownColumnError(f"no column {pattern}; {_nearest(pattern, columns)}")
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)


def _nearest(pattern: str, columns: Sequence[str]) -> str:
    return suggestion(pattern, columns, f"there are {', '.join(columns[:8])}, …", most=3)
