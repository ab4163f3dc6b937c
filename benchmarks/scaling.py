"""How the time grows with requests, arena and queue: linear in the requests, and per token hardly at all."""

from __future__ import annotations

from benchmarks.settings import Settings
from benchmarks.throughput import loop_of
from benchmarks.timing import Row, alternate, spread
from benchmarks.workload import (
    AMPLE,
    POLICIES,
    SHORT,
    Load,
    counts_of,
    get_ready,
    run_through,
    scenario_of,
)
from paged_sim.requests import Requests
from paged_sim.scenario.models import Scenario
from paged_sim.simulation import draw

NAMES = ("paged 16", "oracle, buddy", "oracle, best_fit")
Case = tuple[Scenario, Requests]


def measure(settings: Settings) -> list[Row]:
    """One row for each policy and size: more requests, larger arenas, longer queues."""
    rows = []
    for name in NAMES:
        for load in (AMPLE, SHORT):
            counts = (settings.requests, settings.requests * settings.factor)
            cases = {count: _case(load, count, name) for count in counts}
            rows += measure_sizes(f"requests, memory {load.name}", name, cases, settings)
        larger = {
            factor: _case(AMPLE._replace(pages=AMPLE.pages * factor), settings.requests, name)
            for factor in settings.arena_factors
        }
        rows += measure_sizes("arena", name, larger, settings)
        saturated = SHORT._replace(arrival="saturated")
        rows += measure_sizes(
            "waiting", name, {count: _case(saturated, count, name) for count in settings.waiting}, settings
        )
    return rows


def measure_sizes(what: str, name: str, cases: dict[int, Case], settings: Settings) -> list[Row]:
    """The sizes of one kind in turns; `growth` is the time per token-step over that of the first size."""
    seconds = alternate(
        {str(size): loop_of(scenario, requests, settings) for size, (scenario, requests) in cases.items()},
        settings.repeats,
    )
    rows: list[Row] = []
    for size, (scenario, requests) in cases.items():
        ready = get_ready(scenario, requests, compiled=settings.compiled)
        run_through(ready)
        counts = counts_of(ready)
        row = {"what": what, "policy": name, "size": size, **counts, **spread(seconds[str(size)])}
        row["nanoseconds_per_token_step"] = row["seconds"] / counts["token_steps"] * 1e9
        first = rows[0] if rows else row
        row["growth"] = row["nanoseconds_per_token_step"] / first["nanoseconds_per_token_step"]
        rows.append(row)
    return rows


def _case(load: Load, requests: int, name: str) -> Case:
    scenario = scenario_of(load, requests, POLICIES[name])
    return scenario, draw(scenario, 1).requests
