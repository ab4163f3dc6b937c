"""Token-steps a second for each policy: every token written and checked, on one core or on two; without any memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benchmarks.settings import Settings
from benchmarks.timing import Row, alternate, median_ratio, seconds_of, spread
from benchmarks.workload import LOADS, POLICIES, PREFIX_CACHES, Load, counts_of, get_ready, run_through, scenario_of
from paged_sim.engine.handover import usable_cores
from paged_sim.requests import Requests
from paged_sim.scenario.models import Scenario
from paged_sim.simulation import draw, simulate


class Case(NamedTuple):
    """One policy under one load."""

    name: str
    load: Load
    requests: Requests

    def measures(self, settings: Settings) -> dict[str, Callable[[], float]]:
        """The step loop with both payloads on one core, with the arena beside it, and all of `simulate` (and drawing).

        A prefix cache is measured beside plain paging.
        """
        tagged = scenario_of(self.load, settings.requests, POLICIES[self.name])
        bare = scenario_of(self.load, settings.requests, POLICIES[self.name], payload="none")
        measures = {"none": loop_of(bare, self.requests, settings), "tag": loop_of(tagged, self.requests, settings)}
        if usable_cores() > 1:
            measures["beside"] = loop_of(tagged, self.requests, settings, beside=True)
        if self.name in PREFIX_CACHES:
            measures["plain"] = loop_of(scenario_of(self.load, settings.requests), self.requests, settings)
        return {**measures, "whole": lambda: seconds_of(lambda: tagged, simulate)}


def measure(settings: Settings) -> list[Row]:
    """One row for each policy and load.

    All take turns, so that a minute in which the machine is slow falls on all of them, and the median is of the others.
    """
    cases = []
    for load in LOADS:
        requests = draw(scenario_of(load, settings.requests), 1).requests
        cases += [Case(name, load, requests) for name in POLICIES]
    measures = {
        (index, part): measure for index, case in enumerate(cases) for part, measure in case.measures(settings).items()
    }
    seconds = alternate(measures, settings.repeats)
    return [
        row_of(case, {part: times for (of, part), times in seconds.items() if of == index}, settings)
        for index, case in enumerate(cases)
    ]


def row_of(case: Case, seconds: dict[str, list[float]], settings: Settings) -> Row:
    """What is said of a case whose parts took so long."""
    ready = get_ready(
        scenario_of(case.load, settings.requests, POLICIES[case.name]), case.requests, compiled=settings.compiled
    )
    run_through(ready)
    counts = counts_of(ready)
    row = {
        "policy": case.name,
        "load": case.load.name,
        "pages": case.load.pages,
        "requests": len(case.requests),
        **counts,
        "batch": counts["token_steps"] / counts["steps"],
    }
    for part, times in seconds.items():
        row |= spread(times, f"{part}_seconds")
        row[f"{part}_rate"] = counts["token_steps"] / row[f"{part}_seconds"]
    row["tag_over_none"] = median_ratio(seconds["tag"], seconds["none"])
    if "beside" in seconds:
        row["beside_over_none"] = median_ratio(seconds["beside"], seconds["none"])
    if "plain" in seconds:
        row["of_plain"] = median_ratio(seconds["plain"], seconds["tag"])
    return row


def loop_of(scenario: Scenario, requests: Requests, settings: Settings, *, beside: bool = False) -> Callable[[], float]:
    """A measurement of one simulation's step loop and arena."""

    def measure_once() -> float:
        ready = get_ready(scenario, requests, compiled=settings.compiled)
        with ready.arena:
            return seconds_of(lambda: ready, partial(run_through, beside=beside))

    return measure_once
