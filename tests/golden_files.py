"""Recorded results of the built-in scenarios, in tests/golden: one file a scenario, one number a line.

    python tests/golden_files.py [NAME ...]

records them again, all or those named; then look at the difference before you commit it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from paged_sim.run import Run
from paged_sim.scenario import builtin_scenarios, load_scenario
from paged_sim.simulation import simulate

FOLDER = Path(__file__).parent / "golden"
DIGITS = 9

VOLATILE = ("arena.resident_bytes", "arena.device", "timings")
"""Numbers of an entry that depend on the machine."""

LARGE = frozenset({"beam-search", "chat-2rps", "page-sizes", "parallel-sampling", "placement-shootout", "vllm-fig2"})
"""Scenarios that take more than a few seconds unless they are compiled."""


def run_builtin(name: str, *overrides: str, compiled: bool | None = None, at_step: int | None = None) -> Run:
    """The run of a built-in scenario in the host's memory; compiled, if nothing is said, where it is large."""
    wish = name in LARGE if compiled is None else compiled
    with patch.dict(os.environ, PAGED_SIM_COMPILE="always" if wish else "never"):
        return simulate(load_scenario(name, overrides=overrides, device="cpu"), at_step=at_step)


def numbers_of(run: Run) -> dict[str, Any]:
    """What is recorded of a run: its numbers by path, as `checks` name them, to DIGITS digits; zeros are left out."""
    numbers: dict[str, Any] = {}
    for entry in run.to_json()["runs"]:
        numbers |= {f"{entry['name']}.{path}": value for path, value in _flat(entry) if path not in VOLATILE}
    return numbers


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Where two sets of numbers differ by more than rounding: path -> (found, expected)."""
    pairs = {path: (found.get(path, 0), expected.get(path, 0)) for path in {**expected, **found}}
    return {path: pair for path, pair in pairs.items() if not _alike(*pair)}


def recorded(name: str) -> dict[str, Any]:
    """What was recorded for a built-in scenario."""
    numbers: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return numbers


def record(name: str) -> None:
    """Record a built-in scenario's numbers as they are now."""
    lines = (f"{json.dumps(path)}: {json.dumps(value)}" for path, value in numbers_of(run_builtin(name)).items())
    (FOLDER / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a tree by path; one that holds nothing but nulls is one null."""
    for key, value in tree.items():
        path = f"{prefix}{key}"
        branch: Any = dict(enumerate(value)) if isinstance(value, list) else value
        if _is_empty(branch):
            yield path, None
        elif isinstance(branch, Mapping):
            yield from _flat(branch, f"{path}.")
        elif value != 0:
            yield path, float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _alike(first: Any, second: Any) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=1e-8)
    return bool(first == second)


def _is_empty(value: Any) -> bool:
    return all(map(_is_empty, value.values())) if isinstance(value, Mapping) else value is None


if __name__ == "__main__":
    for scenario in sys.argv[1:] or [builtin.name for builtin in builtin_scenarios()]:
        record(scenario)
