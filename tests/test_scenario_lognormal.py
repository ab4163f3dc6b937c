"""A log-normal by two of its numbers: the algebra against moments and quantiles."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.scenario import load_text, resolved

SHAPES = [
    "mean: {mean}, sigma: {sigma}",
    "mean: {mean}, std: {std}",
    "mean: {mean}, cv: {cv}",
    "median: {median}, sigma: {sigma}",
    "median: {median}, std: {std}",
    "median: {median}, cv: {cv}",
    "mean: {mean}, median: {median}",
    "p50: {median}, p95: {p95}",
    "p10: {p10}, p95: {p95}",
    "median: {median}, p95: {p95}",
    "p95: {p95}, sigma: {sigma}",
    "p95: {p95}, cv: {cv}",
]


def params_of(numbers: str) -> dict[str, float]:
    text = (
        f"memory: {{slots: 9}}\nworkload: {{requests: 1, prompt: {{lognormal: {{{numbers}}}}}, output: 3}}\n"
        "allocators: [{name: a, policy: paged}]"
    )
    prompt = load_text(text).workload.prompt
    assert prompt is not None
    return dict(prompt.params)


def numbers_of(mu: float, sigma: float) -> dict[str, float]:
    """Every number of a log-normal, from the textbook."""
    mean = math.exp(mu + sigma**2 / 2)
    cv = math.sqrt(math.exp(sigma**2) - 1)
    quantiles = {f"p{p}": math.exp(NormalDist(mu, sigma).inv_cdf(p / 100)) for p in (10, 95)}
    return {"mean": mean, "sigma": sigma, "cv": cv, "std": cv * mean, "median": math.exp(mu), **quantiles}


@pytest.mark.parametrize("shape", SHAPES)
@given(mu=st.floats(1, 9), sigma=st.floats(0.1, 2))
def test_any_two_numbers_give_the_same_distribution(shape: str, mu: float, sigma: float) -> None:
    numbers = numbers_of(mu, sigma)
    found = params_of(shape.format(**{key: f"{value:.15f}" for key, value in numbers.items()}))
    assert found["mean"] == pytest.approx(numbers["mean"], rel=1e-6)
    assert found["sigma"] == pytest.approx(sigma, rel=1e-6)


def test_the_drawn_lengths_have_the_quantiles_that_were_given() -> None:
    found = params_of("median: 400, p95: 2000")
    drawn = np.random.default_rng(0).lognormal(
        math.log(found["mean"]) - found["sigma"] ** 2 / 2, found["sigma"], size=200_000
    )
    assert np.percentile(drawn, [50, 95]) == pytest.approx([400, 2000], rel=0.02)


def test_the_resolved_scenario_says_mean_and_sigma() -> None:
    text = (
        "memory: {slots: 9}\nworkload: {requests: 1, prompt: {lognormal: {mean: 100, cv: 1}}, output: 3}\n"
        "allocators: [{name: a, policy: paged}]"
    )
    assert resolved(load_text(text))["workload"]["prompt"] == {
        "lognormal": {"mean": 100.0, "sigma": math.sqrt(math.log(2))}
    }
    changed = load_text(text, overrides=["workload.prompt.lognormal={median: 90, sigma: 1}"]).workload.prompt
    assert changed is not None
    assert changed.params["mean"] == pytest.approx(90 * math.exp(0.5))
