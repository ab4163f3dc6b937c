"""One simulation from its first step to its last, and what is left of it then."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from paged_sim import allocators
from paged_sim.arena import ArenaStats, open_arena
from paged_sim.engine import drive as engine
from paged_sim.engine.drive import Progress
from paged_sim.engine.felt import RequestColumns, felt_by_requests, requests_of
from paged_sim.engine.machine import Machine
from paged_sim.engine.memory_map import MemoryMap
from paged_sim.result.entry import Felt
from paged_sim.scenario.models import AllocatorSpec
from paged_sim.simulation.build import Simulation
from paged_sim.simulation.compilation import should_compile
from paged_sim.simulation.resolve import Resolved


@dataclass(frozen=True, slots=True)
class Outcome:
    """One policy over one seed's requests: the machine at its end, what the arena did and holds, the map if kept.

    `felt` is the part of the summary about the requests, `requests` their columns where they were asked for.
    """

    machine: Machine
    felt: Felt
    requests: RequestColumns | None
    stats: ArenaStats
    digest: str
    memory_map: MemoryMap | None
    seconds: float = 0.0


def drive(
    resolved: Resolved, simulation: Simulation, progress: Progress | None = None, *, beside: bool = False
) -> Outcome:
    """Run a simulation to its end; with `beside` the arena may work on a core of its own."""
    spec, requests, machine, memory_map, ops_log = simulation
    compiled = should_compile(requests)
    with (
        open_arena(
            resolved.scenario.arena, resolved.slots, resolved.geometry.bytes_per_slot, compiled=compiled
        ) as arena,
        ops_log.open() if ops_log else nullcontext() as log,
    ):
        going = engine.drive(machine, arena, compiled=compiled, beside=beside, memory_map=memory_map, log=log)
        for ended in going:
            if progress is not None:
                progress.update(spec.name, ended, len(requests))
        check_emptied(spec, machine.allocator)
        stats, digest = arena.stats(), arena.digest()
    columns = requests_of(machine, requests.source) if resolved.wanted.requests else None
    return Outcome(at_its_end(machine), felt_by_requests(machine), columns, stats, digest, memory_map)


def check_emptied(spec: AllocatorSpec, state: allocators.State) -> None:
    """After everything was freed an allocator must be as new: a leak or a lost merge is a broken policy."""
    if not allocators.is_new(state):
        free, usable = allocators.free_slots(state), allocators.capacity(state)
        raise AssertionError(f"{spec.name} is not as new after everything was freed: {free} of {usable} slots are free")


def at_its_end(machine: Machine) -> Machine:
    """A machine without what only its steps needed: what is left is small enough to travel."""
    return machine._replace(**{name: emptied(value) for name, value in machine._asdict().items() if name not in _KEPT})


def emptied(value: Any) -> Any:
    """An array without its elements; of a named tuple of arrays, all of them."""
    if isinstance(value, tuple):
        return type(value)(*map(emptied, value))
    return value[:0].copy()


_KEPT = frozenset(
    {"outcome", "counts", "times", "tallies", "durations", "queue_length", "timeline", "watched", "ledger"}
)
