"""The requests of each seed of a scenario."""

from __future__ import annotations

import numpy as np

from paged_sim.allocators import family_of
from paged_sim.scenario import clock_needed
from paged_sim.scenario.models import Scenario
from paged_sim.workloads import Drawn, make_requests


def draw_all(scenario: Scenario) -> dict[int, Drawn]:
    """The requests of every seed that a scenario is simulated with."""
    return {seed: draw(scenario, seed) for seed in range(scenario.seed, scenario.seed + scenario.repeats)}


def draw(scenario: Scenario, seed: int) -> Drawn:
    """The requests of one seed. Raises PagedSimError if they come over time and the clock counts steps."""
    shared = any(family_of(spec).caches for spec in scenario.allocators)
    drawn = make_requests(scenario.workload, scenario.max_model_len, np.random.default_rng(seed), shared=shared)
    if drawn.timed and scenario.clock.kind == "step":
        raise clock_needed(str(scenario.source or scenario.name), "workload", "requests arrive")
    return drawn
