"""From the requests of one seed to a simulation that is ready to start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim.allocators import family_of
from paged_sim.engine import machine as m
from paged_sim.engine.machine import Machine
from paged_sim.engine.memory_map import MemoryMap
from paged_sim.engine.setup import build_allocator, build_machine, num_seats
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec
from paged_sim.simulation.resolve import OpsLog, Resolved


class Simulation(NamedTuple):
    """One allocator and one seed's requests, at step 0: with the map and the log where they are wanted of it."""

    spec: AllocatorSpec
    requests: Requests
    machine: Machine
    memory_map: MemoryMap | None
    ops_log: OpsLog | None


def build(resolved: Resolved, spec: AllocatorSpec, seed: int, requests: Requests) -> Simulation:
    """The simulation of one allocator over one seed's requests; maps and logs are kept of the first seed only."""
    scenario, slots, wanted = resolved.scenario, resolved.slots, resolved.wanted
    if family_of(spec).caches:
        requests = requests.spread_samples()
    seats = num_seats(scenario, slots, requests)
    state = build_allocator(spec, slots, requests, scenario.max_model_len, seats)
    is_first = seed == scenario.seed
    ops_log = wanted.ops_log if wanted.ops_log and wanted.ops_log.policy == spec.name and is_first else None
    machine = build_machine(scenario, spec, state, requests, slots, log=ops_log is not None)
    if wanted.at_step is not None:
        machine = watching(machine, wanted.at_step)
    return Simulation(spec, requests, machine, MemoryMap() if wanted.maps and is_first else None, ops_log)


def watching(machine: Machine, at_step: int | range) -> Machine:
    """The machine at step 0, told which steps' rows to keep whatever becomes of the timeline."""
    steps = at_step if isinstance(at_step, range) else range(at_step, at_step + 1)
    machine.counts[m.WATCH] = steps.start
    return machine._replace(watched=np.full((len(steps), machine.timeline.shape[1]), np.nan))
