"""Runs as CSV: a row per policy, a column per number, named by its path in the JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .blocks import Screen
from .numbers import flatten


def as_csv(documents: Sequence[Mapping[str, Any]], screen: Screen) -> str:
    """All runs in one table; a number that a policy does not have is empty."""
    return to_csv(
        {"scenario": document["scenario"]["name"], **flatten(run)} for document in documents for run in document["runs"]
    )


def to_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows with any keys as one CSV text; columns in order of first appearance, None as an empty cell."""
    kept = list(rows)
    columns = list(dict.fromkeys(key for row in kept for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    return text.getvalue()
