"""The verdict, case by case: what the run says, and the sentences that must come of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from test_reports_sample import CAUSES, SLOTS, statistics, summary

from paged_sim.reports.verdict import verdict
from paged_sim.scenario.load import load_text
from paged_sim.simulation import simulate

UNBOUND: dict[str, Any] = {
    "blocked_steps": {"fragmentation": 0, "capacity": 0, "policy": 527},
    "blocked_by": {**dict.fromkeys(CAUSES, 0), "token_budget": 527},
    "requests": {"finished": 4_000, "refused": 0, "preempted": 0},
    "waiting": {"share": 0.0, "share_by": dict.fromkeys((*CAUSES, "step"), 0.0)},
    "refusals": [],
    "occupancy": {"mean": 0.385, "saturated": statistics(0.385), "all": statistics(0.385)},
    "measured": {"all": {"steps": 9_203, "time": 711.0}, "saturated": {"steps": 527, "time": 35.0}},
}
BOUND: dict[str, Any] = {"requests": {"finished": 4_000, "refused": 0, "preempted": 5}, "refusals": []}


def part(name: str, *changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The entry of a policy, as the sample's vllm with changes over it."""
    entry = {**summary("vllm"), "name": name, **BOUND}
    for change in changes:
        entry.update(change)
    return {**entry, **more}


def held(number: float, end: float = 41_000.0) -> dict[str, Any]:
    """So many sequences on average, and done after so many steps."""
    statistic = statistics(number)
    batch = {"mean": number, "peak": number, "saturated": statistic, "all": statistic}
    return {"batch": batch, "time": {"end": end, "last_arrival": 0.0, "unit": "steps"}}


def timed(total: float, end: float = 700.0, queue: float = 1.0, **shares: float) -> dict[str, Any]:
    """Requests arrive in time and take so long; shares of the time in which one waits, by cause."""
    latency = {name: dict.fromkeys(("mean", "p50", "p90", "p99", "max"), queue) for name in ("queue", "first_token")}
    return {
        "time": {"end": end, "last_arrival": 650.0, "unit": "s"},
        "latency": {**latency, "total": dict.fromkeys(("mean", "p50", "p90", "p99", "max"), total)},
        "waiting": {"share": sum(shares.values()), "share_by": {**dict.fromkeys((*CAUSES, "step"), 0.0), **shares}},
    }


def again(share: float, preemptions: int = 112) -> dict[str, Any]:
    """So many preemptions, and the share of the tokens that they cost."""
    return {
        "requests": {"finished": 4_000, "refused": 0, "preempted": preemptions},
        "tokens": {"computed": 10_000, "recomputed": int(10_000 * share), "recomputed_share": share},
    }


def refusing(number: int, excluded: int = 0) -> dict[str, Any]:
    """So many requests refused for want of memory, and for `max_model_len`."""
    rows = [
        {"key": "growth", "reason": "it could not grow", "label": "capacity", "count": number, "first": 3},
        {"key": "max_model_len", "reason": "its prompt", "label": "policy", "count": excluded, "first": 5},
    ]
    refused = number + excluded
    return {
        "requests": {"finished": 4_000 - refused, "refused": refused, "preempted": 0},
        "refusals": [row for row in rows if row["count"]],
    }


class Case(NamedTuple):
    """Policies, and the sentences that the verdict on them is, in order."""

    about: str
    runs: list[dict[str, Any]]
    expected: list[str]
    prefill: str = "chunked"


CACHE = {"sharing": {"prefix_cache": {"hit_rate": 0.34}}}
SPREADS = {"seeds": [1, 2, 3], "spread": {"batch.saturated.mean": 2.0, "latency.total.mean": 5.0}}

CASES = [
    Case(
        "the policy that holds more is done earlier",
        [part("vllm", held(34.3)), {**summary("orca-max"), **BOUND, **held(7.0, 200_000.0)}],
        [
            "vllm holds 4.9x the sequences of orca-max in the same 12 GiB and is done after 41,000 steps against "
            "200,000; orca-max loses 7.07 GiB (58.9%) to reservations that are never written."
        ],
    ),
    Case(
        "holding more is not faster",
        [part("more", held(8.0, 900.0)), part("fewer", held(4.0, 500.0))],
        [
            "more holds 2.0x the sequences of fewer in the same 12 GiB, but holding more is not faster here: it is "
            "done after 900 steps, fewer after 500."
        ],
    ),
    Case(
        "nor is it against one between them",
        [part("more", held(8.0, 900.0)), part("some", held(6.0, 500.0)), part("fewer", held(4.0, 1_000.0))],
        [
            "more holds 2.0x the sequences of fewer in the same 12 GiB, but holding more is not faster here: it is "
            "done after 900 steps, some after 500."
        ],
    ),
    Case(
        "of those that hold alike one may be done earlier",
        [part("a", held(8.0, 900.0)), part("b", held(8.0, 500.0))],
        [
            "b is done first, after 500 steps, a after 900: both policies hold 8.00 sequences on average in 12 GiB, to "
            "within 2%, and one seed says no more."
        ],
    ),
    Case(
        "policies that are alike lead together",
        [part("a", held(8.0)), part("b", held(7.95)), part("c", held(4.0))],
        ["a and b hold 2.0x the sequences of c in the same 12 GiB."],
    ),
    Case(
        "below 2 % one seed names no winner",
        [part("a", held(8.0)), part("b", held(7.9))],
        ["No winner: both policies hold 8.00 sequences on average in 12 GiB, to within 2%, and one seed says no more."],
    ),
    Case(
        "nor do several within their spread",
        [part("a", held(8.0), SPREADS), part("b", held(6.5), SPREADS)],
        ["No winner: both policies hold 8.00 sequences on average in 12 GiB, to within the spread over the seeds."],
    ),
    Case(
        "a small lead beyond the spread is given in per cent",
        [part("a", held(8.0), SPREADS, spread={"batch.saturated.mean": 0.1}), part("b", held(7.5), seeds=[1, 2])],
        ["a holds 6.7% more sequences than b in the same 12 GiB."],
    ),
    Case(
        "tokens computed again are the price",
        [part("a", held(8.0), again(0.3)), part("b", held(4.0))],
        ["a holds 2.0x the sequences of b in the same 12 GiB, at 30% of its tokens computed again."],
    ),
    Case(
        "thrash is named first",
        [part("a", held(8.0, 900.0), again(0.6)), part("b", held(4.0, 500.0))],
        [
            "a thrashes: it computes 10,000 tokens, 60.0% of them again, after 112 preemptions. a holds 2.0x the "
            "sequences of b in the same 12 GiB, but holding more is not faster here: it is done after 900 steps, b "
            "after 500."
        ],
    ),
    Case(
        "what is waited on for a step is measured over all",
        [part("a", held(8.0)), part("b", held(4.0), measured={**UNBOUND["measured"], "saturated": {"steps": 1}})],
        ["Over all steps: a holds 2.0x the sequences of b in the same 12 GiB."],
    ),
    Case(
        "and nobody wins over all",
        [part("a", held(8.0)), part("b", held(7.9), measured={**UNBOUND["measured"], "saturated": {"steps": 1}})],
        [
            "Over all steps: no winner: both policies hold 8.00 sequences on average in 12 GiB, to within 2%, and one "
            "seed says no more."
        ],
    ),
    Case(
        "one policy",
        [part("a", held(8.0))],
        ["a holds 8.00 sequences on average in 12 GiB and is done after 41,000 steps."],
    ),
    Case("nothing held", [part("a", held(0.0)), part("b", held(0.0))], ["No sequence was held on the steps measured."]),
    Case(
        "one holds none",
        [part("a", held(8.0)), part("b", held(0.0))],
        ["a holds 8.00 sequences on average and b none in the same 12 GiB."],
    ),
    Case(
        "memory that never binds decides nothing",
        [part("p16", UNBOUND, held(8.0)), part("p64", UNBOUND, held(4.0))],
        [
            "Memory never binds: peak 42% of 12 GiB (p16); the token budget did, on 527 of 9,203 steps (p16): raise "
            "max_num_batched_tokens."
        ],
    ),
    Case(
        "a prompt that must fit a step holds the others back",
        [part("p16", UNBOUND, held(8.0))],
        ["Memory never binds: peak 42% of 12 GiB; the token budget did, on 527 of 9,203 steps: use prefill: chunked."],
        prefill="whole",
    ),
    Case(
        "with arrivals in time the faster is the better, and memory does not decide it",
        [
            part("p16", UNBOUND, timed(26.2, token_budget=0.05)),
            part("p16c", UNBOUND, timed(18.5, step=0.1), CACHE, blocked_by=dict.fromkeys(CAUSES, 0)),
        ],
        [
            "Memory never binds: peak 42% of 12 GiB (p16); the token budget did, on 527 of 9,203 steps (p16): raise "
            "max_num_batched_tokens. Requests take 18.5 s on average under p16c, whose prefix cache spares 34% of the "
            "prompt tokens, 26.2 s under p16: memory does not decide that."
        ],
    ),
    Case(
        "memory that bound while the run warmed up did bind",
        [part("a", UNBOUND, timed(5.0, queue=0.6, capacity=0.2))],
        [
            "Under a requests take 5 s on average, 600 ms of it in the queue. Memory binds: a waits for it 20.0% of "
            "the time."
        ],
    ),
    Case(
        "one step, one preemption, one prompt",
        [part("a", timed(1.0, queue=0.0, capacity=0.2), again(0.139, 1), refusals=refusing(0, 1)["refusals"])],
        [
            "Under a requests take 1 s on average, 0 s of it in the queue. Memory binds: a waits for it 20.0% of the "
            "time and preempts once (13.9% of its tokens computed again).",
            "1 of 4,000 prompts does not fit max_model_len: refused.",
        ],
    ),
    Case(
        "in steps who holds more is judged, also where requests come over time",
        [part("a", held(8.0, 1.0), time={"end": 1.0, "last_arrival": 0.5, "unit": "steps"})],
        ["a holds 8.00 sequences on average in 12 GiB and is done after 1 step."],
    ),
    Case(
        "nobody waits",
        [part("a", UNBOUND, timed(3.5), blocked_by=dict.fromkeys(CAUSES, 0))],
        ["Memory never binds: peak 42% of 12 GiB, and nothing else holds requests back for long."],
    ),
    Case(
        "a step with a long prompt keeps the others waiting",
        [part("a", UNBOUND, timed(5.0, queue=0.6, step=0.2), blocked_by=dict.fromkeys(CAUSES, 0))],
        [
            "Memory never binds: peak 42% of 12 GiB. Long steps keep requests waiting 20.0% of the time, 600 ms each: "
            "use prefill: chunked."
        ],
        prefill="whole",
    ),
    Case(
        "a rule that holds requests back longer than memory does",
        [part("a", timed(5.0, queue=0.6, capacity=0.1, max_num_seqs=0.2), again(0.0, 0))],
        [
            "Under a requests take 5 s on average, 600 ms of it in the queue. Memory binds: a waits for it 10.0% of "
            "the time. max_num_seqs holds requests back longer, 20.0% of the time: raise it."
        ],
    ),
    Case(
        "short of memory and slower",
        [
            part("p16", timed(103.0, 836.0, capacity=0.457, token_budget=0.43), again(0.027)),
            part("c", UNBOUND, timed(78.6)),
        ],
        [
            "c serves fastest: requests take 78.6 s on average, 103 s under p16 (+31.0%); the last ends at 700 s "
            "against 836 s. Memory binds: p16 waits for it 45.7% of the time and preempts 112 times (2.7% of its "
            "tokens computed again); c never waits for it. The token budget holds requests back, too, 43.0% of the "
            "time under p16: raise max_num_batched_tokens."
        ],
    ),
    Case(
        "short of memory, and nobody is faster",
        [part("a", timed(50.0, capacity=0.2)), part("b", timed(50.5, fragmentation=0.3, capacity=0.1))],
        [
            "No winner: requests take 50 s on average under both policies, to within 2%, and one seed says no more. "
            "Memory binds: b waits for it 40.0% of the time (fragmentation 30.0%) and preempts 5 times (0.1% of its "
            "tokens computed again); a waits for it 20.0% of the time and preempts 5 times (0.1% of its tokens "
            "computed again)."
        ],
    ),
    Case(
        "one policy, arrivals in time",
        [part("a", timed(50.0, queue=0.05, capacity=0.2), again(0.0, 0))],
        [
            "Under a requests take 50 s on average, 50 ms of it in the queue. Memory binds: a waits for it 20.0% of "
            "the time."
        ],
    ),
    Case(
        "who refuses for want of memory comes first",
        [part("a", held(8.0), refusing(5)), part("b", held(4.0), refusing(0))],
        [
            "b serves most, 4,000 of 4,000: a refuses 5 of 4,000 requests for want of memory (it could not grow); b "
            "none."
        ],
    ),
    Case(
        "who serves most may thrash, and may serve samples together that others serve one by one",
        [part("a", held(8.0), refusing(5)), part("b", again(0.6), requests={**again(0.6)["requests"], "finished": 40})],
        [
            "b serves most, 40 of 40: a refuses 5 of 4,000 requests for want of memory (it could not grow); b none.",
            "b thrashes: it computes 10,000 tokens, 60.0% of them again, after 112 preemptions.",
        ],
    ),
    Case(
        "only those are compared that serve the same",
        [part("a", held(9.0), refusing(5)), part("b", held(8.0), refusing(1)), part("c", held(4.0), refusing(1))],
        [
            "a refuses 5 of 4,000 requests for want of memory (it could not grow); b 1, c 1. The rest is about those "
            "that refuse fewest.",
            "b holds 2.0x the sequences of c in the same 12 GiB.",
        ],
    ),
    Case(
        "what no memory could serve comes last",
        [part("a", held(8.0), refusing(0, 11)), part("b", held(4.0), refusing(0, 11))],
        [
            "a holds 2.0x the sequences of b in the same 12 GiB.",
            "11 of 4,000 prompts do not fit max_model_len: refused under every policy.",
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_the_verdict(case: Case) -> None:
    document = {"scenario": {"name": "sample", "scheduler": {"prefill": case.prefill}}, "runs": case.runs}
    assert verdict(document) == case.expected


def test_different_memory_is_said() -> None:
    runs = [part("vllm", held(8.0)), part("small", held(4.0))]
    runs[1]["capacity"] = {**runs[1]["capacity"], "bytes": SLOTS * 409_600}
    (text,) = verdict({"scenario": {}, "runs": runs})
    assert "(12 GiB against 6 GiB)" in text


def test_a_run_saved_before_there_were_times_has_a_verdict() -> None:
    runs = [part("a", held(8.0)), part("b", held(4.0))]
    for run in runs:
        for key in ("time", "latency", "throughput", "tokens", "blocked_by", "measured", "waiting"):
            del run[key]
    assert verdict({"scenario": {}, "runs": runs}) == ["a holds 2.0x the sequences of b in the same 12 GiB."]


THRASH = """
memory: {slots: 1000}
max_model_len: 512
workload: {requests: 12, prompt: 200, output: {uniform: [80, 120]}}
scheduler: {max_num_seqs: 16, max_num_batched_tokens: 40, prefill: chunked, reserve_full_prompt: %s}
clock: {base: 10ms, per_prefill_token: 1ms}
allocators: [{name: vllm, policy: paged}]
"""
REFUSED = """
memory: {slots: 1024}
max_model_len: 1024
workload: {requests: 8, prompt: 200, output: 150}
scheduler: {max_num_seqs: 4, preemption: none}
allocators: [{name: unified, policy: paged, page_size: 1}]
"""
SERVICE = """
seed: 1
model: {preset: llama-3.1-70b, tensor_parallel: 4}
memory: {slots: %d}
max_model_len: 8192
workload:
  requests: 2000
  prompt: {lognormal: {mean: 900, sigma: 1.0}}
  output: {lognormal: {mean: 300, sigma: 0.8}}
  prefix: {groups: 5, tokens: 1500, share: 0.3}
  max_tokens: 2048
  arrival: %s
scheduler: {prefill: whole, max_num_seqs: 1024}
clock: {base: 30ms, per_sequence: 0.3ms, per_prefill_token: 0.1ms}
arena: {payload: none, device: cpu}
allocators:
  - {name: p16, policy: paged, page_size: 16}
  - {name: p16c, policy: paged, page_size: 16, prefix_cache: hash}
"""


AMPLE = """
memory: {slots: 20000}
max_model_len: 2048
seed: 1
workload:
  requests: 400
  prompt: {lognormal: {mean: 300, sigma: 1.0}}
  output: {lognormal: {mean: 100, sigma: 0.8}}
  prefix: {groups: 5, tokens: 512, share: 0.5}
  arrival: {poisson: 3/s}
clock: {base: 30ms, per_sequence: 0.3ms, per_prefill_token: 0.1ms}
allocators:
  - {name: plain, policy: paged}
  - {name: cache, policy: paged, prefix_cache: hash}
"""


def simulated(text: str, *, compiled: bool = False) -> dict[str, Any]:
    """The JSON of a scenario's run."""
    with patch.dict(os.environ, PAGED_SIM_COMPILE="always" if compiled else "never"):
        return simulate(load_text(text, Path("case.yaml").name)).to_json()


@pytest.mark.parametrize(
    ("full_prompt", "end", "computed", "recomputed", "begins"),
    [
        (
            "false",
            12.138,
            9_002,
            5_444,
            "vllm thrashes: it computes 9,002 tokens, 60.5% of them again, after 52 preemptions.",
        ),
        ("true", 7.803, 4_637, 1_079, "vllm holds 3.16 sequences on average in 500 MiB and is done after 7.8 s"),
    ],
)
def test_thrash_is_told_by_what_it_costs(
    full_prompt: str, end: float, computed: int, recomputed: int, begins: str
) -> None:
    document = simulated(THRASH % full_prompt)
    (run,) = document["runs"]
    assert run["time"]["end"] == pytest.approx(end)
    assert (run["tokens"]["computed"], run["tokens"]["recomputed"]) == (computed, recomputed)
    assert verdict(document)[0].startswith(begins)


def test_refused_requests_are_no_good_news() -> None:
    first, second = verdict(simulated(REFUSED))
    assert first.startswith("unified refuses 5 of 8 requests for want of memory")
    assert second == "unified holds 4.00 sequences on average in 512 MiB and is done after 239 steps."


@pytest.mark.slow
def test_where_nobody_waits_memory_decides_nothing() -> None:
    document = simulated(AMPLE, compiled=True)
    assert [run["requests"]["finished"] for run in document["runs"]] == [397, 397]
    assert not any(run["measured"]["saturated"]["steps"] for run in document["runs"])
    first, second = verdict(document)
    assert first.startswith("Memory never binds: peak 74% of 9.77 GiB (plain), and nothing else holds requests back")
    assert first.endswith("memory does not decide that.")
    assert "holds" not in first.replace("nothing else holds", "")
    assert second == "3 of 400 prompts do not fit max_model_len: refused under every policy."


@pytest.mark.slow
def test_a_service_whose_memory_never_binds_has_no_winner() -> None:
    document = simulated(SERVICE % (513_092, "{poisson: 3/s}"), compiled=True)
    first, second = verdict(document)
    assert first.startswith(
        "Memory never binds: peak 42% of 39.15 GiB (p16); the token budget did, on 527 of 9,203 steps (p16): use "
        "prefill: chunked."
    )
    assert second == "11 of 2,000 prompts do not fit max_model_len: refused under every policy."


@pytest.mark.slow
def test_a_service_short_of_memory_is_judged_by_time() -> None:
    document = simulated((SERVICE % (513_092, "{users: 400}")).replace("2000", "3000"), compiled=True)
    plain, cached = document["runs"]
    assert (plain["requests"]["preempted"], cached["requests"]["preempted"]) == (112, 0)
    assert plain["blocked_by"]["capacity"] == 1_399
    assert verdict(document)[0].startswith("p16c serves fastest: requests take 77.6 s on average, 103 s under p16")
