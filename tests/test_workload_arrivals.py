"""Arrival processes: rates, gaps and phases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.requests import Floats
from paged_sim.workloads import ARRIVALS

COUNT = 100_000


def draw(kind: str, count: int = COUNT, seed: int = 11, **params: Any) -> Floats:
    return ARRIVALS[kind](params, count, np.random.default_rng(seed))


def gap_cv(arrival: Floats) -> float:
    gaps = np.diff(arrival)
    return float(gaps.std() / gaps.mean())


def test_saturated_and_users_have_no_times() -> None:
    assert draw("saturated", 4).tolist() == [0, 0, 0, 0]
    assert draw("users", 2, users=3, think=1.0).tolist() == [0, 0]


def test_every_starts_at_zero() -> None:
    assert draw("every", 4, interval=0.25).tolist() == [0, 0.25, 0.5, 0.75]


def test_poisson_rate_and_exponential_gaps() -> None:
    arrival = draw("poisson", rate=2.0)
    assert COUNT / arrival[-1] == pytest.approx(2, rel=0.01)
    assert gap_cv(arrival) == pytest.approx(1, rel=0.02)
    assert np.mean(np.diff(arrival) > 0.5) == pytest.approx(np.exp(-1), rel=0.02)


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0])
def test_gamma_rate_and_variation(cv: float) -> None:
    arrival = draw("gamma", rate=5.0, cv=cv)
    assert COUNT / arrival[-1] == pytest.approx(5, rel=0.03)
    assert gap_cv(arrival) == pytest.approx(cv, rel=0.03)


def test_on_off_rate_is_the_busy_rate_times_the_busy_share() -> None:
    arrival = draw("on_off", rate=10.0, on=20.0, off=60.0)
    assert COUNT / arrival[-1] == pytest.approx(10 * 20 / 80, rel=0.05)


def test_on_off_gaps_hold_busy_gaps_and_silences() -> None:
    gaps = np.diff(draw("on_off", rate=100.0, on=5.0, off=50.0))
    long = gaps[gaps > 1]
    # A gap holds a phase end with probability 1 / (1 + rate * on); few silences are shorter than a second.
    assert len(long) / len(gaps) == pytest.approx(np.exp(-1 / 50) / 501, rel=0.15)
    assert long.mean() == pytest.approx(51, rel=0.15)
    assert gaps[gaps <= 1].mean() == pytest.approx(0.01, rel=0.05)


PARAMS = {
    "poisson": {"rate": 3.0},
    "gamma": {"rate": 3.0, "cv": 2.0},
    "on_off": {"rate": 3.0, "on": 1.0, "off": 2.0},
    "every": {"interval": 0.1},
    "saturated": {},
    "users": {"users": 2, "think": 0.0},
}


@settings(max_examples=40)
@given(kind=st.sampled_from(sorted(ARRIVALS)), count=st.integers(0, 300), seed=st.integers(0, 2**32))
def test_times_rise_and_repeat(kind: str, count: int, seed: int) -> None:
    arrival = draw(kind, count, seed, **PARAMS[kind])
    assert arrival.dtype == np.float64
    assert len(arrival) == count
    assert np.all(arrival >= 0)
    assert np.all(np.diff(arrival) >= 0)
    assert np.array_equal(arrival, draw(kind, count, seed, **PARAMS[kind]))
