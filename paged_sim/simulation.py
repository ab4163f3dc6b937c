"""From a scenario to a run: every allocator over every seed's requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from paged_sim import allocators
from paged_sim.allocators import FAMILIES
from paged_sim.arena import ArenaStats, open_arena
from paged_sim.arena.operations import MAX_SLOTS
from paged_sim.compiled import worth_compiling
from paged_sim.engine import machine as m
from paged_sim.engine import measures, warm
from paged_sim.engine.drive import Progress, drive
from paged_sim.engine.felt import RequestColumns, felt_by_requests, requests_of
from paged_sim.engine.handover import usable_cores
from paged_sim.engine.machine import Machine
from paged_sim.engine.memory_map import MemoryMap
from paged_sim.engine.refusals import refusals_of
from paged_sim.engine.setup import build_allocator, build_machine, num_seats
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.geometry import Batch, Capacity, Geometry, booking_notes, resolve_capacity, resolve_model
from paged_sim.ledger import ACCOUNTS, SERIES
from paged_sim.merge import merge
from paged_sim.oplog.records import Record
from paged_sim.oplog.write import open_log
from paged_sim.processes import in_processes
from paged_sim.requests import Requests
from paged_sim.run import PolicyRun, Run, Timeline
from paged_sim.scenario import clock_needed, resolved
from paged_sim.scenario.models import AllocatorSpec, Scenario
from paged_sim.workloads import Drawn, make_requests

COMPILE_FROM = 100_000
"""Token-steps of one simulation from which compiling is worthwhile; below, plain Python takes less than a second."""


def simulate(
    scenario: Scenario,
    *,
    progress: Progress | None = None,
    maps: bool = False,
    at_step: int | range | None = None,
    timings: bool = False,
    requests: bool = False,
    ops_log: OpsLog | None = None,
) -> Run:
    """Run every allocator of a scenario over the requests of each of its seeds.

    `maps` also keeps the memory map of the first seed, `at_step` the ledger's row at that step (of the first seed);
    `requests` what became of each request; `ops_log` writes what the pool of one policy does (in the first seed);
    `timings` fills in wall times, without which a run is the same, byte for byte, however it was computed.

    Raises PagedSimError for what a user can mend: a workload that cannot be read, a GPU that is not there (exit code
    1), requests none of which could be served (exit code 1).
    """
    simulations, drawn = prepare(scenario, progress, maps, at_step, timings, requests, ops_log)
    beside = usable_cores() > 1
    outcomes = (
        simulations.run_seed(spec, seed, drawn[seed].requests, progress, beside=beside)
        for spec, seed in simulations.tasks()
    )
    return simulations.run_of(drawn, outcomes)


def simulate_in_processes(
    scenarios: Sequence[Scenario],
    jobs: int,
    *,
    progress: Progress | None = None,
    maps: bool = False,
    at_step: int | range | None = None,
    timings: bool = False,
    requests: bool = False,
    ops_log: OpsLog | None = None,
) -> list[Run]:
    """`simulate` each of some scenarios, every policy and seed of theirs in one of up to `jobs` processes.

    The runs are the same, byte for byte, whatever the number of jobs. Each process draws the requests it simulates
    again, and holds an arena of its own.
    """
    prepared = [prepare(scenario, progress, maps, at_step, timings, requests, ops_log) for scenario in scenarios]
    tasks = [(simulations, *task) for simulations, _ in prepared for task in simulations.tasks()]
    sizes = [len(drawn[seed].requests) for simulations, drawn in prepared for _, seed in simulations.tasks()]

    def report(ended: list[int]) -> None:
        if progress is not None:
            progress.update(f"{len(tasks)} simulations", sum(sizes[index] for index in ended), sum(sizes))

    with closing(in_processes(Simulations.draw_and_run, tasks, jobs, report)) as outcomes:
        return [simulations.run_of(drawn, outcomes) for simulations, drawn in prepared]


def prepare(
    scenario: Scenario,
    progress: Progress | None,
    maps: bool,
    at_step: int | range | None,
    timings: bool,
    requests: bool,
    ops_log: OpsLog | None,
) -> tuple[Simulations, dict[int, Drawn]]:
    """Resolve a scenario, draw the requests of each of its seeds and have the step loop compiled where that pays."""
    geometry = resolve_model(scenario.model)
    capacity = capacity_of(scenario, geometry)
    if capacity.slots > MAX_SLOTS:
        raise PagedSimError(
            f"memory: {capacity.slots:,} slots are more than an arena can have ({MAX_SLOTS:,}): give less memory"
        )
    drawn = {seed: draw(scenario, seed) for seed in seeds_of(scenario)}
    compile_ahead(scenario, drawn.values(), progress)
    shared = (maps, at_step, timings, ops_log, requests, memory_notes(capacity))
    return Simulations(scenario, geometry, capacity.slots, *shared), drawn


def capacity_of(scenario: Scenario, geometry: Geometry) -> Capacity:
    """The room in one GPU's arena; activations are those of the batch that the scenario's file or flags name."""

    def said(key: str) -> int | None:
        value: int = getattr(scenario.scheduler, key)
        return None if scenario.origins.get(f"scheduler.{key}", "default") == "default" else value

    batch = Batch(said("max_num_seqs"), said("max_num_batched_tokens"), scenario.max_model_len)
    return resolve_capacity(scenario.memory, geometry, page_size=common_page_size(scenario), batch=batch)


def memory_notes(capacity: Capacity) -> tuple[str, ...]:
    """What the user should know of the memory, as sentences: that it was estimated, what in a log does not agree."""
    low, _, high = (f"{bound / 2**30:,.2f}" for bound in astuple(capacity.kv_bytes))
    estimate = f"KV memory is an estimate, {low} to {high} GiB; `explain` shows its parts"
    return (*([estimate] if low != high else []), *capacity.notes)


def common_page_size(scenario: Scenario) -> int | None:
    """The page size that all paged allocators share, or None."""
    sizes = {spec.page_size for spec in scenario.allocators if spec.policy == "paged"}
    return sizes.pop() if len(sizes) == 1 else None


def seeds_of(scenario: Scenario) -> range:
    """The seeds that a scenario is simulated with."""
    return range(scenario.seed, scenario.seed + scenario.repeats)


def draw(scenario: Scenario, seed: int) -> Drawn:
    """The requests of one seed. Raises PagedSimError if they come over time and the clock counts steps."""
    shared = any(spec.prefix_cache != "none" for spec in scenario.allocators)
    drawn = make_requests(scenario.workload, scenario.max_model_len, np.random.default_rng(seed), shared=shared)
    if drawn.timed and scenario.clock.kind == "step":
        raise clock_needed(str(scenario.source or scenario.name), "workload", "requests arrive")
    return drawn


def notes_on(drawn: Drawn, spec: AllocatorSpec) -> list[str]:
    """What a reader of the numbers must know of the requests, as an allocator serves them."""
    notes = list(drawn.notes)
    if spec.prefix_cache != "none" and drawn.requests.samples.max(initial=1) > 1:
        notes.append("with a prefix cache each sample is a request of its own, and is counted and timed as one")
    return notes


def should_compile(requests: Requests) -> bool:
    """Whether a simulation of these requests is worth compiling; `PAGED_SIM_COMPILE=always|never` overrules."""
    # A prompt is written page by page, so its tokens take a fraction of the work of generated ones.
    return worth_compiling(int(requests.output_tokens.sum()) + int(requests.prompt_tokens.sum()) // 16, COMPILE_FROM)


def compile_ahead(scenario: Scenario, drawn: Collection[Drawn], progress: Progress | None) -> None:
    """Compile what these simulations need and this machine has not compiled yet; say so, since it takes a while."""
    families = {
        warm.family_of(spec, one.requests)
        for spec in scenario.allocators
        for one in drawn
        if should_compile(one.requests)
    }
    if families and scenario.arena.payload != "none":
        families.add(warm.ARENA)
    if not warm.missing(families):
        return
    if progress is not None:
        progress.announce("compiling the step loop for this machine, once (about twenty seconds)")
    warm.ensure(families)


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
class Outcome:
    """One policy over one seed's requests: the machine at its end, what the arena did and holds, the map if kept.

    `felt` is the part of the summary about the requests, `requests` their columns where they were asked for.
    """

    machine: Machine
    felt: dict[str, Any]
    requests: RequestColumns | None
    stats: ArenaStats
    digest: str
    memory_map: MemoryMap | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Simulations:
    """What all simulations of one scenario share. It may travel to another process."""

    scenario: Scenario
    geometry: Geometry
    slots: int
    maps: bool
    at_step: int | range | None
    timings: bool
    ops_log: OpsLog | None = None
    requests: bool = False
    notes: tuple[str, ...] = ()

    def tasks(self) -> list[tuple[AllocatorSpec, int]]:
        """Every policy with every seed, in the order in which `run_of` wants the outcomes."""
        return [(spec, seed) for spec in self.scenario.allocators for seed in seeds_of(self.scenario)]

    def run_of(self, drawn: dict[int, Drawn], outcomes: Iterator[Outcome]) -> Run:
        """The run that as many of the outcomes make as it has policies and seeds."""
        parts = tuple(
            self.part_of(spec, drawn, list(islice(outcomes, len(drawn)))) for spec in self.scenario.allocators
        )
        refuse_empty(parts)
        return Run(scenario=resolved(self.scenario), policies=parts)

    def part_of(self, spec: AllocatorSpec, drawn: dict[int, Drawn], outcomes: list[Outcome]) -> PolicyRun:
        """One allocator over all seeds."""
        over = "saturated" if all(measures.has_waiters(outcome.machine) for outcome in outcomes) else "all"
        page_size = spec.page_size if spec.policy == "paged" else None
        summaries = [
            {
                **measures.summary_of(outcome.machine, over, self.slots, page_size, self.geometry.bytes_per_slot),
                **outcome.felt,
                "refusals": refusals_of(outcome.machine),
                "arena": arena_part(outcome.machine, outcome.stats, outcome.digest),
            }
            for outcome in outcomes
        ]
        first = outcomes[0].machine
        summary = {
            "name": spec.name,
            "policy": policy_part(spec),
            "seeds": list(drawn),
            "capacity": self.capacity_part(page_size),
            **merge(summaries),
            "notes": [*self.notes, *notes_on(drawn[self.scenario.seed], spec)],
            "timings": {"wall_seconds": sum(outcome.seconds for outcome in outcomes)} if self.timings else None,
        }
        if notes := booking_notes(self.geometry, self.scenario.max_model_len):
            summary["booking"] = list(notes)
        if self.at_step is not None:
            summary |= watched_part(first, self.at_step)
        columns = [outcome.requests for outcome in outcomes if outcome.requests is not None]
        return PolicyRun(
            summary=summary,
            timeline=timeline_of(first, outcomes[0].memory_map),
            requests=joined(columns, list(drawn)) if columns else {},
        )

    def draw_and_run(self, spec: AllocatorSpec, seed: int) -> Outcome:
        """One allocator over one seed's requests, which are drawn for it; the other cores have work of their own."""
        return self.run_seed(spec, seed, draw(self.scenario, seed).requests, beside=False)

    def run_seed(
        self,
        spec: AllocatorSpec,
        seed: int,
        requests: Requests,
        progress: Progress | None = None,
        *,
        beside: bool,
    ) -> Outcome:
        """One allocator over one seed's requests; with `beside` the arena may work on a core of its own."""
        started = perf_counter()
        scenario, slots = self.scenario, self.slots
        if spec.prefix_cache != "none":
            requests = requests.spread_samples()
        seats = num_seats(scenario, slots, requests)
        state = build_allocator(spec, slots, requests, scenario.max_model_len, seats)
        logged = self.ops_log if self.ops_log and self.ops_log.policy == spec.name and seed == scenario.seed else None
        machine = build_machine(scenario, spec, state, requests, slots, log=logged is not None)
        if self.at_step is not None:
            machine = watching(machine, self.at_step)
        memory_map = MemoryMap() if self.maps and seed == scenario.seed else None
        compiled = should_compile(requests)
        with (
            open_arena(scenario.arena, slots, self.geometry.bytes_per_slot, compiled=compiled) as arena,
            logged.open() if logged else nullcontext() as log,
        ):
            going = drive(machine, state, arena, compiled=compiled, beside=beside, memory_map=memory_map, log=log)
            for ended in going:
                if progress is not None:
                    progress.update(spec.name, ended, len(requests))
            check_emptied(spec, state)
            stats, digest = arena.stats(), arena.digest()
        columns = requests_of(machine, requests.source) if self.requests else None
        felt = felt_by_requests(machine)
        return Outcome(at_its_end(machine), felt, columns, stats, digest, memory_map, perf_counter() - started)

    def capacity_part(self, page_size: int | None) -> dict[str, Any]:
        """The arena's size, for the JSON."""
        return {
            "slots": self.slots,
            "bytes": self.slots * self.geometry.bytes_per_slot,
            "bytes_per_slot": self.geometry.bytes_per_slot,
            "page_size": page_size,
            "pages": self.slots // page_size if page_size else None,
        }


def joined(columns: Sequence[RequestColumns], seeds: Sequence[int]) -> RequestColumns:
    """The requests of several seeds below each other, each with its seed."""
    counts = [len(of_seed["request"]) for of_seed in columns]
    return {
        "seed": np.repeat(np.array(seeds, np.int64), counts),
        **{name: np.concatenate([of_seed[name] for of_seed in columns]) for name in columns[0]},
    }


def watching(machine: Machine, at_step: int | range) -> Machine:
    """The machine at step 0, told which steps' rows to keep whatever becomes of the timeline."""
    steps = at_step if isinstance(at_step, range) else range(at_step, at_step + 1)
    machine.counts[m.WATCH] = steps.start
    return machine._replace(watched=np.full((len(steps), machine.timeline.shape[1]), np.nan))


def watched_part(machine: Machine, at_step: int | range) -> dict[str, Any]:
    """The kept rows, for the JSON: one under `at_step`, null where the run was shorter; those of a range in a list."""
    rows = [measures.timeline_row(row) for row in machine.watched if not np.isnan(row[0])]
    if isinstance(at_step, range):
        return {"at_steps": rows}
    return {"at_step": rows[0] if rows else None}


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


def check_emptied(spec: AllocatorSpec, state: allocators.State) -> None:
    """After everything was freed an allocator must be as new: a leak or a lost merge is a broken policy."""
    if not FAMILIES[type(state)].is_new(state):
        free, usable = allocators.free_slots(state), allocators.capacity(state)
        raise AssertionError(f"{spec.name} is not as new after everything was freed: {free} of {usable} slots are free")


def policy_part(spec: AllocatorSpec) -> dict[str, Any]:
    """The policy and the settings that it uses, for the JSON."""
    if spec.policy == "paged":
        part: dict[str, Any] = {"policy": spec.policy, "page_size": spec.page_size, "null_page": spec.null_page}
        cache = {"prefix_cache": spec.prefix_cache, "eviction": spec.eviction}
        return part | cache if spec.prefix_cache != "none" else part
    part = {"policy": spec.policy, "reserve": spec.reserve, "placement": spec.placement}
    return {**part, "chunk": spec.chunk} if spec.reserve == "grow" else part


def arena_part(machine: Machine, stats: ArenaStats, digest: str) -> dict[str, Any]:
    """What the arena did and holds, for the JSON."""
    corrupt = stats.first_corrupt
    return {
        "device": stats.device,
        "payload": stats.payload,
        "bytes": stats.bytes,
        "tokens_written": stats.tokens_written,
        "tokens_checked": stats.tokens_checked,
        "tokens_copied": stats.tokens_copied,
        "tokens_discarded": int(machine.counts[m.DISCARDED]),
        "corrupt": stats.corrupt,
        "first_corrupt": dict(zip(("slot", "generation", "position"), corrupt, strict=True)) if corrupt else None,
        "touched_bytes": stats.touched_bytes,
        "resident_bytes": stats.resident_bytes,
        "hash": digest,
    }


def timeline_of(machine: Machine, memory_map: MemoryMap | None) -> Timeline:
    """The kept rows of a simulation as columns."""
    rows = machine.timeline[: machine.counts[m.NUM_ROWS]]
    names = ("step", "time", "duration", *SERIES)
    columns = {name: rows[:, index].copy() for index, name in enumerate(names)}
    if memory_map is None or not memory_map.rows:
        return Timeline(columns)
    slots = np.stack([row.slots for row in memory_map.rows])
    occurring = np.flatnonzero(slots.any(axis=(0, 1)))
    narrow = np.uint16 if slots[0].sum(axis=1).max() < 1 << 16 else np.uint32
    return Timeline(
        columns,
        slots[:, :, occurring].astype(narrow),
        np.array([row.step for row in memory_map.rows], np.int64),
        np.array([*(row.time for row in memory_map.rows), memory_map.end]),
        tuple(ACCOUNTS[account] for account in occurring),
    )


def refuse_empty(parts: tuple[PolicyRun, ...]) -> None:
    """Raise PagedSimError (exit code 1) if no policy served a single request."""
    if any(part.summary["requests"]["finished"] for part in parts):
        return
    refusal = parts[0].summary["refusals"][0]
    raise PagedSimError(
        f"no request could be served: {refusal['count']} were refused by {parts[0].summary['name']}, "
        f"the first (number {refusal['first']}) because {refusal['reason']}; give more memory or shorter requests",
        exit_code=EXIT_ERROR,
    )
