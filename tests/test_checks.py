"""Expectations and verdicts."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.checks import Expectation, Verdict, check, evaluate, parse_expression
from paged_sim.errors import PagedSimError
from paged_sim.scenario import load_text
from paged_sim.scenario.expectations import EXPRESSION_PATTERN
from paged_sim.scenario.models import Check
from paged_sim.simulation import simulate

RUN: dict[str, Any] = {
    "version": 1,
    "runs": [
        {
            "name": "vllm",
            "steps": 7,
            "seeds": [42],
            "over": "saturated",
            "occupancy": {"mean": 0.5, "saturated": {"mean": 0.224, "peak": 0.9}},
            "arena": {"resident_bytes": None, "fine": True, "odd": math.nan},
        },
        {"name": "orca-max", "steps": 9, "over": "all", "occupancy": {"mean": 0.25}},
    ],
}


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        (">= 0.95", Expectation(">=", 0.95)),
        (">=3", Expectation(">=", 3.0)),
        (" <= 1e3 ", Expectation("<=", 1000.0)),
        ("> -3", Expectation(">", -3.0)),
        ("< .5", Expectation("<", 0.5)),
        ("== 3", Expectation("==", 3.0)),
        ("7", Expectation("==", 7.0)),
        ("0.204 +- 0.02", Expectation("+-", 0.204, tolerance=0.02)),
        ("-1+-.5", Expectation("+-", -1.0, tolerance=0.5)),
        ("p99 < 0.06", Expectation("<", 0.06, statistic="p99")),
        ("mean 3 +- 1", Expectation("+-", 3.0, tolerance=1.0, statistic="mean")),
        ("<= baseline * 1.02", Expectation("<=", 0.0, factor=1.02)),
        (">= baseline-0.5", Expectation(">=", -0.5, factor=1.0)),
        ("peak < baseline + 2", Expectation("<", 2.0, factor=1.0, statistic="peak")),
        ("== baseline", Expectation("==", 0.0, factor=1.0)),
        ("baseline", Expectation("==", 0.0, factor=1.0)),
        ("baseline +- 0.01", Expectation("+-", 0.0, factor=1.0, tolerance=0.01)),
    ],
)
def test_expressions(text: str, expectation: Expectation) -> None:
    assert parse_expression(text) == expectation
    assert re.fullmatch(EXPRESSION_PATTERN, text)


@pytest.mark.parametrize(
    "text",
    [
        "", "=> 3", "!= 3", ">= x", "3 ± 1", "3 +- 1 +- 1", "1 +- -1", ">= 3 GiB", ">= 3 +- 1", "p42 < 3", "p99",
        "<= baseline / 2", "<= 2 * baseline", "<= baseline * -1", "mean", "9" * 80 + "x",
    ],
)  # fmt: skip
def test_bad_expressions(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_expression(text)


@pytest.mark.parametrize(
    ("expression", "value", "passed"),
    [
        (">= 3", 3, True),
        (">= 3", 2.999, False),
        ("<= 3", 3, True),
        ("<= 3", 3.001, False),
        ("> 3", 3, False),
        ("> 3", 3.001, True),
        ("< 3", 3, False),
        ("< 3", 2.999, True),
        ("== 3", 3, True),
        ("== 3", 3.0000001, False),
        ("0.204 +- 0.02", 0.224, True),
        ("0.204 +- 0.02", 0.184, True),
        ("0.204 +- 0.02", 0.2241, False),
        ("0.3", 0.1 + 0.2, False),
        ("7", 7, True),
    ],
)
def test_met_by(expression: str, value: float, passed: bool) -> None:
    assert parse_expression(expression).met_by(value) is passed


@pytest.mark.parametrize(
    ("expression", "passed"),
    [
        ("<= baseline * 1.1", True),
        ("< baseline * 1.1", False),
        (">= baseline + 0.03", True),
        (">= baseline + 0.031", False),
        ("baseline +- 0.03", True),
        ("== baseline", False),
        (">= baseline - 1", True),
    ],
)
def test_limits_that_come_from_a_baseline(expression: str, passed: bool) -> None:
    """0.3 * 1.1 is 0.33 to the digit, which binary arithmetic misses."""
    assert parse_expression(expression).met_by(0.33, baseline=0.3) is passed


@pytest.mark.parametrize(
    ("expression", "passed"),
    [
        (">= 10.5", True),
        (">= 10.6", False),
        ("> 10.5", False),
        ("<= 9.5", True),
        ("<= 9.4", False),
        ("< 9.5", False),
        ("11 +- 0.5", True),
        ("11 +- 0.4", False),
        ("== 10.2", False),
        ("== 10", True),
    ],
)
def test_over_several_seeds_only_an_interval_that_misses_as_a_whole_fails(expression: str, passed: bool) -> None:
    assert parse_expression(expression).met_by(10.0, spread=0.5) is passed


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_target_is_within_any_tolerance(target: float, tolerance: float, spread: float) -> None:
    assert Expectation("+-", target, tolerance=tolerance).met_by(target, spread)


def test_verdicts_come_in_the_order_of_the_checks() -> None:
    checks = [
        Check("vllm.occupancy.saturated.mean", "0.204 +- 0.02", "s.yaml:3"),
        Check("orca-max.steps", "<= 8", "s.yaml:4"),
    ]
    assert evaluate(RUN, checks) == [
        Verdict("vllm.occupancy.saturated.mean", "0.204 +- 0.02", 0.224, True, "s.yaml:3"),
        Verdict("orca-max.steps", "<= 8", 9, False, "s.yaml:4"),
    ]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("vllm.occupancy.saturatd.mean", "the run has no such number; did you mean vllm.occupancy.saturated.mean"),
        ("vlm.steps", "the run has no such number; did you mean vllm.steps"),
        ("zzz.qqq", "the run has no such number; paths begin with an allocator: vllm, orca-max"),
        ("vllm.steps.mean", "the run has no such number; did you mean"),
        ("vllm.arena.resident_bytes", "the run leaves this number empty (null); check another one"),
        ("vllm.occupancy", "this holds several numbers; name one of them, such as vllm.occupancy.mean"),
        ("vllm.over", "'saturated' is no number; check another path"),
        ("vllm.seeds", "[42] is no number; check another path"),
        ("vllm.arena.fine", "True is no number; check another path"),
        ("vllm.arena.odd", "nan is no number; check another path"),
    ],
)
def test_paths_that_lead_to_no_number(path: str, problem: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        evaluate(RUN, [Check(path, ">= 1", "s.yaml:3")])
    assert str(caught.value).startswith(f"s.yaml:3: checks.{path}: {problem}")


def test_a_bad_expression_names_the_check() -> None:
    with pytest.raises(PagedSimError, match=r"^s\.yaml:3: checks\.vllm\.steps: '=> 1' is no expectation"):
        evaluate(RUN, [Check("vllm.steps", "=> 1", "s.yaml:3")])


def test_a_statistic_is_found_below_the_path() -> None:
    found = evaluate(RUN, [Check("vllm.occupancy", f"{word} > 0", "s.yaml:3") for word in ("mean", "peak")])
    assert [verdict.value for verdict in found] == [0.5, 0.9]
    with pytest.raises(PagedSimError, match=r"no such number; did you mean vllm\.occupancy\.saturated\.peak"):
        evaluate(RUN, [Check("vllm.occupancy.saturated", "p99 > 0", "s.yaml:3")])


def test_the_spread_over_the_seeds_is_said() -> None:
    run = {"runs": [{**RUN["runs"][0], "seeds": [1, 2], "spread": {"occupancy.mean": 0.1}}]}
    checks = [Check("vllm.occupancy.mean", ">= 0.6", "s:1"), Check("vllm.occupancy.mean", "0.6", "s:2")]
    wide, exact = evaluate(run, [*checks])
    assert (wide.passed, wide.spread) == (True, 0.1)
    assert (exact.passed, exact.spread) == (False, None)


def test_a_baseline() -> None:
    checks = [Check("vllm.steps", "<= baseline * 1.02", "s:1"), Check("orca-max.steps", "== baseline", "s:2", "warn")]
    alone = evaluate(RUN, checks)
    assert [(verdict.passed, verdict.reason) for verdict in alone] == 2 * [(None, "no baseline to compare with")]
    before = {"runs": [{"name": "vllm", "steps": 6, "over": "all"}]}
    worse, missing = evaluate(RUN, checks, before)
    assert (worse.passed, worse.baseline, worse.failed) == (False, 6, True)
    assert (missing.passed, missing.level) == (False, "warn")
    assert (
        missing.reason
        == "the baseline has no allocator orca-max, it has vllm; keep the name, or take a baseline that has it"
    )
    older = {"runs": [{"name": "vllm", "over": "all"}, {"name": "orca-max", "over": "all"}]}
    assert {(verdict.passed, verdict.reason) for verdict in evaluate(RUN, checks, older)} == {
        (None, "the baseline has no such number")
    }
    worse, same = evaluate(RUN, checks, RUN)
    assert (worse.passed, same.passed) == (True, True)


def test_a_warning_does_not_fail() -> None:
    (verdict,) = evaluate(RUN, [Check("vllm.steps", "> 7", "s:1", "warn")])
    assert (verdict.passed, verdict.failed) == (False, False)


def test_checks_of_a_scenario() -> None:
    scenario = load_text(
        """
memory: {slots: 64}
max_model_len: 64
workload: {requests: 4, prompt: 5, output: 3}
allocators: [{name: paged, policy: paged, page_size: 4}]
checks:
  paged.requests.finished: 4
  paged.batch: p99 <= 4
  paged.steps:
    - < 100
    - {check: "> baseline", level: warn}
"""
    )
    assert scenario.checks[3] == Check("paged.steps", "> baseline", "scenario.yaml:11", "warn")
    run = simulate(scenario)
    assert [verdict.passed for verdict in check(scenario, run)] == [True, True, True, None]
    assert [verdict.passed for verdict in check(scenario, run, run)] == [True, True, True, False]
