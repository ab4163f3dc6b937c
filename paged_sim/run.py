"""A run: the saved capture of one simulation. Reports and checks read a run and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paged_sim.ledger import ACCOUNTS

SCHEMA_VERSION = 1

__all__ = ["ACCOUNTS", "SCHEMA_VERSION", "PolicyRun", "Run", "Timeline"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of equal length, one row per kept step of the first seed.

    `columns` holds "step", "time" (s), "duration" (s, or 1 a step), "batch" (sequences held), "waiting" (requests),
    "held" (slots) and one column of slots per account, all in order of steps.
    `memory_map[i, j]` is the share (0..255) of address bin j that is handed out at step `map_steps[i]`; empty arrays
    where no map was asked for.
    """

    columns: Mapping[str, npt.NDArray[np.float64]]
    memory_map: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    map_steps: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """One allocation policy's part of a run: `summary` is its entry in the JSON."""

    summary: Mapping[str, Any]
    timeline: Timeline


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one simulation measured: the resolved scenario (JSON-able, with origins) and one part per policy."""

    scenario: Mapping[str, Any]
    policies: tuple[PolicyRun, ...]

    def to_json(self) -> dict[str, Any]:
        """The run as the documented JSON object (version, scenario, runs)."""
        return {
            "version": SCHEMA_VERSION,
            "scenario": dict(self.scenario),
            "runs": [dict(part.summary) for part in self.policies],
        }
