"""Pictures of a small run: its memory at every step, who owns it, what it holds, and what has just happened to it."""

from __future__ import annotations

from collections.abc import Iterator

from paged_sim import allocators
from paged_sim.engine import machine as m
from paged_sim.engine import queue, running, steps
from paged_sim.engine.machine import Machine
from paged_sim.engine.setup import build_allocator, build_machine, num_seats
from paged_sim.errors import PagedSimError
from paged_sim.geometry import resolve_model
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, Scenario
from paged_sim.simulation import capacity_of, draw

from .extents import Extents
from .looks import ExtentLook, PageLook, Pictures, SequenceLook, StepLook
from .pages import Pages

__all__ = ["ExtentLook", "PageLook", "Pictures", "SequenceLook", "StepLook", "pictures_of"]

MOST_PAGES = 32
MOST_EXTENTS = 32
MOST_STEPS = 50


def pictures_of(scenario: Scenario) -> list[Pictures]:
    """The pictures of every allocator of a scenario, over the requests of its first seed.

    Raises PagedSimError where a run is too large to be looked at step by step.
    """
    geometry = resolve_model(scenario.model)
    slots = capacity_of(scenario, geometry).slots
    requests = draw(scenario, scenario.seed).requests
    return [_pictures(scenario, spec, requests, slots) for spec in scenario.allocators]


def _pictures(scenario: Scenario, spec: AllocatorSpec, requests: Requests, slots: int) -> Pictures:
    where = f"{scenario.name}, {spec.name}"
    family, page_size = allocators.family_of(spec), allocators.page_size_of(spec)
    if page_size and slots // page_size > MOST_PAGES:
        raise _too_large(where, f"{slots // page_size} pages", f"memory for at most {MOST_PAGES}")
    if family.caches:
        requests = requests.spread_samples()
    state = build_allocator(spec, slots, requests, scenario.max_model_len, num_seats(scenario, slots, requests))
    machine = build_machine(scenario, spec, state, requests, slots, eager=True, log=family.caches)
    machine.counts[m.RECORD] = 1
    seen = Pages(requests, page_size) if page_size else Extents(requests, slots)
    looks: list[StepLook] = []
    for _ in _steps(machine):
        if len(looks) == MOST_STEPS:
            raise _too_large(where, f"more than {MOST_STEPS} steps", "fewer or shorter requests")
        looks.append(seen.look(machine))
        if sum(1 for extent in looks[-1].extents if extent.owner) > MOST_EXTENTS:
            raise _too_large(where, f"more than {MOST_EXTENTS} sequences at once", "less memory, or fewer requests")
    return Pictures(spec.name, slots, page_size, tuple(looks))


def _too_large(where: str, what: str, remedy: str) -> PagedSimError:
    return PagedSimError(f"{where}: {what} are too many to show; give it {remedy}")


def _steps(machine: Machine) -> Iterator[None]:
    """`steps.advance`, with a look at every step after its writes."""
    counts = machine.counts
    while counts[m.NUM_ENDED] < len(machine.arrival):
        queue.join_arrivals(machine)
        if counts[m.NUM_RUNNING] == 0 and queue.num_waiting(machine) == 0:
            if counts[m.NUM_ENDED] < len(machine.arrival):
                steps.idle(machine)
            continue
        counts[m.NUM_OPERATIONS] = 0
        blocked = steps.serve(machine)
        yield
        if counts[m.NUM_RUNNING] > 0:
            steps.pass_time(machine, blocked)
        running.finish(machine)
