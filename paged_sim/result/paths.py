"""Numbers by their dotted paths, as in checks, `--columns` and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .entry import Entry, Steps


def value_at(tree: Mapping[str, Any] | None, path: str) -> Any:
    """What is at a path, None where any part is missing."""
    found: Any = tree
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def mean_share(entry: Entry, steps: Steps, account: str) -> float | None:
    """An account's mean share of the arena; None where there was no step, 0 in a file older than the account."""
    statistics = entry["ledger"][steps].get(account)
    return statistics["mean"] if statistics else 0.0


def leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """All values that are no objects by their paths, in the order of the tree; lists as they are."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        found |= leaves(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found
