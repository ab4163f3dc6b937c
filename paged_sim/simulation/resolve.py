"""What all simulations of one scenario share: the slots that its memory gives, and what is wanted of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from paged_sim.allocators import page_size_of
from paged_sim.arena.operations import MAX_SLOTS
from paged_sim.errors import PagedSimError
from paged_sim.geometry import Batch, Capacity, Geometry, resolve_capacity, resolve_model
from paged_sim.oplog.records import Record
from paged_sim.oplog.write import open_log
from paged_sim.scenario.models import Scenario


@dataclass(frozen=True, slots=True)
class OpsLog:
    """Where to write what the page pool of one policy does; `requests` adds the request to each operation."""

    policy: str
    path: Path
    requests: bool = False

    @contextmanager
    def open(self) -> Iterator[Callable[[Record], None]]:
        """The function that adds an operation; the file is there once the block has ended without an error."""
        with open_log(self.path, requests=self.requests) as log:
            yield log.add


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a run beside its summary, as `simulate` says."""

    maps: bool
    at_step: int | range | None
    timings: bool
    requests: bool
    ops_log: OpsLog | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A scenario, what its model and memory come to, and what is wanted of its run. It may travel to another process.

    `notes` are what the user should know of the memory.
    """

    scenario: Scenario
    geometry: Geometry
    slots: int
    notes: tuple[str, ...]
    wanted: Wanted


def resolve(scenario: Scenario, wanted: Wanted) -> Resolved:
    """Resolve a scenario's model and memory. Raises PagedSimError where an arena cannot have so many slots."""
    geometry = resolve_model(scenario.model)
    capacity = capacity_of(scenario, geometry)
    if capacity.slots > MAX_SLOTS:
        raise PagedSimError(
            f"memory: {capacity.slots:,} slots are more than an arena can have ({MAX_SLOTS:,}): give less memory"
        )
    return Resolved(scenario, geometry, capacity.slots, memory_notes(capacity), wanted)


def capacity_of(scenario: Scenario, geometry: Geometry) -> Capacity:
    """The room in one GPU's arena; activations are those of the batch that the scenario's file or flags name."""

    def said(key: str) -> int | None:
        value: int = getattr(scenario.scheduler, key)
        return None if scenario.origins.get(f"scheduler.{key}", "default") == "default" else value

    batch = Batch(said("max_num_seqs"), said("max_num_batched_tokens"), scenario.max_model_len)
    return resolve_capacity(scenario.memory, geometry, page_size=common_page_size(scenario), batch=batch)


def common_page_size(scenario: Scenario) -> int | None:
    """The page size that all paged allocators share, or None."""
    sizes = {page_size_of(spec) for spec in scenario.allocators} - {None}
    return sizes.pop() if len(sizes) == 1 else None


def memory_notes(capacity: Capacity) -> tuple[str, ...]:
    """What the user should know of the memory, as sentences: that it was estimated, what in a log does not agree."""
    low, _, high = (f"{bound / 2**30:,.2f}" for bound in astuple(capacity.kv_bytes))
    estimate = f"KV memory is an estimate, {low} to {high} GiB; `explain` shows its parts"
    return (*([estimate] if low != high else []), *capacity.notes)
