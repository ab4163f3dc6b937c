"""Pictures of a small run: every page at every step, who owns it, what it holds, and what has just happened to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paged_sim.allocators import paged
from paged_sim.allocators.page_record import FILLED, REFERENCES
from paged_sim.allocators.prefix_cache import Cached
from paged_sim.arena.operations import COPY
from paged_sim.engine import machine as m
from paged_sim.engine import pool_log, queue, running, steps
from paged_sim.engine.machine import Machine
from paged_sim.engine.setup import build_allocator, build_machine, num_seats
from paged_sim.errors import PagedSimError
from paged_sim.geometry import resolve_model
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, Scenario
from paged_sim.simulation import capacity_of, draw

MOST_PAGES = 32
MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class PageLook:
    """One page: its owners ("request" or "request.sample", in running order), slots filled, and what happened.

    An idle one has no owner and tokens that a prefix cache keeps.
    """

    page: int
    owners: tuple[str, ...]
    filled: int
    events: tuple[str, ...]
    idle: bool = False


@dataclass(frozen=True, slots=True)
class StepLook:
    """All pages that are, or just were, held or idle at one step, read as the ledger is: before anything is freed."""

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
    return [_pictures(scenario, spec) for spec in specs]


def _pictures(scenario: Scenario, spec: AllocatorSpec) -> Pictures:
    geometry = resolve_model(scenario.model)
    slots = capacity_of(scenario, geometry).slots
    total = slots // spec.page_size
    if total > MOST_PAGES:
        raise PagedSimError(
            f"{scenario.name}: {total} pages are too many to show one by one; give it memory for at most {MOST_PAGES}"
        )
    requests = draw(scenario, scenario.seed).requests
    caching = spec.prefix_cache != "none"
    if caching:
        requests = requests.spread_samples()
    state = build_allocator(spec, slots, requests, scenario.max_model_len, num_seats(scenario, slots, requests))
    machine = build_machine(scenario, spec, state, requests, slots, eager=True, log=caching)
    machine.counts[m.RECORD] = 1
    assert isinstance(state, paged.Paged | Cached)
    looks: list[StepLook] = []
    before = _Pool({}, {}, frozenset())
    for _ in _steps(machine, state):
        if len(looks) == MOST_STEPS:
            raise PagedSimError(
                f"{scenario.name}: more than {MOST_STEPS} steps are too many to show; give fewer or shorter requests"
            )
        now = _pool(machine, state, requests, spec.page_size)
        pages = _pages(before, now, _copies(machine, spec.page_size), _found(machine))
        looks.append(StepLook(int(machine.counts[m.STEP]), pages))
        before = now
    return Pictures(spec.name, spec.page_size, total, tuple(looks))


def _steps(machine: Machine, state: paged.Paged | Cached) -> Iterator[None]:
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


class _Pool(NamedTuple):
    """Who owns each page that is held, how many slots are filled of each that is held or idle, and which are idle."""

    owners: dict[int, tuple[str, ...]]
    filled: dict[int, int]
    idle: frozenset[int]


def _pool(machine: Machine, state: paged.Paged | Cached, requests: Requests, page_size: int) -> _Pool:
    """The pages as they are."""
    counts, seats = machine.counts, machine.seats
    owners: dict[int, tuple[str, ...]] = {}
    filled: dict[int, int] = {}
    leader = int(counts[m.FIRST_RUNNING])
    while leader != m.NOBODY:
        is_partial = leader == counts[m.PARTIAL]
        tokens = int(seats[leader, m.STORED] if is_partial else counts[m.STEP] - seats[leader, m.OFFSET])
        seat, sample = leader, 0
        while seat != m.NOBODY:
            label = _label(requests, int(seats[leader, m.REQUEST]), sample)
            for index, page in enumerate(state.table[seat, : state.num_pages[seat]].tolist()):
                owners[page] = (*owners.get(page, ()), label)
                filled[page] = min(page_size, max(0, tokens - index * page_size))
            seat, sample = int(seats[seat, m.NEXT_SAMPLE]), sample + 1
        leader = int(seats[leader, m.FOLLOWING])
    idle = _idle(state)
    return _Pool(owners, filled | idle, frozenset(idle))


def _label(requests: Requests, request: int, sample: int) -> str:
    """How a sequence is called: samples may be forks of a request, or requests of their own that have one source."""
    if len(requests.source):
        source = int(requests.source[request])
        samples = np.flatnonzero(requests.source == source)
        return f"{source}.{request - samples[0]}" if len(samples) > 1 else str(source)
    return f"{request}.{sample}" if requests.samples[request] > 1 else str(request)


def _idle(state: paged.Paged | Cached) -> dict[int, int]:
    """The pages that only the prefix cache keeps, and how many of their slots are filled."""
    if isinstance(state, paged.Paged):
        return {}
    pages = np.flatnonzero((state.pages[:, FILLED] > 0) & (state.pages[:, REFERENCES] == 0))
    return {int(page): int(state.pages[page, FILLED]) for page in pages}


def _copies(machine: Machine, page_size: int) -> dict[int, int]:
    """The pages that were copied in this step, by the page they were copied to."""
    operations = machine.operations[: machine.counts[m.NUM_OPERATIONS]]
    copies = operations[operations[:, 0] == COPY]
    return dict(np.stack([copies[:, 3] // page_size, copies[:, 1] // page_size], axis=1).tolist())


def _found(machine: Machine) -> set[int]:
    """The pages that a prefix cache had for somebody since the last look."""
    return {page for record in pool_log.drain(machine) if record.kind == "T" for page in record.blocks}


def _pages(before: _Pool, now: _Pool, copies: dict[int, int], found: set[int]) -> tuple[PageLook, ...]:
    """Each page that is held or idle, or was in the step before, and what happened to it."""
    return tuple(
        PageLook(
            page,
            now.owners.get(page, ()),
            now.filled.get(page, 0),
            tuple(_events(page, before, now, copies.get(page), page in found)),
            page in now.idle,
        )
        for page in sorted({*before.filled, *now.filled})
    )


def _events(page: int, before: _Pool, now: _Pool, source: int | None, found: bool) -> Iterator[str]:
    """What happened to a page, of which a part may have been copied from the page `source`."""
    old, new = before.owners.get(page, ()), now.owners.get(page, ())
    stays = bool(set(old) & set(new))
    if old and not stays:
        yield "freed by " + " ".join(old)
    if page in now.idle and page not in before.idle:
        yield "kept"
    if page in before.idle and not found and page not in now.idle:
        yield "evicted"
    if new and source is not None:
        yield f"copied from page {source}"
    elif new and not stays:
        yield f"found by {new[0]}" if found else "allocated"
    if len(new) > max(1, len(old)):
        yield f"shared by {len(new)}"
    elif old and new and len(new) < len(old):
        yield "left by " + " ".join(owner for owner in old if owner not in new)
