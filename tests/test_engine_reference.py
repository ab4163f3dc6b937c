"""The paged engine beside a model of its rules in a page of plain Python, step by step.

The model keeps lists and touches every sequence at every step. Its rules are those observed on vLLM 0.33.0 without a
prefix cache: page 0 is never used; the page freed last is handed out first; running sequences are served in running
order and, if none was preempted, requests are admitted from the head of the queue while they fit; who finds no page
preempts the sequence admitted last, which goes to the front of the queue and computes all its tokens again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from helpers import COLUMNS, requests_of, scenario_of, set_up
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.allocators import paged
from paged_sim.engine import machine as m
from paged_sim.engine import running, steps
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Scenario, Scheduler, Variant

STEP_SECONDS = 0.03


@dataclass
class Served:
    """A request on its way."""

    number: int
    prompt: int
    output: int
    generated: int = 0
    computed: int = 0
    pages: list[int] = field(default_factory=list)

    @property
    def known(self) -> int:
        return self.prompt + self.generated


@dataclass
class ReferenceScheduler:
    """The rules, one step at a time."""

    page_size: int
    num_pages: int
    settings: Scheduler
    arrivals: list[tuple[float, Served]]
    clock: float = 0.0
    waiting: list[Served] = field(default_factory=list)
    running: list[Served] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    preemptions: int = 0

    def __post_init__(self) -> None:
        self.free = list(range(1, self.num_pages))

    def pages_missing(self, served: Served, tokens: int) -> int:
        return -(-tokens // self.page_size) - len(served.pages)

    def give_pages(self, served: Served, tokens: int) -> None:
        for _ in range(self.pages_missing(served, tokens)):
            served.pages.append(self.free.pop(0))

    def take_pages(self, served: Served) -> None:
        for page in served.pages:
            self.free.insert(0, page)
        served.pages = []

    def step(self) -> tuple[int, list[list[int]]]:
        """One step: (batch, the pages of each sequence in running order), read before anything is freed."""
        if not self.running and not self.waiting:
            self.clock = max(self.clock, self.arrivals[0][0])
        while self.arrivals and self.arrivals[0][0] <= self.clock:
            self.waiting.append(self.arrivals.pop(0)[1])
        budget, preempted = self.serve_running(self.settings.max_num_batched_tokens)
        if not preempted:
            self.admit(budget)
        seen = len(self.running), [list(served.pages) for served in self.running]
        for served in [served for served in self.running if served.generated == served.output]:
            self.running.remove(served)
            self.take_pages(served)
            self.finished.append(served.number)
        self.clock += STEP_SECONDS
        return seen

    def compute(self, served: Served, tokens: int) -> None:
        """Compute tokens; the step that computes the last known one samples the next."""
        served.computed += tokens
        if served.computed == served.known:
            served.generated += 1

    def serve_running(self, budget: int) -> tuple[int, bool]:
        preempted, index = False, 0
        while index < len(self.running):
            served = self.running[index]
            tokens = min(served.known - served.computed, budget)
            while self.pages_missing(served, served.computed + tokens) > len(self.free):
                victim = self.running.pop()
                self.take_pages(victim)
                victim.computed = 0
                self.waiting.insert(0, victim)
                self.preemptions += 1
                preempted = True
                if victim is served:
                    return budget, True
            self.give_pages(served, served.computed + tokens)
            self.compute(served, tokens)
            budget -= tokens
            index += 1
        return budget, preempted

    def admit(self, budget: int) -> None:
        while self.waiting and budget > 0 and len(self.running) < self.settings.max_num_seqs:
            served = self.waiting[0]
            tokens = min(served.known, budget)
            reserved = served.known if self.settings.reserve_full_prompt else tokens
            spare = int(self.settings.watermark * self.num_pages) if self.running else 0
            if self.pages_missing(served, reserved) + spare > len(self.free):
                return
            self.running.append(self.waiting.pop(0))
            self.give_pages(served, tokens)
            self.compute(served, tokens)
            budget -= tokens


def reference(scenario: Scenario, requests: Requests) -> ReferenceScheduler:
    """The model for a scenario with one paged allocator."""
    page_size, slots = scenario.allocators[0].page_size, scenario.memory.params["slots"]
    columns = zip(
        requests.arrival.tolist(), requests.prompt_tokens.tolist(), requests.output_tokens.tolist(), strict=True
    )
    arrivals = [(arrival, Served(number, prompt, output)) for number, (arrival, prompt, output) in enumerate(columns)]
    return ReferenceScheduler(page_size, slots // page_size, scenario.scheduler, arrivals)


@st.composite
def paged_cases(draw: st.DrawFn) -> tuple[Scenario, Requests]:
    """A pool tight enough to preempt; every request fits it alone."""
    page_size = draw(st.sampled_from([1, 2, 3, 8]))
    usable = draw(st.integers(4, 24))
    most = usable * page_size
    total, seed = draw(st.integers(1, 20)), draw(st.integers(0, 1 << 16))
    rng = np.random.default_rng(seed)
    prompt = rng.integers(1, 1 + draw(st.sampled_from([1, most // 3, most - 1])), total)
    output = rng.integers(1, most - prompt + 1)
    arrival = np.cumsum(rng.choice([0.0, 0.01, STEP_SECONDS, 0.2, 3.0], total)) * draw(st.sampled_from([0.0, 1.0]))
    scheduler = Scheduler(
        max_num_seqs=draw(st.sampled_from([256, 4])),
        max_num_batched_tokens=draw(st.sampled_from([8192, 32, 9, 4, 2])),
        prefill="chunked",
        watermark=draw(st.sampled_from([0.0, 0.05, 0.3])),
        reserve_full_prompt=draw(st.booleans()),
    )
    scenario = scenario_of(
        AllocatorSpec(name="paged", policy="paged", page_size=page_size, null_page=True),
        slots=(usable + 1) * page_size,
        max_model_len=most + 1,
        scheduler=scheduler,
        clock=Variant("linear", {"base": STEP_SECONDS, "per_sequence": 0.0, "per_prefill_token": 0.0}),
        arena=ArenaSpec(device="cpu", payload="none"),
    )
    return scenario, requests_of(prompt, output, arrival=arrival)


@settings(max_examples=150)
@given(paged_cases())
def test_the_engine_follows_the_rules_step_by_step(case: tuple[Scenario, Requests]) -> None:
    scenario, requests = case
    model = reference(scenario, requests)
    # Token by token, so that `advance` comes back after every step.
    machine = set_up(scenario, requests, eager=True)
    while machine.counts[m.NUM_ENDED] < len(requests):
        steps.advance(machine, int(machine.counts[m.STEP]) + 1)
        if machine.counts[m.NUM_RUNNING] == 0:
            # It came back after idle time, which is no step.
            continue
        running.finish(machine)
        row = machine.timeline[machine.counts[m.NUM_ROWS] - 1]
        batch, tables = model.step()
        assert row[COLUMNS.index("batch")] == batch
        assert row[COLUMNS.index("held")] == sum(map(len, tables)) * scenario.allocators[0].page_size
        assert machine.tallies[m.PREEMPTED].sum() == model.preemptions
        assert pages_in_running_order(machine) == [served.pages for served in model.running]
    assert machine.ended[: machine.counts[m.NUM_FINISHED]].tolist() == model.finished
    assert machine.times[m.NOW] == model.clock


def pages_in_running_order(machine: m.Machine) -> list[list[int]]:
    """The block tables of the running sequences."""
    state = machine.allocator
    assert isinstance(state, paged.Paged)
    tables, seat = [], int(machine.counts[m.FIRST_RUNNING])
    while seat != m.NONE:
        tables.append(state.table[seat, : state.num_pages[seat]].tolist())
        seat = int(machine.seats[seat, m.FOLLOWING])
    return tables
