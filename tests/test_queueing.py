"""What the requests felt, against what must be so: conservation laws on any run, queueing theory on simple ones."""

from __future__ import annotations

import itertools
import math
import os
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from engine_cases import Case, cases
from helpers import PAGED, Played, drawn_workload, play, requests_of, scenario_of
from hypothesis import given, settings

from paged_sim import ledger as books
from paged_sim.engine import felt
from paged_sim.engine import machine as m
from paged_sim.engine.measures import summary_of
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Measure, Scheduler, Variant
from paged_sim.simulation import simulate


def column(played: Played, statistic: int) -> Any:
    """One of the statistics of all requests."""
    return played.machine.losses[:, statistic]


def summary(played: Played) -> dict[str, Any]:
    """The part of the JSON that the engine makes, over all steps."""
    machine = played.machine
    parts = summary_of(machine, "all", int(machine.counts[m.CAPACITY]), None, 8)
    return {**parts, **felt.felt_by_requests(machine)}


def refused_while_running(played: Played) -> bool:
    """Whether a request left without an end of which there is a record."""
    return bool(np.isin(played.machine.outcome, (m.REFUSED_GROWTH, m.REFUSED_MOVE, m.REFUSED_ALONE)).any())


def check_littles_law(case: Case, played: Played) -> None:
    """Mean number = rate x mean time, for the queue and for those that are served; exact, since no run ends halfway."""
    machine, found = played.machine, summary(played)
    end = found["time"]["end"]
    assert (found["waiting"]["all"]["mean"] or 0.0) * end == pytest.approx(
        felt.waited(played.machine).sum(), rel=1e-9, abs=1e-9
    )
    if case.scenario.measure.warmup_requests or refused_while_running(played):
        return
    served = np.nan_to_num(felt.ended_at(machine) - machine.arrival - felt.waited(played.machine))
    area = (found["batch"]["all"]["mean"] or 0.0) * machine.ledger.weights.sum()
    assert area == pytest.approx((served * machine.samples).sum(), rel=1e-9, abs=1e-9)


def check_times(played: Played) -> None:
    """Arrived, admitted, first token, end: in this order, and no request waited longer than it was there."""
    machine = played.machine
    done = machine.outcome == m.FINISHED
    times = [machine.arrival, machine.admitted, machine.first_token]
    times.append(felt.ended_at(machine))
    for earlier, later in itertools.pairwise(times):
        assert np.all(earlier[done] <= later[done])
    assert np.all(felt.waited(played.machine)[done] <= (times[3] - machine.arrival)[done])
    at_once = done & (machine.preemptions == 0)
    assert np.allclose(felt.waited(played.machine)[at_once], (times[1] - machine.arrival)[at_once])
    assert np.all(np.isnan(times[3]) == ~done)


def check_tokens(case: Case, played: Played) -> None:
    """A request computes what it stores in the end, less what it found, and what it lost once more."""
    if case.requests.samples.max() > 1 or refused_while_running(played):
        return
    done = played.machine.outcome == m.FINISHED
    needed = case.requests.stored_tokens[done] - played.machine.found[done] + column(played, m.RECOMPUTED)[done]
    assert felt.tokens_of(played.machine)["computed"] == needed.sum()
    if case.scenario.allocators[0].prefix_cache == "none":
        assert column(played, m.RECOMPUTED).sum() == played.machine.counts[m.DISCARDED]
        assert not played.machine.found.any()


def check_causes(case: Case, played: Played) -> None:
    """Every blocked step has one cause; the shares of time by cause add up to the time in which anybody waited."""
    found = summary(played)
    by, labels = found["blocked_by"], found["blocked_steps"]
    policy = {key: by[key] for key in by if key not in ("fragmentation", "capacity")}
    assert by == {"fragmentation": labels["fragmentation"], "capacity": labels["capacity"], **policy}
    assert sum(policy.values()) == labels["policy"]
    assert sum(by.values()) == found["measured"]["saturated"]["steps"]
    waiting = found["waiting"]
    if found["time"]["end"] == 0:
        assert {waiting["share"], *waiting["share_by"].values()} == {None}
    else:
        assert sum(waiting["share_by"].values()) == pytest.approx(waiting["share"], abs=1e-9)
    scheduler = case.scenario.scheduler
    assert scheduler.watermark > 0 or by["watermark"] == 0
    assert scheduler.max_num_seqs <= 256 or by["max_num_seqs"] == 0
    assert found["requests"]["preempted"] > 0 or by["after_preemption"] == 0


@settings(max_examples=300)
@given(cases())
def test_what_requests_felt_adds_up(case: Case) -> None:
    played = case.play()
    check_littles_law(case, played)
    check_times(played)
    check_tokens(case, played)
    check_causes(case, played)


@pytest.mark.parametrize("slots", [2048, 144])
@pytest.mark.parametrize(
    "spec", [PAGED[0], PAGED[6], AllocatorSpec(name="grow", policy="contiguous", reserve="grow", chunk=8)]
)
def test_the_memory_area_is_that_of_the_requests(spec: AllocatorSpec, slots: int) -> None:
    """The sum over steps of stored tokens is s x o + o(o - 1)/2 over requests, preempted or not."""
    rng = np.random.default_rng(5)
    prompt, output = rng.integers(1, 30, 60), rng.integers(1, 40, 60)
    scheduler = Scheduler(prefill="whole", max_num_batched_tokens=64, max_num_seqs=12)
    played = play(scenario_of(spec, slots=slots, max_model_len=80, scheduler=scheduler), requests_of(prompt, output))
    assert (slots < 2048) == bool(played.machine.tallies[m.PREEMPTED].any())
    books.settle_all(played.machine.ledger)
    area = played.machine.ledger.sums[:, books.TOKEN_STATE].sum()
    assert area == (prompt * output + output * (output - 1) // 2).sum()


RATE, STEP = 7.0, 0.1
RHO = RATE * STEP


@pytest.fixture(scope="module")
def one_server() -> dict[str, Any]:
    """An M/D/1 queue: one sequence at a time, each for one step; twenty seeds."""
    return theory_run(drawn_workload(20_000, 100, 1, arrival=poisson(RATE)), STEP, max_num_seqs=1)


def poisson(rate: float) -> Variant:
    """Arrivals at this rate a second."""
    return Variant("poisson", {"rate": rate})


def theory_run(workload: Any, base: float, **limits: int) -> dict[str, Any]:
    """The summary of a paged policy with steps of one length and ample memory over twenty seeds."""
    scenario = scenario_of(
        AllocatorSpec(name="paged", policy="paged"),
        slots=1 << 20,
        max_model_len=2048,
        repeats=20,
        workload=workload,
        scheduler=Scheduler(**limits),
        clock=Variant("linear", {"base": base, "per_sequence": 0.0, "per_prefill_token": 0.0}),
        arena=ArenaSpec(device="cpu", payload="none"),
        measure=Measure(samples=10),
    )
    with patch.dict(os.environ, PAGED_SIM_COMPILE="always"):
        return dict(simulate(scenario).policies[0].summary)


def assert_expected(found: dict[str, Any], path: str, expected: float) -> None:
    """A mean over the seeds lies within three standard errors of what theory expects."""
    value: Any = found
    for key in path.split("."):
        value = value[key]
    assert abs(value - expected) <= 3 * found["spread"][path] / math.sqrt(len(found["seeds"])), (path, value, expected)


@pytest.mark.slow
def test_the_queue_of_one_server(one_server: dict[str, Any]) -> None:
    """Pollaczek and Khinchine: rho^2 / (2 (1 - rho)) requests wait, each for rho STEP / (2 (1 - rho)) on average."""
    assert_expected(one_server, "waiting.all.mean", RHO**2 / (2 * (1 - RHO)))
    assert_expected(one_server, "latency.queue.mean", RHO * STEP / (2 * (1 - RHO)))


@pytest.mark.slow
def test_the_utilisation_of_one_server(one_server: dict[str, Any]) -> None:
    """The share of time in which it is busy is rate x time of service."""
    assert_expected(one_server, "batch.all.mean", RHO)


@pytest.mark.slow
def test_the_batch_of_a_server_without_limits() -> None:
    """M/G/infinity: the batch is Poisson with mean rate x step x mean output, whatever the outputs' distribution."""
    lengths = Variant("uniform", {"low": 1, "high": 199})
    mean = 29.8
    rate = mean / (0.05 * 100)
    found = theory_run(drawn_workload(20_000, 100, lengths, arrival=poisson(rate)), 0.05, max_num_seqs=1000)
    # The batch fills at first and empties at last: by half of the longest stay on average, that is a stay's mean.
    ramps = 0.05 * 100 * 4 / 3 / (20_000 / rate)
    assert found["batch"]["all"]["mean"] == pytest.approx(mean * (1 - ramps), rel=0.01)
    assert abs(found["batch"]["all"]["p50"] - 30) <= 1
    assert abs(found["batch"]["all"]["p99"] - 43) <= 1
