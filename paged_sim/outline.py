"""What a run's results will be called, before it: from a simulation of the scenario with one request of one token."""

from __future__ import annotations

from dataclasses import replace

from paged_sim.errors import PagedSimError
from paged_sim.result import Document
from paged_sim.scenario.models import Scenario, Variant
from paged_sim.simulation import simulate

_ONE = Variant("constant", {"value": 1})
_ROOMY = 4
"""So many times the largest reservation or page is room for it, whatever the placement rounds up and leaves out."""


def outline(scenario: Scenario, at_step: int | range | None = None) -> Document | None:
    """The JSON of a run that has the keys of this scenario's, in milliseconds; None if one request cannot be served.

    Its numbers mean nothing, and some are empty that the scenario's run fills.
    """
    workload = replace(
        scenario.workload,
        count=1,
        prompt=_ONE,
        output=_ONE,
        max_tokens=Variant("output"),
        arrival=Variant("saturated") if scenario.workload.trace else scenario.workload.arrival,
        listed=(),
        samples=1,
        beam=None,
        prefix=None,
        trace=None,
    )
    largest = max([scenario.max_model_len, *(spec.page_size for spec in scenario.allocators)])
    memory = Variant("slots", {"slots": _ROOMY * largest})
    arena = replace(scenario.arena, device="cpu", payload="none")
    measure = replace(scenario.measure, warmup_requests=0)
    small = replace(scenario, memory=memory, workload=workload, arena=arena, measure=measure, repeats=1)
    try:
        return simulate(small, at_step=at_step).to_json()
    except PagedSimError:
        return None
