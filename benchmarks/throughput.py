"""Token-steps a second for each policy, with every token written and checked, and without any memory."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.settings import Settings
from benchmarks.timing import Row, alternate, repeat, seconds_of, spread
from benchmarks.workload import LOADS, POLICIES, PREFIX_CACHE, Load, counts_of, get_ready, run_through, scenario_of
from paged_sim.requests import Requests
from paged_sim.scenario.models import Scenario
from paged_sim.simulation import draw, simulate


def measure(settings: Settings) -> list[Row]:
    """One row for each policy and load."""
    rows = []
    for load in LOADS:
        requests = draw(scenario_of(load, settings.requests), 1).requests
        rows += [measure_policy(name, load, requests, settings) for name in POLICIES]
    return rows


def measure_policy(name: str, load: Load, requests: Requests, settings: Settings) -> Row:
    """One policy under one load: both payloads in turns, then all of `simulate`, drawing the requests included.

    A prefix cache takes turns with plain paging too.
    """
    tagged = scenario_of(load, settings.requests, POLICIES[name])
    bare = scenario_of(load, settings.requests, POLICIES[name], payload="none")
    loops = {"tag": loop_of(tagged, requests, settings), "none": loop_of(bare, requests, settings)}
    if name == PREFIX_CACHE:
        loops["plain"] = loop_of(scenario_of(load, settings.requests), requests, settings)
    seconds = alternate(loops, settings.repeats)
    whole = repeat(lambda: seconds_of(lambda: tagged, simulate), settings.repeats)
    ready = get_ready(tagged, requests, compiled=settings.compiled)
    run_through(ready)
    counts = counts_of(ready)
    row = {
        "policy": name,
        "load": load.name,
        "pages": load.pages,
        "requests": len(requests),
        **counts,
        "batch": counts["token_steps"] / counts["steps"],
        **spread(seconds["tag"], "tag_seconds"),
        **spread(seconds["none"], "none_seconds"),
        **spread(whole, "whole_seconds"),
    }
    row["tag_over_none"] = row["tag_seconds"] / row["none_seconds"]
    if name == PREFIX_CACHE:
        row |= spread(seconds["plain"], "plain_seconds")
        row["of_plain"] = row["plain_seconds"] / row["tag_seconds"]
    for part in ("tag", "none", "whole"):
        row[f"{part}_rate"] = counts["token_steps"] / row[f"{part}_seconds"]
    return row


def loop_of(scenario: Scenario, requests: Requests, settings: Settings) -> Callable[[], float]:
    """A measurement of one simulation's step loop and arena."""

    def measure_once() -> float:
        ready = get_ready(scenario, requests, compiled=settings.compiled)
        with ready.arena:
            return seconds_of(lambda: ready, run_through)

    return measure_once
