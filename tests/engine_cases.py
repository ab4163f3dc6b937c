"""Random small simulations, and what it means for two to be the same: shared by the engine's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from helpers import ALL_ROWS, POLICIES, Played, play, requests_of, scenario_of
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from paged_sim import ledger as books
from paged_sim.requests import Beams, Ints, Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Measure, Scenario, Scheduler, Variant


class Case(NamedTuple):
    """A scenario of one allocator and the requests to run it over."""

    scenario: Scenario
    requests: Requests

    def play(self, *, eager: bool = False, flush_at: int = 1 << 16, compiled: bool = False) -> Played:
        return play(self.scenario, self.requests, eager=eager, flush_at=flush_at, compiled=compiled)


def kind_of(spec: AllocatorSpec) -> str:
    """How a policy comes by its slots."""
    if spec.policy == "paged":
        return "paged" if spec.prefix_cache == "none" else "cached"
    return "grow" if spec.reserve == "grow" else "reserved"


@st.composite
def scheduler_settings(draw: st.DrawFn) -> Scheduler:
    return Scheduler(
        max_num_seqs=draw(st.sampled_from([256, 256, 5, 1])),
        max_num_batched_tokens=draw(st.sampled_from([8192, 64, 16, 3, 1])),
        prefill=draw(st.sampled_from(["whole", "chunked"])),
        preemption=draw(st.sampled_from(["recompute", "recompute", "none"])),
        watermark=draw(st.sampled_from([0.0, 0.0, 0.1, 0.4])),
        reserve_full_prompt=draw(st.booleans()),
    )


@st.composite
def small_requests(draw: st.DrawFn, timed: bool, max_model_len: int) -> Requests:
    """Up to 24 requests, some too long to be served. With `timed` they arrive over time, or from users.

    Lengths come from a drawn seed: long lists of long requests are what fills the memory, and Hypothesis shies at them.
    """
    total, seed = draw(st.integers(1, 24)), draw(st.integers(0, 1 << 16))
    rng = np.random.default_rng(seed)
    longest = draw(st.sampled_from([4, 20, max_model_len]))
    prompt, wanted = rng.integers(1, longest + 1, (2, total))
    # An output is cut so that the sequence fits the model, unless the prompt leaves no room at all.
    output = np.minimum(wanted, np.maximum(1, max_model_len - prompt))
    max_tokens = output + rng.integers(0, 6, total)
    prefix_block = draw(st.sampled_from([0, 1, 2, 5]))
    prefixes = leading_blocks(rng, prompt, prefix_block) if prefix_block else ()
    alike = {"prefix_block": prefix_block, "prefixes": prefixes}
    if timed and draw(st.booleans()):
        users, think = draw(st.integers(1, total)), draw(st.sampled_from([0.0, 0.5, 9.0]))
        return requests_of(prompt, output, max_tokens=max_tokens, users=users, think=think, **alike)
    arrival = np.cumsum(rng.choice([0.0, 0.1, 1.0, 30.0], total)) if timed else None
    return requests_of(prompt, output, max_tokens=max_tokens, arrival=arrival, **alike)


def leading_blocks(rng: np.random.Generator, prompt: Ints, block: int) -> list[list[int]]:
    """Ids of the leading blocks of prompts that begin alike: all of a prompt has ids, or only its beginning."""
    blocks = -(-prompt // block) - rng.integers(0, 3, len(prompt))
    return [rng.choice([1, 2], max(0, count), p=[0.9, 0.1]).tolist() for count in blocks]


@st.composite
def cases(draw: st.DrawFn, specs: tuple[AllocatorSpec, ...] = POLICIES) -> Case:
    """Any of the policies under any scheduler over any small workload, every token checked.

    A quarter each are paged, paged with a prefix cache, growing and reserved: only the last never preempt.
    """
    kinds = [[spec for spec in specs if kind_of(spec) == kind] for kind in ("paged", "cached", "grow", "reserved")]
    timed = draw(st.booleans())
    max_model_len = draw(st.sampled_from([8, 30, 64]))
    clock = Variant("linear", {"base": 0.25, "per_sequence": 0.125, "per_prefill_token": 0.5})
    scenario = scenario_of(
        draw(st.one_of([st.sampled_from(kind) for kind in kinds if kind])),
        slots=draw(st.integers(max_model_len // 2, 3 * max_model_len)),
        max_model_len=max_model_len,
        scheduler=draw(scheduler_settings()),
        clock=clock if timed else Variant("step"),
        arena=ArenaSpec(device="cpu", check="all", poison=draw(st.booleans())),
        measure=Measure(warmup_requests=draw(st.sampled_from([0, 0, 3])), samples=ALL_ROWS),
    )
    requests = draw(small_requests(timed, max_model_len))
    requests = draw(with_samples(requests, scenario.scheduler))
    if scenario.allocators[0].prefix_cache != "none":
        requests = replace(requests, beams=None).spread_samples()
    return Case(scenario, requests)


@st.composite
def with_samples(draw: st.DrawFn, requests: Requests, scheduler: Scheduler) -> Requests:
    """The same requests, or with several samples or beams each, of which no more than may run in one step."""
    most = draw(st.sampled_from([1, 1, 2, 3, 6]))
    allowed = min(most, scheduler.max_num_seqs, scheduler.max_num_batched_tokens)
    samples = np.random.default_rng(draw(st.integers(0, 1 << 16))).integers(1, allowed + 1, len(requests))
    beams = draw(st.sampled_from([None, Beams(keep=0.0, seed=3), Beams(keep=0.7, seed=1 << 31)]))
    return replace(requests, samples=samples, beams=beams)


def assert_same(played: Played, other: Played) -> None:
    """Two simulations came to the same end: counters, order, content, ledger and timeline."""
    for one in (played, other):
        books.settle_all(one.machine.ledger)
    assert played.counts == other.counts
    assert np.array_equal(played.machine.outcome, other.machine.outcome)
    assert np.array_equal(played.machine.ended, other.machine.ended)
    assert np.array_equal(played.machine.tallies, other.machine.tallies)
    assert_allclose(played.rows, other.rows)
    for name in ("weights", "holding", "sums", "peaks", "histogram"):
        assert_allclose(
            getattr(played.machine.ledger, name), getattr(other.machine.ledger, name), err_msg=name, atol=1e-9
        )
    assert played.digest == other.digest
    for name in ("tokens_written", "tokens_checked", "tokens_copied", "corrupt", "touched_bytes"):
        assert getattr(played.stats, name) == getattr(other.stats, name), name
