"""Builders shared by the tests: requests, scenarios and whole simulations of a few lines, without a file."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from paged_sim import allocators
from paged_sim.allocators.prefix.order import Order
from paged_sim.allocators.prefix.record import NONE, PLACE
from paged_sim.arena import ArenaStats, open_arena
from paged_sim.engine import machine as m
from paged_sim.engine.drive import drive
from paged_sim.engine.machine import Machine
from paged_sim.engine.setup import build_allocator, build_machine, num_seats
from paged_sim.ledger import ACCOUNTS, SERIES
from paged_sim.oplog.records import Record
from paged_sim.requests import Beams, Floats, Ints, Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Measure, Scenario, Scheduler, Variant, Workload

RULES = (*allocators.WORDS["reserve"],)
PLACEMENTS = (*allocators.WORDS["placement"],)

CONTIGUOUS = (
    *(
        AllocatorSpec(name=f"{rule}-{placement}", policy="contiguous", reserve=rule, placement=placement, chunk=5)
        for rule in RULES
        for placement in PLACEMENTS
    ),
    *(
        AllocatorSpec(
            name=f"grow-{chunk}-{placement}", policy="contiguous", reserve="grow", placement=placement, chunk=chunk
        )
        for chunk in (1, 256)
        for placement in ("first_fit", "buddy")
    ),
)
PAGED = tuple(
    AllocatorSpec(name=f"paged-{size}{'-null' if null else ''}", policy="paged", page_size=size, null_page=null)
    for size in (1, 3, 4, 16)
    for null in (False, True)
)
CACHED = tuple(
    AllocatorSpec(
        name=f"{cache}-{evicted}-{size}", policy="paged", page_size=size, prefix_cache=cache, eviction=evicted
    )
    for size in (1, 3, 4)
    for cache in ("hash", "radix")
    for evicted in allocators.WORDS["eviction"]
)
RUNNING = tuple(
    AllocatorSpec(name=f"running-{size}", policy="paged", page_size=size, prefix_cache="running") for size in (1, 3, 4)
)
POLICIES = (*CONTIGUOUS, *PAGED, *CACHED, *RUNNING)
"""Every policy, as a scenario names it. A new one joins all suites by a line here."""

COLUMNS = ("step", "time", "duration", *SERIES)
ALL_ROWS = 1 << 15
"""Timeline rows that keep every step of the small simulations here."""


def by_name(spec: AllocatorSpec) -> str:
    """What a policy is called among the parameters of a test."""
    return spec.name


def requests_of(
    prompt: Sequence[int] | Ints,
    output: Sequence[int] | Ints,
    *,
    max_tokens: Sequence[int] | Ints | None = None,
    arrival: Sequence[float] | Floats | None = None,
    users: int = 0,
    think: float = 0.0,
    prefix_block: int = 0,
    prefixes: Sequence[Sequence[int]] = (),
    samples: int | Sequence[int] = 1,
    beams: Beams | None = None,
) -> Requests:
    """Requests of these lengths; `max_tokens` is the true output and all arrive at once unless said otherwise.

    `prefixes` are the ids of each request's leading blocks of `prefix_block` tokens.
    """
    total = len(prompt)
    counts = [len(ids) for ids in prefixes] or [0] * total
    return Requests(
        arrival=np.zeros(total) if arrival is None else np.array(arrival, np.float64),
        prompt_tokens=np.array(prompt, np.int64),
        output_tokens=np.array(output, np.int64),
        max_tokens=np.array(output if max_tokens is None else max_tokens, np.int64),
        samples=np.ones(total, np.int64) * np.array(samples, np.int64),
        prefix_offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        prefix_ids=np.array([number for ids in prefixes for number in ids], np.int64),
        prefix_block=prefix_block,
        users=users,
        think=think,
        beams=beams,
    )


def scenario_of(
    *specs: AllocatorSpec,
    slots: int = 64,
    max_model_len: int = 64,
    seed: int = 1,
    repeats: int = 1,
    workload: Workload | None = None,
    scheduler: Scheduler | None = None,
    clock: Variant | None = None,
    arena: ArenaSpec | None = None,
    measure: Measure | None = None,
) -> Scenario:
    """A scenario of so many slots of 8 bytes; by default four small requests, all there from the start."""
    return Scenario(
        name="built",
        seed=seed,
        repeats=repeats,
        model=Variant("bytes_per_slot", {"bytes": 8}),
        memory=Variant("slots", {"slots": slots}),
        max_model_len=max_model_len,
        workload=workload or drawn_workload(count=4, prompt=5, output=3),
        scheduler=scheduler or Scheduler(),
        clock=clock or Variant("step"),
        allocators=specs,
        arena=arena or ArenaSpec(device="cpu"),
        measure=measure or Measure(samples=ALL_ROWS),
        checks=(),
        origins={},
    )


def drawn_workload(count: int, prompt: int | Variant, output: int | Variant, **others: Any) -> Workload:
    """`count` requests whose lengths are constant or drawn; saturated, and with the true output as its limit."""
    settings = {"max_tokens": Variant("output"), "arrival": Variant("saturated"), **others}
    return Workload(count=count, prompt=lengths_of(prompt), output=lengths_of(output), **settings)


def lengths_of(lengths: int | Variant) -> Variant:
    """A constant length as a scenario says it; what is drawn already is left as it is."""
    return lengths if isinstance(lengths, Variant) else Variant("constant", {"value": lengths})


class Played(NamedTuple):
    """A simulation at its end."""

    machine: Machine
    state: allocators.State
    stats: ArenaStats
    digest: str

    @property
    def counts(self) -> dict[str, int]:
        """The engine's counters that do not depend on how its record was cut or its tokens were written."""
        names = (
            "STEP", "NUM_ARRIVED", "NUM_RUNNING", "NUM_GENERATIONS", "NUM_FINISHED", "NUM_ENDED", "NUM_STEPS_DONE",
            "TOKEN_STEPS", "DISCARDED", "STORED_AT_FINISH", "HELD_AT_FINISH", "COW_COPIES", "NUM_ROWS", "STRIDE",
            "NUM_ADMITTED", "ASKED", "HIT", "NUM_READMITTED", "ASKED_AGAIN", "HIT_AGAIN", "HIT_IN_PAGES",
        )  # fmt: skip
        return {name: int(self.machine.counts[getattr(m, name)]) for name in names}

    @property
    def rows(self) -> Floats:
        """The kept rows of the timeline."""
        return self.machine.timeline[: self.machine.counts[m.NUM_ROWS]]

    def column(self, name: str) -> Floats:
        """One column of the kept rows."""
        return self.rows[:, COLUMNS.index(name)]

    @property
    def accounts(self) -> Floats:
        """The accounts of the kept rows: float[rows, accounts]."""
        return self.rows[:, 3 : 3 + len(ACCOUNTS)]


def play(
    scenario: Scenario,
    requests: Requests,
    *,
    slots: int | None = None,
    eager: bool = False,
    flush_at: int = 1 << 16,
    compiled: bool = False,
    beside: bool = False,
    watch: int | None = None,
    log: Callable[[Record], None] | None = None,
) -> Played:
    """Simulate the first allocator of a scenario over these requests, to its end."""
    machine = set_up(scenario, requests, slots=slots, eager=eager, flush_at=flush_at, log=log is not None)
    if watch is not None:
        machine.counts[m.WATCH] = watch
    with open_arena(scenario.arena, int(machine.counts[m.CAPACITY]), 8, compiled=compiled) as arena:
        for _ in drive(machine, arena, compiled=compiled, beside=beside, log=log):
            pass
        return Played(machine, machine.allocator, arena.stats(), arena.digest())


def set_up(
    scenario: Scenario,
    requests: Requests,
    *,
    slots: int | None = None,
    eager: bool = False,
    flush_at: int = 1 << 16,
    log: bool = False,
) -> Machine:
    """The machine at step 0 for the first allocator of a scenario."""
    spec = scenario.allocators[0]
    total = scenario.memory.params["slots"] if slots is None else slots
    seats = num_seats(scenario, total, requests)
    state = build_allocator(spec, total, requests, scenario.max_model_len, seats)
    return build_machine(scenario, spec, state, requests, total, eager=eager, flush_at=flush_at, log=log)


def arrays_of(state: tuple[Any, ...]) -> list[Any]:
    """All arrays of a state, in order."""
    return [array for field in state for array in (arrays_of(field) if isinstance(field, tuple) else [field])]


def heed_interrupts() -> None:
    """Let a child process heed SIGINT also where the tests run in a shell's background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def evictable_pages(order: Order) -> list[int]:
    """The pages that may be evicted."""
    return [int(page) for page in np.flatnonzero(order.records[:, PLACE] > NONE)]
