"""What each policy of a scenario would take for a typical request, asked of the allocators themselves."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from paged_sim import allocators
from paged_sim.allocators.family import Example
from paged_sim.engine.setup import build_allocator
from paged_sim.reports.explanation import Demand
from paged_sim.requests import Requests
from paged_sim.simulation import draw

if TYPE_CHECKING:
    from paged_sim.scenario.models import AllocatorSpec, Scenario


def typical_demands(scenario: Scenario, slots: int) -> list[Demand]:
    """One row per policy for the request whose prompt, output and limit are the medians of the first seed's."""
    request = typical_request(draw(scenario, scenario.seed).requests)
    return [demand_of(spec, request, scenario.max_model_len, slots) for spec in scenario.allocators]


def typical_request(requests: Requests) -> Requests:
    """One request with the (lower) medians of the columns."""
    prompt, output, limit = (
        np.percentile(column, [50], method="lower").astype(np.int64)
        for column in (requests.prompt_tokens, requests.output_tokens, requests.max_tokens)
    )
    return Requests(
        arrival=np.zeros(1),
        prompt_tokens=prompt,
        output_tokens=output,
        max_tokens=np.maximum(limit, output),
        samples=np.ones(1, np.int64),
        prefix_offsets=np.zeros(2, np.int64),
        prefix_ids=np.zeros(0, np.int64),
    )


def demand_of(spec: AllocatorSpec, request: Requests, max_model_len: int, slots: int) -> Demand:
    """What `spec` takes for the only request of `request` in an arena of `slots`."""
    state = build_allocator(spec, slots, request, max_model_len, 1)
    prompt, output, stored = int(request.prompt_tokens[0]), int(request.output_tokens[0]), int(request.stored_tokens[0])
    limit = int(request.max_tokens[0])
    at_start = int(allocators.footprint(state, allocators.want(state, 0, prompt)))
    wanted = int(allocators.want(state, 0, stored))
    at_end = int(allocators.footprint(state, wanted))
    example = Example(prompt, output, limit, stored, max_model_len, wanted, at_end)
    return Demand(
        name=spec.name,
        prompt=prompt,
        output=output,
        max_tokens=limit,
        at_start=at_start,
        at_end=at_end,
        fit=how_many_fit(state, wanted, at_end),
        formula=allocators.family_of(spec).formula(spec, example),
    )


def how_many_fit(state: allocators.State, slots: int, takes: int) -> int:
    """How many sequences of `slots` slots, of which each takes `takes` at least, an empty arena has room for."""
    most = int(allocators.capacity(state)) // takes
    return bisect_left(range(most), True, key=lambda others: not allocators.fits_all(state, slots, slots, others))
