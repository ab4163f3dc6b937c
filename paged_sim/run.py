"""A run: the saved capture of one simulation. Reports and checks read a run and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paged_sim.errors import PagedSimError
from paged_sim.files import write_file
from paged_sim.packed import DamagedError, packed, unpacked
from paged_sim.result import Document, Entry, ResolvedScenario
from paged_sim.result.accounts import ACCOUNTS
from paged_sim.saved import SCHEMA_VERSION, read_saved

__all__ = ["ACCOUNTS", "SCHEMA_VERSION", "PolicyRun", "Run", "Timeline"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of equal length, one row per kept step of the first seed, and per long idle time between steps.

    `columns` holds "step", "time" (s), "duration" (s, or 1 a step), "batch" (sequences held), "waiting" (requests),
    "held" (slots) and one column of slots per account, all in order of steps.
    `memory_map[i, j, k]` are the slots of account `map_accounts[k]` in the j-th of up to 256 equal stretches of
    addresses (the sum over k is its size), read as the ledger's row of the same step `map_steps[i]` is: after
    admissions and writes, before anything is freed. That step begins at `map_times[i]`; `map_times` has one entry more,
    the end of the run. Long idle time has a row of its own, with the step that follows it. Accounts without a slot in
    any row are left out. Where no map was asked for all are empty.
    """

    columns: Mapping[str, npt.NDArray[np.float64]]
    memory_map: npt.NDArray[np.uint16 | np.uint32] = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint16))
    map_steps: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    map_times: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    map_accounts: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What there is of it, by field, with arrays as `packed` writes them."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: packed(value) for name, value in parts.items() if len(value)}

    @classmethod
    def from_json(cls, document: Any) -> Timeline:
        """The timeline that `to_json` gave; fields that are not known here are left out. Raises DamagedError."""
        parts = unpacked(document)
        if not isinstance(parts, dict):
            raise DamagedError("it is no object")
        made = cls(**{"columns": {}, **{part.name: parts[part.name] for part in fields(cls) if part.name in parts}})
        made.refuse_damaged()
        return made

    def refuse_damaged(self) -> None:
        """Raise DamagedError for what `to_json` cannot have written, with the path of it."""
        if not isinstance(self.columns, Mapping):
            raise DamagedError("columns is no object")
        if missing := [name for name in _DRAWN if self.columns and name not in self.columns]:
            raise DamagedError(f"columns.{missing[0]} is missing")
        for name, column in self.columns.items():
            _refuse_numbers(f"columns.{name}", column)
        if len({column.shape for column in self.columns.values()}) > 1:
            raise DamagedError("its columns differ in length")
        _refuse_numbers("map_steps", self.map_steps)
        _refuse_numbers("map_times", self.map_times, ascending=True)
        _refuse_numbers("memory_map", self.memory_map, axes=3)
        if not isinstance(self.map_accounts, tuple) or not set(self.map_accounts) <= set(ACCOUNTS):
            raise DamagedError("map_accounts holds what is no account")
        rows, accounts = len(self.map_steps), len(self.map_accounts)
        if self.memory_map.shape[::2] != (rows, accounts) or len(self.map_times) != rows + (rows > 0):
            raise DamagedError("its memory map and the steps, times or accounts of it differ in length")
        if not self.memory_map.sum(axis=2).all():
            raise DamagedError("memory_map has addresses of no account")


_DRAWN = ("step", "time", "duration", "batch", "waiting", "token_state")
"""The columns that figures are made of."""


def _refuse_numbers(path: str, array: Any, *, axes: int = 1, ascending: bool = False) -> None:
    """Raise DamagedError for what is no array of numbers from 0 on with so many axes."""
    if not isinstance(array, np.ndarray) or array.ndim != axes or array.dtype.kind not in "fiu":
        raise DamagedError(f"{path} holds no numbers")
    if not np.all(np.isfinite(array) & (array >= 0)):
        raise DamagedError(f"{path} holds what is no number from 0 on")
    if ascending and np.any(np.diff(array) < 0):
        raise DamagedError(f"{path} goes back in time")


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """One allocation policy's part of a run: `summary` is its entry in the JSON.

    `requests` holds what became of each request of every seed, as columns of equal length: "seed", "request" (its
    number), "arrival", "admitted" (for the first time), "first_token", "finished" and "waited" in seconds, without a
    clock in steps (NaN where it never came so far), "preemptions", "prompt_tokens", "output_tokens",
    "recomputed_tokens", "found_tokens", and "refused", the reason or "". Empty where it was not asked for.
    """

    summary: Entry
    timeline: Timeline
    requests: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one simulation measured: the resolved scenario (JSON-able, with origins) and one part per policy."""

    scenario: ResolvedScenario
    policies: tuple[PolicyRun, ...]

    def to_json(self, *, timelines: bool = False) -> Document:
        """The run as the documented JSON object (version, scenario, runs), on request with its `timelines`."""
        document: Document = {
            "version": SCHEMA_VERSION,
            "scenario": self.scenario.copy(),
            "runs": [part.summary.copy() for part in self.policies],
        }
        return self.with_timelines(document) if timelines else document

    def with_timelines(self, document: Document) -> Document:
        """This run's JSON with its timelines and memory maps, if it has any, by policy under the last key."""
        kept = {part.summary["name"]: part.timeline.to_json() for part in self.policies if part.timeline.columns}
        return {**document, "timelines": kept} if kept else document

    def __getitem__(self, name: str) -> Entry:
        """The entry of the policy `name` in the JSON, as in `run["vllm"]["batch"]["mean"]`. Raises KeyError."""
        __tracebackhide__ = True  # pytest then shows the line of the test that has the wrong name
        for part in self.policies:
            if part.summary["name"] == name:
                return part.summary
        raise KeyError(f"{name!r}; the run has {', '.join(part.summary['name'] for part in self.policies)}")

    def save(self, path: str | Path) -> None:
        """Write the run's JSON to a file, whole or not at all, with its timelines and the memory maps it has."""
        text = json.dumps(self.to_json(timelines=True), indent=2, ensure_ascii=False)
        write_file(Path(path), f"{text}\n".encode())

    @classmethod
    def from_json(cls, document: Document) -> Run:
        """The run that this JSON object describes, with the timelines that are in it. Raises PagedSimError."""
        timelines = document.get("timelines", {})
        parts = []
        for entry in document["runs"]:
            try:
                timeline = Timeline.from_json(timelines[entry["name"]]) if entry["name"] in timelines else Timeline({})
            except DamagedError as error:
                raise PagedSimError(f"the timeline of {entry['name']} is damaged: {error}; save the run anew") from None
            parts.append(PolicyRun(entry, timeline))
        return cls(document["scenario"], tuple(parts))

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """The run in a file of one. Raises PagedSimError for anything else."""
        runs = load_runs(path)
        if len(runs) > 1:
            raise PagedSimError(f"{path}: holds {len(runs)} runs; load a file of one")
        return runs[0]


def load_runs(path: str | Path) -> list[Run]:
    """The runs in a file, one or more. Raises PagedSimError for anything else."""
    documents = read_saved(path)
    try:
        return [Run.from_json(document) for document in documents]
    except PagedSimError as error:
        raise PagedSimError(f"{path}: {error}") from None
