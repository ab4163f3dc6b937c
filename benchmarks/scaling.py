"""How the time grows with requests, arena and queue: linear in the requests, and per token hardly at all."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.settings import Settings
from benchmarks.throughput import loop_of
from benchmarks.timing import Row, alternate, spread
from benchmarks.workload import (
    AMPLE,
    POLICIES,
    SHORT,
    Load,
    Ready,
    counts_of,
    get_ready,
    run_through,
    scenario_of,
)
from paged_sim import ledger as books
from paged_sim.engine.measures import statistics
from paged_sim.requests import Requests
from paged_sim.scenario.models import Scenario
from paged_sim.simulation import draw

NAMES = ("paged 16", "oracle, buddy", "oracle, best_fit")
QUEUE = AMPLE._replace(max_num_seqs=32)
ARRIVALS = ("{poisson: 4/s}", "{poisson: 5/s}", "saturated")
"""How requests come to 32 seats, which serve about 4.3 of them a second: hardly any waits, some do, nearly all do."""

Case = tuple[Scenario, Requests]


def measure(settings: Settings) -> list[Row]:
    """One row for each policy and size: more requests, larger arenas, longer queues."""
    rows = []
    for name in NAMES:
        for load in (AMPLE, SHORT):
            counts = (settings.requests, settings.requests * settings.factor)
            cases: dict[int | str, Case] = {count: _case(load, count, name) for count in counts}
            rows += measure_sizes(f"requests, memory {load.name}", name, cases, settings)
        larger: dict[int | str, Case] = {
            factor: _case(AMPLE._replace(pages=AMPLE.pages * factor), settings.requests, name)
            for factor in settings.arena_factors
        }
        rows += measure_sizes("arena", name, larger, settings)
        queues: dict[int | str, Case] = {
            arrival: _case(QUEUE._replace(arrival=arrival), settings.requests, name) for arrival in ARRIVALS
        }
        rows += measure_sizes("waiting requests", name, queues, settings)
    return rows


def measure_sizes(what: str, name: str, cases: Mapping[int | str, Case], settings: Settings) -> list[Row]:
    """The cases of one kind in turns; `growth` is the time per token-step over that of the first.

    A case that is no number is known by the requests that wait in it, in the mean.
    """
    seconds = alternate(
        {str(size): loop_of(scenario, requests, settings) for size, (scenario, requests) in cases.items()},
        settings.repeats,
    )
    rows: list[Row] = []
    for size, (scenario, requests) in cases.items():
        ready = get_ready(scenario, requests, compiled=settings.compiled)
        run_through(ready)
        counts = counts_of(ready)
        number = size if isinstance(size, int) else max(1, round(mean_waiting(ready)))
        row = {"what": what, "policy": name, "size": number, **counts, **spread(seconds[str(size)])}
        row["nanoseconds_per_token_step"] = row["seconds"] / counts["token_steps"] * 1e9
        first = rows[0] if rows else row
        row["growth"] = row["nanoseconds_per_token_step"] / first["nanoseconds_per_token_step"]
        rows.append(row)
    return rows


def mean_waiting(ready: Ready) -> float:
    """Requests that waited in a finished simulation, in the mean over its steps."""
    ledger = ready.machine.ledger
    books.settle_all(ledger)
    return statistics(ledger, "all", books.WAITING)["mean"] or 0.0


def _case(load: Load, requests: int, name: str) -> Case:
    scenario = scenario_of(load, requests, POLICIES[name])
    return scenario, draw(scenario, 1).requests
