"""The workload that most benchmarks share, and one simulation of it with only the step loop and the arena timed."""

from __future__ import annotations

from typing import NamedTuple

from paged_sim.arena import Arena, open_arena
from paged_sim.engine import machine as m
from paged_sim.engine.drive import drive
from paged_sim.engine.machine import Machine
from paged_sim.engine.setup import build_allocator, build_machine, num_seats
from paged_sim.requests import Requests
from paged_sim.scenario import load_text
from paged_sim.scenario.models import Scenario

BYTES_PER_SLOT = 8
PAGE_SIZE = 16

PAGED = "{name: paged, policy: paged, page_size: 16}"
KINDS_AND_EVICTIONS = (("hash", "lru"), ("hash", "lfu"), ("hash", "fifo"), ("hash", "belady"), ("radix", "lru"))
PREFIX_CACHES = {
    f"{kind}, {eviction}": f"{{name: p, policy: paged, page_size: 16, prefix_cache: {kind}, eviction: {eviction}}}"
    for kind, eviction in KINDS_AND_EVICTIONS
}
POLICIES = {
    "paged 16": PAGED,
    **PREFIX_CACHES,
    **{
        f"{reserve}, {placement}": f"{{name: b, policy: contiguous, reserve: {reserve}, placement: {placement}}}"
        for reserve in ("max", "pow2", "oracle")
        for placement in ("buddy", "best_fit")
    },
}


class Load(NamedTuple):
    """How fast requests arrive at an arena of `pages` pages, and how many may run at once.

    Where memory is ample for paging nobody waits; where it is short, most requests wait and some are preempted.
    """

    name: str
    pages: int
    arrival: str
    max_num_seqs: int


AMPLE = Load("ample", 8_192, "{poisson: 4/s}", 256)
AMPLE_LARGE = Load("ample", 65_536, "{poisson: 16/s}", 1_024)
SHORT = Load("short", 8_192, "{poisson: 64/s}", 1_024)
SHORT_LARGE = Load("short", 65_536, "{poisson: 256/s}", 4_096)
LOADS = (AMPLE, AMPLE_LARGE, SHORT, SHORT_LARGE)

_SCENARIO = """
version: 1
name: benchmark
seed: 1
model: {{bytes_per_slot: {bytes_per_slot}}}
memory: {{slots: {slots}}}
max_model_len: 8192
workload:
  requests: {requests}
  prompt: {{lognormal: {{mean: 160, sigma: 1.0}}}}
  output: {{lognormal: {{mean: 340, sigma: 0.8}}}}
  arrival: {arrival}
scheduler: {{max_num_seqs: {seqs}, prefill: {prefill}}}
clock: {{base: 20ms, per_sequence: 0.05ms, per_prefill_token: 0.01ms}}
allocators: [{allocator}]
arena: {{payload: {payload}, check: all, device: cpu}}
"""


def scenario_of(
    load: Load, requests: int, allocator: str = PAGED, *, payload: str = "tag", prefill: str = "whole"
) -> Scenario:
    """Requests of 160 + 340 tokens in the mean, lognormal, arriving as `load` says, at one allocator."""
    return load_text(
        _SCENARIO.format(
            bytes_per_slot=BYTES_PER_SLOT,
            slots=load.pages * PAGE_SIZE,
            requests=requests,
            arrival=load.arrival,
            seqs=load.max_num_seqs,
            prefill=prefill,
            allocator=allocator,
            payload=payload,
        )
    )


class Ready(NamedTuple):
    """A simulation at step 0."""

    machine: Machine
    arena: Arena
    compiled: bool


def get_ready(scenario: Scenario, requests: Requests, *, compiled: bool) -> Ready:
    """Set up the simulation of a scenario's first allocator over these requests."""
    spec, slots = scenario.allocators[0], scenario.memory.params["slots"]
    seats = num_seats(scenario, slots, requests)
    state = build_allocator(spec, slots, requests, scenario.max_model_len, seats)
    machine = build_machine(scenario, spec, state, requests, slots)
    return Ready(machine, open_arena(scenario.arena, slots, BYTES_PER_SLOT, compiled=compiled), compiled)


def run_through(ready: Ready, *, beside: bool = False) -> None:
    """Run a simulation to its end: all steps of the engine and all operations of the arena, and nothing else.

    On one core, unless the arena may work `beside` the engine.
    """
    for _ in drive(ready.machine, ready.arena, compiled=ready.compiled, beside=beside):
        pass


def counts_of(ready: Ready) -> dict[str, int]:
    """What a finished simulation did, to show beside its time. Closes the arena, whose content must be sound."""
    counts, stats = ready.machine.counts, ready.arena.stats()
    ready.arena.close()
    assert stats.corrupt == 0
    # Whoever finds its own tokens again after a preemption reads them back once more.
    assert stats.tokens_written <= stats.tokens_checked
    return {
        "token_steps": int(counts[m.TOKEN_STEPS]),
        "steps": int(counts[m.NUM_STEPS_DONE]),
        "finished": int(counts[m.NUM_FINISHED]),
        "preempted": int(ready.machine.tallies[m.PREEMPTED].sum()),
        "blocked_steps": int(ready.machine.tallies[m.BLOCKED].sum()),
    }
