"""The sentence that answers the question, in the plain case and at its edges."""

from __future__ import annotations

from typing import Any

import pytest
from test_reports_sample import SLOTS, statistics, summary

from paged_sim.reports.answer import answer


def held(run: dict[str, Any], number: float) -> dict[str, Any]:
    statistic = statistics(number)
    return {**run, "batch": {"mean": number, "peak": number, "saturated": statistic, "all": statistic}}


def without_loss(run: dict[str, Any]) -> dict[str, Any]:
    ledger = {account: statistics(0.0) for account in run["ledger"]["all"]}
    return {**run, "ledger": {"saturated": ledger, "all": ledger}}


def test_best_against_worst() -> None:
    assert answer([summary("orca-max"), summary("orca-pow2"), summary("vllm")]) == (
        "vllm holds 4.9x the sequences of orca-max in the same 12 GiB; "
        "orca-max loses 7.07 GiB (58.9%) to reservations that are never written."
    )


def test_one_policy() -> None:
    assert answer([summary("vllm")]) == (
        "vllm holds 34.30 sequences on average in 12 GiB; "
        "it loses 110.59 MiB (0.9%) to the ends of last pages that are never written."
    )


def test_nothing_lost() -> None:
    assert answer([without_loss(summary("vllm"))]).endswith("; it loses next to nothing.")


def test_nothing_held() -> None:
    runs = [held(summary("vllm"), 0.0), held(summary("orca-max"), 0.0)]
    assert answer(runs) == "No sequence was held on the steps measured."


def test_one_holds_none() -> None:
    text = answer([summary("vllm"), held(summary("orca-max"), 0.0)])
    assert text.startswith("vllm holds 34.30 sequences on average and orca-max none in the same 12 GiB")


def test_a_small_lead_is_given_in_per_cent() -> None:
    text = answer([held(summary("vllm"), 7.35), summary("orca-max")])
    assert text.startswith("vllm holds 5.0% more sequences than orca-max")


@pytest.mark.parametrize(
    ("over", "blocked", "why"),
    [
        ("all", {"fragmentation": 0, "capacity": 0, "policy": 0}, ", since no request ever has to wait"),
        (
            "saturated",
            {"fragmentation": 1, "capacity": 1, "policy": 9},
            ", since the scheduler's limits hold requests back",
        ),
        ("saturated", {"fragmentation": 9, "capacity": 1, "policy": 1}, ""),
    ],
)
def test_a_tie(over: str, blocked: dict[str, int], why: str) -> None:
    runs = [held(summary(name, over=over, blocked_steps=blocked), 7.0) for name in ("vllm", "orca-max")]
    assert answer(runs).startswith(
        f"Both policies hold the same 7.00 sequences on average in 12 GiB{why}; orca-max loses"
    )


def test_three_that_tie() -> None:
    runs = [held(summary(name), 7.0) for name in ("vllm", "orca-max", "orca-pow2")]
    assert answer(runs).startswith("All 3 policies hold the same")


def test_different_memory_is_said() -> None:
    smaller = summary("orca-max")
    smaller["capacity"] = {**smaller["capacity"], "bytes": SLOTS * 409_600}
    assert "(12 GiB against 6 GiB)" in answer([summary("vllm"), smaller])


def test_different_steps_are_compared_over_all() -> None:
    runs = [summary("vllm", over="all"), summary("orca-max")]
    runs[1]["batch"]["all"] = statistics(3.43)
    assert answer(runs).startswith("Over all steps: vllm holds 9.0x the sequences of orca-max")


def test_requests_that_were_not_served_are_said() -> None:
    worse = summary("orca-max", requests={"finished": 12, "refused": 9, "preempted": 0})
    assert answer([summary("vllm"), worse]).endswith(", and finishes 12 requests where vllm finishes 3,998.")
