"""From a scenario to a run: published shares, refusals, dead ends, several seeds, and the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import drawn_workload, scenario_of, set_up

from paged_sim import simulation
from paged_sim.allocators.paged import Paged
from paged_sim.engine import machine as m
from paged_sim.engine import setup, steps
from paged_sim.engine.drive import LedgerError, stuck, unbalanced
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.merge import merge
from paged_sim.run import ACCOUNTS, Run
from paged_sim.scenario import load_scenario
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, ListedRequest, Measure, Scenario, Scheduler, Variant
from paged_sim.simulation import simulate

PAPER = json.loads((Path(__file__).parent / "data" / "pagedattention_paper.json").read_text())

PAGED = AllocatorSpec(name="paged", policy="paged", page_size=4)
GROWING = AllocatorSpec(name="grow", policy="contiguous", reserve="grow", chunk=4)


@pytest.fixture(scope="module")
def fig2() -> dict[str, Any]:
    """The four systems of the paper's Fig. 2 on one seed and fewer requests than the scenario itself draws."""
    overrides = ("repeats=1", "workload.requests=3000", "measure.warmup_requests=400", "arena.payload=none")
    scenario = load_scenario("vllm-fig2", overrides=overrides, device="cpu")
    return {
        part.summary["name"].replace("-", "_"): part.summary for part in simulate(replace(scenario, checks=())).policies
    }


@pytest.mark.slow
@pytest.mark.parametrize("system", ["orca_max", "orca_pow2", "orca_oracle", "vllm"])
def test_fig2_shares(fig2: dict[str, Any], system: str) -> None:
    """Every published segment within two points, vLLM's share of token states within half a point."""
    view = fig2[system]["paper_view"]
    assert sum(view.values()) == pytest.approx(1.0)
    tolerance = PAPER["fig2_tolerance_points"]["vllm_token_state" if system == "vllm" else "segment"]
    for segment, percent in PAPER["fig2_percent_of_kv_pool"][system].items():
        assert 100 * view[segment] == pytest.approx(percent, abs=tolerance), segment


@pytest.mark.slow
@pytest.mark.parametrize("system", PAPER["fig13a_mean_batch"])
def test_fig13_batches(fig2: dict[str, Any], system: str) -> None:
    published = PAPER["fig13a_mean_batch"][system]
    exact = system == "orca_max"
    assert fig2[system]["batch"]["mean"] == pytest.approx(published, rel=0 if exact else 0.04, abs=0)


def run_listed(
    requests: list[tuple[int, int]], *specs: AllocatorSpec, preemption: str = "recompute", **settings: Any
) -> dict[str, Any]:
    """The summary of the first policy over requests given as (prompt, output)."""
    listed = tuple(ListedRequest(prompt, output, max_tokens=output) for prompt, output in requests)
    workload = replace(drawn_workload(1, 1, 1), count=None, prompt=None, output=None, listed=listed)
    scenario = scenario_of(*specs, workload=workload, scheduler=Scheduler(preemption=preemption), **settings)
    return dict(simulate(scenario).policies[0].summary)


FITS = (4, 3)


@pytest.mark.parametrize(
    ("spec", "requests", "preemption", "reason", "label", "first"),
    [
        (
            PAGED,
            [FITS, (64, 1)],
            "recompute",
            "its prompt leaves no room for an output within max_model_len",
            "policy",
            1,
        ),
        (PAGED, [FITS, (30, 20), (31, 20)], "recompute", "it needs more slots than the arena has", "capacity", 1),
        (
            AllocatorSpec(name="max", policy="contiguous", reserve="limit"),
            [(4, 3), (20, 30)],
            "recompute",
            "it needs more slots than the arena has",
            "capacity",
            1,
        ),
        (
            AllocatorSpec(name="pow2", policy="contiguous", reserve="pow2"),
            [FITS, (10, 17)],
            "recompute",
            "its reservation is larger than the arena",
            "policy",
            1,
        ),
        (
            AllocatorSpec(name="buddy", policy="contiguous", reserve="oracle", placement="buddy"),
            [FITS, (20, 14)],
            "recompute",
            "its reservation cannot be placed even in an empty arena",
            "fragmentation",
            1,
        ),
        (
            PAGED,
            [(16, 18), (20, 9)],
            "none",
            "it could not grow: memory was full, and preemption is off",
            "capacity",
            0,
        ),
        (
            GROWING,
            [(8, 12), (4, 4), (8, 12)],
            "none",
            "it could not grow: no free extent was long enough, and preemption is off",
            "fragmentation",
            2,
        ),
        (
            AllocatorSpec(name="grow-buddy", policy="contiguous", reserve="grow", placement="buddy"),
            [(10, 12)],
            "recompute",
            "it could not grow even with the arena to itself",
            "fragmentation",
            0,
        ),
    ],
    ids=["prompt", "capacity", "capacity-contiguous", "reservation", "placement", "growth", "move", "alone"],
)
def test_refusals(
    spec: AllocatorSpec, requests: list[tuple[int, int]], preemption: str, reason: str, label: str, first: int
) -> None:
    """Every reason there is; the run goes on, and the refused are counted and named."""
    spec = replace(spec, chunk=4)
    summary = run_listed([*requests, FITS], spec, preemption=preemption, slots=36, max_model_len=64)
    assert [(entry["reason"], entry["label"], entry["first"]) for entry in summary["refusals"]] == [
        (reason, label, first)
    ]
    refused = summary["requests"]["refused"]
    assert refused == summary["refusals"][0]["count"]
    assert summary["requests"]["finished"] == len(requests) + 1 - refused
    assert summary["arena"]["corrupt"] == 0


def test_nothing_served_is_an_error() -> None:
    workload = drawn_workload(count=5, prompt=50, output=30)
    with pytest.raises(PagedSimError) as error:
        simulate(scenario_of(PAGED, slots=32, max_model_len=100, workload=workload))
    assert error.value.exit_code == EXIT_ERROR
    assert str(error.value) == (
        "no request could be served: 5 were refused by paged, the first (number 0) because it needs more slots than "
        "the arena has; give more memory or shorter requests"
    )


def test_one_policy_that_serves_is_enough() -> None:
    small = AllocatorSpec(name="max", policy="contiguous", reserve="max")
    run = simulate(scenario_of(small, PAGED, slots=32, max_model_len=100))
    assert [part.summary["requests"]["finished"] for part in run.policies] == [0, 4]


def test_a_dead_end_is_diagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can never be served is refused beforehand; were one to slip through, the run would say so and end."""
    monkeypatch.setattr(setup, "refuse_beforehand", lambda *arguments: None)
    with pytest.raises(PagedSimError) as error:
        run_listed([FITS, (50, 2)], AllocatorSpec(name="oracle", policy="contiguous", reserve="oracle"), slots=40)
    assert error.value.exit_code == EXIT_ERROR
    assert str(error.value) == (
        "no progress after step 3: request 1 needs 51 slots, 40 are free, 40 could be placed, and nothing runs that "
        "could free more; give it more memory or a smaller reservation"
    )


def test_a_broken_balance_is_reported_with_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "balance", lambda ledger: -1)
    with pytest.raises(LedgerError, match="step 0: the accounts sum to 64 of 64:"):
        run_listed([FITS], PAGED)


def test_an_allocator_that_is_not_as_new_is_reported() -> None:
    state = set_up(scenario_of(PAGED), requests_four()).allocator
    simulation.check_emptied(PAGED, state)
    assert isinstance(state, Paged)
    state.references[0] = 1
    with pytest.raises(AssertionError, match="paged is not as new after everything was freed: 64 of 64 slots are free"):
        simulation.check_emptied(PAGED, state)


def requests_four() -> Any:
    """Four requests of 5 + 3 tokens."""
    return simulation.draw(scenario_of(PAGED), 1).requests


def mixed(*specs: AllocatorSpec, **settings: Any) -> Scenario:
    """Sixty requests of mixed lengths through memory for about six, drawn anew for every seed."""
    prompt, output = Variant("uniform", {"low": 1, "high": 20}), Variant("uniform", {"low": 1, "high": 20})
    return scenario_of(*specs, **{"slots": 128, "workload": drawn_workload(60, prompt, output), **settings})


def text(run: Run) -> str:
    """A run's JSON."""
    return json.dumps(run.to_json(), sort_keys=True)


def test_one_seed_gives_one_json() -> None:
    """The scenario, the timeline and the map are the same again, byte for byte."""
    scenario = mixed(PAGED, GROWING, repeats=2)
    first, second = (simulate(scenario, maps=True) for _ in range(2))
    assert text(first) == text(second)
    for one, other in zip(first.policies, second.policies, strict=True):
        assert np.array_equal(one.timeline.memory_map, other.timeline.memory_map)
        assert all(
            np.array_equal(column, other.timeline.columns[name]) for name, column in one.timeline.columns.items()
        )
    assert text(first) != text(simulate(replace(scenario, seed=2)))


@pytest.mark.parametrize("payload", ["none", "full", 32])
def test_the_payload_changes_no_account(payload: str | int) -> None:
    summaries = []
    for arena in (ArenaSpec(device="cpu"), ArenaSpec(device="cpu", payload=payload)):
        parts = simulate(mixed(PAGED, GROWING, arena=arena)).policies
        summaries.append([{key: value for key, value in part.summary.items() if key != "arena"} for part in parts])
    assert summaries[0] == summaries[1]


def test_maps_and_a_watched_step_change_nothing_else() -> None:
    scenario = mixed(PAGED, GROWING)
    plain, watched = simulate(scenario), simulate(scenario, maps=True, at_step=7, timings=True)
    for one, other in zip(plain.policies, watched.policies, strict=True):
        added = {"at_step": other.summary["at_step"], "timings": other.summary["timings"]}
        assert other.summary == {**one.summary, **added}
        assert other.summary["timings"]["wall_seconds"] > 0
        row = {name: column[7] for name, column in one.timeline.columns.items()}
        assert {name: other.summary["at_step"][name] for name in row} == row
        assert sum(row[name] for name in ACCOUNTS) == 128
    assert simulate(scenario, at_step=10_000).policies[0].summary["at_step"] is None


def test_seeds_are_merged() -> None:
    """Shares and means are means, counters sums, peaks maxima; spread is the sample standard deviation."""
    singles = [simulate(mixed(PAGED, seed=seed)).policies[0].summary for seed in (1, 2, 3)]
    merged = simulate(mixed(PAGED, repeats=3)).policies[0].summary
    assert merged["seeds"] == [1, 2, 3]
    for path in ("steps", "token_steps"):
        assert merged[path] == sum(single[path] for single in singles)
    for path in ("requests", "blocked_steps", "preemptions"):
        for name, value in merged[path].items():
            assert value == sum(single[path][name] for single in singles), (path, name)
    assert merged["blocked_steps"]["capacity"] > singles[0]["blocked_steps"]["capacity"] > 0
    means = [single["occupancy"]["mean"] for single in singles]
    assert merged["occupancy"]["mean"] == pytest.approx(np.mean(means))
    assert merged["spread"]["occupancy.mean"] == pytest.approx(np.std(means, ddof=1))
    assert merged["batch"]["peak"] == max(single["batch"]["peak"] for single in singles)
    assert merged["arena"]["tokens_written"] == sum(single["arena"]["tokens_written"] for single in singles)
    assert merged["arena"]["touched_bytes"] == max(single["arena"]["touched_bytes"] for single in singles)
    assert merged["arena"]["bytes"] == singles[0]["arena"]["bytes"] == 128 * 8
    assert merged["arena"]["hash"] not in {single["arena"]["hash"] for single in singles}
    assert sum(entry["mean"] for entry in merged["ledger"]["saturated"].values()) == pytest.approx(1.0)
    assert singles[0]["spread"]["occupancy.mean"] is None


def test_merging_leaves_out_what_a_seed_has_not() -> None:
    merged = merge([{"over": "all", "fill": {"mean": None}}, {"over": "all", "fill": {"mean": 0.5}}])
    assert merged == {"over": "all", "fill": {"mean": 0.5}, "spread": {"fill.mean": None}}


def test_refusals_of_all_seeds_are_counted_by_reason() -> None:
    refusal = {"reason": "too long", "label": "capacity", "count": 2, "first": 5}
    other = {"reason": "too big", "label": "policy", "count": 1, "first": 9}
    merged = merge([{"refusals": []}, {"refusals": [refusal]}, {"refusals": [other, {**refusal, "first": 1}]}])
    assert merged["refusals"] == [{**refusal, "count": 4}, other]


def test_over_says_which_steps_count() -> None:
    """Saturated where a request ever waits in every seed, all where there is always room."""
    roomy = simulate(mixed(PAGED, slots=1 << 14)).policies[0].summary
    assert roomy["over"] == "all"
    assert roomy["batch"]["saturated"] == {"mean": None, "peak": None, "p50": None, "p99": None}
    tight = simulate(mixed(PAGED)).policies[0].summary
    assert tight["over"] == "saturated"
    assert tight["batch"]["mean"] == tight["batch"]["saturated"]["mean"] > tight["batch"]["all"]["mean"]


def test_quantiles_are_those_of_the_rows() -> None:
    """A batch is a whole number below the histogram's resolution: p50 and p99 are exact."""
    part = simulate(mixed(PAGED)).policies[0]
    batch = np.sort(part.timeline.columns["batch"])
    summary = part.summary["batch"]["all"]
    assert summary["p50"] == batch[int(np.ceil(0.5 * len(batch))) - 1]
    assert summary["p99"] == batch[int(np.ceil(0.99 * len(batch))) - 1]
    assert summary["mean"] == pytest.approx(batch.mean())


def test_warm_up_is_left_out_of_the_ledger_but_not_of_the_counters() -> None:
    whole, warm = (
        simulate(mixed(PAGED, measure=Measure(warmup_requests=count, samples=9))).policies[0].summary
        for count in (0, 20)
    )
    assert warm["steps"] == whole["steps"]
    assert warm["requests"] == whole["requests"]
    assert sum(warm["blocked_steps"].values()) < sum(whole["blocked_steps"].values())
    assert warm["batch"]["mean"] != whole["batch"]["mean"]


def test_who_serves_samples_one_by_one_says_so() -> None:
    cached = replace(PAGED, name="cached", prefix_cache="hash")
    scenario = mixed(PAGED, cached)
    run = simulate(replace(scenario, workload=replace(scenario.workload, samples=3)))
    assert [run[name]["requests"]["finished"] for name in ("paged", "cached")] == [60, 180]
    assert run["paged"]["notes"] == []
    assert run["cached"]["notes"] == [
        "with a prefix cache each sample is a request of its own, and is counted and timed as one"
    ]
    assert simulate(mixed(cached))["cached"]["notes"] == []


def test_progress_hears_of_every_request() -> None:
    class Listener:
        heard: list[tuple[str, int, int]]

        def __init__(self) -> None:
            self.heard = []

        def update(self, name: str, done: int, total: int) -> None:
            self.heard.append((name, done, total))

        def announce(self, text: str) -> None:
            raise AssertionError(text)

    listener = Listener()
    simulate(mixed(PAGED, GROWING), progress=listener)
    assert [entry for entry in listener.heard if entry[1] == entry[2]] == [("paged", 60, 60), ("grow", 60, 60)]


@pytest.mark.parametrize("check", ["all", "finish", "sample", "none"])
def test_check_says_how_much_is_read_back(check: str) -> None:
    arena = simulate(mixed(PAGED, arena=ArenaSpec(device="cpu", check=check))).policies[0].summary["arena"]
    assert arena["tokens_discarded"] > 0
    expected = {
        "all": arena["tokens_written"],
        "finish": arena["tokens_written"] - arena["tokens_discarded"],
        "none": 0,
    }
    if check == "sample":
        assert 0 < arena["tokens_checked"] < arena["tokens_written"] // 4
    else:
        assert arena["tokens_checked"] == expected[check]


def test_requests_over_time_need_a_clock() -> None:
    workload = drawn_workload(4, 5, 3, arrival=Variant("poisson", {"rate": 2.0}))
    with pytest.raises(PagedSimError, match="clock"):
        simulate(scenario_of(PAGED, workload=workload))


def test_messages_of_a_halted_machine() -> None:
    machine = set_up(scenario_of(PAGED), requests_four())
    steps.advance(machine, 1)
    machine.counts[m.NUM_RETURNED], machine.returned[0] = 1, 2
    assert stuck(machine).startswith("no progress after step 2: request 2 needs 5 slots, 32 are free, 32 could be")
    assert unbalanced(machine).startswith("step 2: the accounts sum to 64 of 64: [2")


def test_an_arena_that_operations_cannot_count_is_refused() -> None:
    scenario = scenario_of(AllocatorSpec(name="p", policy="paged", page_size=16), slots=1 << 31)
    with pytest.raises(PagedSimError, match=r"memory: 2,147,483,648 slots are more than an arena can have"):
        simulate(scenario)
