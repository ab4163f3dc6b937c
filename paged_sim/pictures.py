"""Pictures of a small run: every page at every step, who owns it, what it holds, and what has just happened to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from paged_sim.allocators import paged
from paged_sim.arena.operations import COPY
from paged_sim.engine import machine as m
from paged_sim.engine import queue, running, steps
from paged_sim.engine.machine import Machine
from paged_sim.engine.setup import build_allocator, build_machine, num_seats
from paged_sim.errors import PagedSimError
from paged_sim.geometry import resolve_capacity, resolve_model
from paged_sim.scenario.models import AllocatorSpec, Scenario
from paged_sim.simulation import common_page_size, draw

MOST_PAGES = 32
MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class PageLook:
    """One page: its owners ("request" or "request.sample", in running order), slots filled, and what happened."""

    page: int
    owners: tuple[str, ...]
    filled: int
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepLook:
    """All pages that are, or just were, held at one step, read as the ledger is: before anything is freed."""

    step: int
    pages: tuple[PageLook, ...]


@dataclass(frozen=True, slots=True)
class Pictures:
    """The steps of one paged allocator of a scenario."""

    name: str
    page_size: int
    num_pages: int
    steps: tuple[StepLook, ...]


def pictures_of(scenario: Scenario) -> list[Pictures]:
    """The pictures of every paged allocator of a scenario, over the requests of its first seed.

    Raises PagedSimError where there is none, or where a run is too large to be looked at page by page.
    """
    specs = [spec for spec in scenario.allocators if spec.policy == "paged"]
    if not specs:
        raise PagedSimError(f"{scenario.name}: no allocator has pages to show; add one with policy: paged")
    for spec in specs:
        if spec.prefix_cache != "none":
            raise PagedSimError(
                f"{scenario.name}: {spec.name} has a prefix cache, whose idle pages have no pictures yet; leave it out"
            )
    return [_pictures(scenario, spec) for spec in specs]


def _pictures(scenario: Scenario, spec: AllocatorSpec) -> Pictures:
    geometry = resolve_model(scenario.model)
    slots = resolve_capacity(scenario.memory, geometry, page_size=common_page_size(scenario)).slots
    total = slots // spec.page_size
    if total > MOST_PAGES:
        raise PagedSimError(
            f"{scenario.name}: {total} pages are too many to show one by one; give it memory for at most {MOST_PAGES}"
        )
    requests = draw(scenario, scenario.seed).requests
    state = build_allocator(spec, slots, requests, scenario.max_model_len, num_seats(scenario, slots, requests))
    machine = build_machine(scenario, spec, state, requests, slots, eager=True)
    machine.counts[m.RECORD] = 1
    assert isinstance(state, paged.Paged)
    looks: list[StepLook] = []
    owners: dict[int, tuple[str, ...]] = {}
    for _ in _steps(machine, state):
        if len(looks) == MOST_STEPS:
            raise PagedSimError(
                f"{scenario.name}: more than {MOST_STEPS} steps are too many to show; give fewer or shorter requests"
            )
        before, (owners, filled) = owners, _owners(machine, state)
        events = _events(before, owners, _copies(machine, spec.page_size))
        pages = tuple(
            PageLook(page, owners.get(page, ()), filled.get(page, 0), events[page]) for page in sorted(events)
        )
        looks.append(StepLook(int(machine.counts[m.STEP]), pages))
    return Pictures(spec.name, spec.page_size, total, tuple(looks))


def _steps(machine: Machine, state: paged.Paged) -> Iterator[None]:
    """`steps.advance`, with a look at every step after its writes."""
    counts = machine.counts
    while counts[m.NUM_ENDED] < len(machine.arrival):
        queue.join_arrivals(machine)
        if counts[m.NUM_RUNNING] == 0 and queue.num_waiting(machine) == 0:
            if counts[m.NUM_ENDED] < len(machine.arrival):
                steps.idle(machine, state)
            continue
        counts[m.NUM_OPERATIONS] = 0
        blocked = steps.serve(machine, state)
        yield
        if counts[m.NUM_RUNNING] > 0:
            steps.pass_time(machine, blocked)
        running.finish(machine, state)


def _owners(machine: Machine, state: paged.Paged) -> tuple[dict[int, tuple[str, ...]], dict[int, int]]:
    """Who owns each page, and how many of its slots are filled."""
    counts, seats = machine.counts, machine.seats
    page_size = int(state.numbers[paged.PAGE_SIZE])
    owners: dict[int, tuple[str, ...]] = {}
    filled: dict[int, int] = {}
    leader = int(counts[m.FIRST_RUNNING])
    while leader != m.NOBODY:
        is_partial = leader == counts[m.PARTIAL]
        tokens = int(seats[leader, m.STORED] if is_partial else counts[m.STEP] - seats[leader, m.OFFSET])
        seat, sample = leader, 0
        while seat != m.NOBODY:
            request = int(seats[leader, m.REQUEST])
            label = f"{request}.{sample}" if machine.samples[request] > 1 else str(request)
            for index, page in enumerate(state.table[seat, : state.num_pages[seat]].tolist()):
                owners[page] = (*owners.get(page, ()), label)
                filled[page] = min(page_size, max(0, tokens - index * page_size))
            seat, sample = int(seats[seat, m.NEXT_SAMPLE]), sample + 1
        leader = int(seats[leader, m.FOLLOWING])
    return owners, filled


def _copies(machine: Machine, page_size: int) -> dict[int, int]:
    """The pages that were copied in this step, by the page they were copied to."""
    operations = machine.operations[: machine.counts[m.NUM_OPERATIONS]]
    copies = operations[operations[:, 0] == COPY]
    return dict(np.stack([copies[:, 3] // page_size, copies[:, 1] // page_size], axis=1).tolist())


def _events(
    before: dict[int, tuple[str, ...]], now: dict[int, tuple[str, ...]], copies: dict[int, int]
) -> dict[int, tuple[str, ...]]:
    """What happened to each page that is held, or was in the step before."""
    return {page: _events_of(before.get(page, ()), now.get(page, ()), copies.get(page)) for page in {*before, *now}}


def _events_of(before: tuple[str, ...], now: tuple[str, ...], source: int | None) -> tuple[str, ...]:
    events = []
    if before and not set(before) & set(now):
        events.append("freed by " + " ".join(before))
    if now and source is not None:
        events.append(f"copied from page {source}")
    elif now and not set(before) & set(now):
        events.append("allocated")
    if len(now) > max(1, len(before)):
        events.append(f"shared by {len(now)}")
    elif before and now and len(now) < len(before):
        events.append("left by " + " ".join(owner for owner in before if owner not in now))
    return tuple(events)
