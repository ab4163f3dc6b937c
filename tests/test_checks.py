"""Expectations and verdicts."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.checks import AtLeast, AtMost, Expectation, Verdict, Within, evaluate, parse_expression
from paged_sim.errors import PagedSimError
from paged_sim.scenario.models import Check

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
        {"name": "orca-max", "steps": 9, "occupancy": {"mean": 0.25}},
    ],
}


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        (">= 0.95", AtLeast(0.95)),
        (">=3", AtLeast(3.0)),
        (" <= 1e3 ", AtMost(1000.0)),
        ("0.204 +- 0.02", Within(0.204, 0.02)),
        ("-1+-.5", Within(-1.0, 0.5)),
        ("7", Within(7.0)),
    ],
)
def test_expressions(text: str, expectation: Expectation) -> None:
    assert parse_expression(text) == expectation


@pytest.mark.parametrize(
    "text", ["", "> 3", "== 3", ">= x", "3 ± 1", "3 +- 1 +- 1", "1 +- -1", ">= 3 GiB", "9" * 80 + "x"]
)
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
        ("0.204 +- 0.02", 0.224, True),
        ("0.204 +- 0.02", 0.184, True),
        ("0.204 +- 0.02", 0.2241, False),
        ("0.3", 0.1 + 0.2, False),
        ("7", 7, True),
    ],
)
def test_met_by(expression: str, value: float, passed: bool) -> None:
    assert parse_expression(expression).met_by(value) is passed


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_target_is_within_any_tolerance(target: float, tolerance: float) -> None:
    assert Within(target, tolerance).met_by(target)


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
    with pytest.raises(PagedSimError, match=r"^s\.yaml:3: checks\.vllm\.steps: '> 1' is no expectation"):
        evaluate(RUN, [Check("vllm.steps", "> 1", "s.yaml:3")])
