"""From a scenario to a run: draw the requests, build and drive every allocator over them, summarise."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from time import perf_counter

from paged_sim.engine.drive import Progress
from paged_sim.engine.handover import usable_cores
from paged_sim.processes import in_processes
from paged_sim.requests import Requests
from paged_sim.run import Run
from paged_sim.scenario.models import AllocatorSpec, Scenario
from paged_sim.simulation.build import build
from paged_sim.simulation.compilation import COMPILE_FROM, compile_ahead, should_compile
from paged_sim.simulation.draw import draw, draw_all
from paged_sim.simulation.drive import Outcome, check_emptied, drive
from paged_sim.simulation.resolve import OpsLog, Resolved, Wanted, capacity_of, resolve
from paged_sim.simulation.summarise import run_of, summarise
from paged_sim.workloads import Drawn

__all__ = [
    "COMPILE_FROM",
    "OpsLog",
    "capacity_of",
    "check_emptied",
    "compile_ahead",
    "draw",
    "should_compile",
    "simulate",
    "simulate_in_processes",
]


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
    resolved, drawn = prepare(scenario, Wanted(maps, at_step, timings, requests, ops_log), progress)
    beside = usable_cores() > 1
    parts = []
    for spec in scenario.allocators:
        outcomes = [run_seed(resolved, spec, seed, drawn[seed].requests, progress, beside=beside) for seed in drawn]
        parts.append(summarise(resolved, spec, drawn, outcomes))
    return run_of(resolved, parts)


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
    wanted = Wanted(maps, at_step, timings, requests, ops_log)
    prepared = [prepare(scenario, wanted, progress) for scenario in scenarios]
    tasks = [
        (resolved, spec, seed)
        for resolved, drawn in prepared
        for spec in resolved.scenario.allocators
        for seed in drawn
    ]
    sizes = [
        len(one.requests)
        for resolved, drawn in prepared
        for _ in resolved.scenario.allocators
        for one in drawn.values()
    ]

    def report(ended: list[int]) -> None:
        if progress is not None:
            progress.update(f"{len(tasks)} simulations", sum(sizes[index] for index in ended), sum(sizes))

    runs = []
    with closing(in_processes(draw_and_run_seed, tasks, jobs, report)) as outcomes:
        for resolved, drawn in prepared:
            parts = [
                summarise(resolved, spec, drawn, list(islice(outcomes, len(drawn))))
                for spec in resolved.scenario.allocators
            ]
            runs.append(run_of(resolved, parts))
    return runs


def prepare(scenario: Scenario, wanted: Wanted, progress: Progress | None) -> tuple[Resolved, dict[int, Drawn]]:
    """Resolve a scenario, draw the requests of each of its seeds and have the step loop compiled where that pays."""
    resolved, drawn = resolve(scenario, wanted), draw_all(scenario)
    compile_ahead(scenario, drawn.values(), progress)
    return resolved, drawn


def draw_and_run_seed(resolved: Resolved, spec: AllocatorSpec, seed: int) -> Outcome:
    """One allocator over one seed's requests, which are drawn for it; the other cores have work of their own."""
    return run_seed(resolved, spec, seed, draw(resolved.scenario, seed).requests, beside=False)


def run_seed(
    resolved: Resolved,
    spec: AllocatorSpec,
    seed: int,
    requests: Requests,
    progress: Progress | None = None,
    *,
    beside: bool,
) -> Outcome:
    """One allocator over one seed's requests; with `beside` the arena may work on a core of its own."""
    started = perf_counter()
    outcome = drive(resolved, build(resolved, spec, seed, requests), progress, beside=beside)
    return replace(outcome, seconds=perf_counter() - started)
