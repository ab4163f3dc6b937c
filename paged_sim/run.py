"""A run: the saved capture of one simulation. Reports and checks read a run and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paged_sim.errors import PagedSimError
from paged_sim.files import write_file
from paged_sim.ledger import ACCOUNTS
from paged_sim.saved import SCHEMA_VERSION, read_saved

__all__ = ["ACCOUNTS", "SCHEMA_VERSION", "PolicyRun", "Run", "Timeline"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of equal length, one row per kept step of the first seed.

    `columns` holds "step", "time" (s), "duration" (s, or 1 a step), "batch" (sequences held), "waiting" (requests),
    "held" (slots) and one column of slots per account, all in order of steps.
    `memory_map[i, j]` is the share (0..255) of address bin j that is handed out as step `map_steps[i]` begins; empty
    arrays where no map was asked for.
    """

    columns: Mapping[str, npt.NDArray[np.float64]]
    memory_map: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    map_steps: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """One allocation policy's part of a run: `summary` is its entry in the JSON.

    `requests` holds what became of each request of every seed, as columns of equal length: "seed", "request" (its
    number), "arrival", "admitted" (for the first time), "first_token", "finished" and "waited" in seconds, without a
    clock in steps (NaN where it never came so far), "preemptions", "prompt_tokens", "output_tokens",
    "recomputed_tokens", "found_tokens", and "refused", the reason or "". Empty where it was not asked for.
    """

    summary: Mapping[str, Any]
    timeline: Timeline
    requests: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


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

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        """The entry of the policy `name` in the JSON, as in `run["vllm"]["batch"]["mean"]`. Raises KeyError."""
        for part in self.policies:
            if part.summary["name"] == name:
                return part.summary
        raise KeyError(f"{name!r}; the run has {', '.join(part.summary['name'] for part in self.policies)}")

    def save(self, path: str | Path) -> None:
        """Write the run's JSON to a file, whole or not at all; the timelines are not part of it."""
        write_file(Path(path), (json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Run:
        """The run that this JSON object describes, without its timelines."""
        return cls(document["scenario"], tuple(PolicyRun(entry, Timeline({})) for entry in document["runs"]))

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """The run in a file of one, without its timelines. Raises PagedSimError for anything else."""
        documents = read_saved(path)
        if len(documents) > 1:
            raise PagedSimError(f"{path}: holds {len(documents)} runs; load a file of one")
        return cls.from_json(documents[0])
