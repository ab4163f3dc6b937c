"""Lengths: means, bounds and shapes of every distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.requests import Ints
from paged_sim.workloads import LENGTHS, describe_presets, histogram_presets
from paged_sim.workloads.presets import Histogram, Quantiles, find_preset

COUNT = 200_000


def draw(kind: str, count: int = COUNT, seed: int = 7, **params: Any) -> Ints:
    return LENGTHS[kind](params, count, np.random.default_rng(seed))


def test_constant() -> None:
    assert draw("constant", 3, value=64).tolist() == [64, 64, 64]


def test_uniform_reaches_both_bounds_equally_often() -> None:
    lengths = draw("uniform", low=3, high=6)
    found, counts = np.unique(lengths, return_counts=True)
    assert found.tolist() == [3, 4, 5, 6]
    assert np.allclose(counts / COUNT, 0.25, atol=0.005)


def test_normal_truncates_and_clips_like_the_integer_of_a_normal_draw() -> None:
    params = {"mean": 500, "std": 200, "min": 200, "max": 900}
    reference = [min(max(int(x), 200), 900) for x in np.random.default_rng(3).normal(500, 200, size=5000)]
    assert draw("normal", 5000, seed=3, **params).tolist() == reference


def test_normal_without_bounds_is_at_least_one_token() -> None:
    assert draw("normal", 1000, mean=0, std=5, max=None).min() == 1


def test_lognormal_mean_is_arithmetic() -> None:
    lengths = draw("lognormal", mean=160, sigma=1.1)
    assert lengths.mean() == pytest.approx(160, rel=0.02)
    assert np.log(lengths[lengths > 20]).std() > 0.8
    assert np.median(lengths) == pytest.approx(160 * math.exp(-(1.1**2) / 2), rel=0.02)


def test_gamma_mean_and_variation() -> None:
    lengths = draw("gamma", mean=340, cv=0.8)
    assert lengths.mean() == pytest.approx(340, rel=0.01)
    assert lengths.std() / lengths.mean() == pytest.approx(0.8, rel=0.01)


def test_explicit_histogram_keeps_shares_and_bins() -> None:
    lengths = draw("histogram", first_edge=10, bin_width=10, counts=[1, 0, 3])
    assert set(np.unique(lengths)) == {*range(10, 20), *range(30, 40)}
    assert np.mean(lengths < 20) == pytest.approx(0.25, abs=0.005)


def test_narrow_bins_without_a_whole_number_give_the_next_above() -> None:
    assert set(draw("histogram", 100, first_edge=0.2, bin_width=0.3, counts=[1, 1])) == {1}


def test_histogram_that_starts_at_zero_gives_at_least_one_token() -> None:
    assert draw("histogram", 1000, first_edge=0, bin_width=2, counts=[1]).min() == 1


def test_quantiles_come_back() -> None:
    points = [[0.1, 10], [0.5, 100], [0.9, 1000]]
    lengths = draw("quantiles", points=points)
    assert lengths.min() == 10
    assert lengths.max() == 1000
    assert np.quantile(lengths, [0.3, 0.5, 0.7]) == pytest.approx([55, 100, 550], rel=0.03)


def test_choice_with_and_without_weights() -> None:
    weighted = draw("choice", values=[16, 64, 256], weights=[1, 0, 3])
    assert set(np.unique(weighted)) == {16, 256}
    assert np.mean(weighted == 256) == pytest.approx(0.75, abs=0.005)
    assert np.mean(draw("choice", values=[16, 64]) == 16) == pytest.approx(0.5, abs=0.005)


def test_values_in_order() -> None:
    assert draw("values", 2, values=(320, 48, 160)).tolist() == [320, 48]
    with pytest.raises(PagedSimError, match=r"^4 requests need as many lengths, but `values` holds 3"):
        draw("values", 4, values=(320, 48, 160))


@pytest.mark.parametrize("name", ["sharegpt-prompt", "sharegpt-output", "alpaca-prompt", "alpaca-output"])
def test_published_histograms_reproduce_their_means(name: str) -> None:
    preset = find_preset(name)
    assert isinstance(preset.shape, Histogram)
    assert preset.mean == pytest.approx(preset.measured_mean, abs=0.08)
    assert draw("histogram", preset=name).mean() == pytest.approx(preset.mean, rel=0.01)


def test_measured_presets_stay_near_the_measured_means() -> None:
    measured = [find_preset(name) for name in histogram_presets() if isinstance(find_preset(name).shape, Quantiles)]
    assert len(measured) == 22
    for preset in measured:
        assert preset.mean == pytest.approx(preset.measured_mean, rel=0.09), preset.name
        assert draw("histogram", preset=preset.name).mean() == pytest.approx(preset.mean, rel=0.02), preset.name


def test_measured_presets_reproduce_their_quantiles() -> None:
    lengths = draw("histogram", preset="azure-code-prompt")
    assert np.quantile(lengths, [0.25, 0.5, 0.75]) == pytest.approx([578, 1469, 2744.5], rel=0.02)


def test_preset_table() -> None:
    rows = describe_presets()
    assert [name for name, _, _ in rows] == histogram_presets()
    assert all(source and mean >= 1 for _, source, mean in rows)
    assert rows[0][0] == "sharegpt-prompt"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("sharegpt-promt", r"did you mean sharegpt-prompt\?"), ("?", "the presets are sharegpt-prompt, ")],
)
def test_unknown_preset(name: str, hint: str) -> None:
    with pytest.raises(PagedSimError, match=f"unknown histogram preset .*{hint}"):
        draw("histogram", preset=name)


KINDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "constant": st.fixed_dictionaries({"value": st.integers(1, 5000)}),
    "uniform": st.integers(1, 500).flatmap(
        lambda low: st.fixed_dictionaries({"low": st.just(low), "high": st.integers(low, 1000)})
    ),
    "normal": st.fixed_dictionaries({"mean": st.floats(-100, 1000), "std": st.floats(0, 1e6)}),
    "lognormal": st.fixed_dictionaries({"mean": st.floats(1, 1e5), "sigma": st.floats(0.01, 5)}),
    "gamma": st.fixed_dictionaries({"mean": st.floats(1, 1e5), "cv": st.floats(0.01, 20)}),
    "histogram": st.fixed_dictionaries({"preset": st.sampled_from(histogram_presets())}),
    "choice": st.fixed_dictionaries({"values": st.lists(st.integers(1, 9999), min_size=1)}),
}


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 2**32))
def test_every_length_is_a_positive_whole_number_and_repeatable(data: st.DataObject, kind: str, seed: int) -> None:
    params = data.draw(KINDS[kind])
    lengths = draw(kind, 200, seed, **params)
    assert lengths.dtype == np.int64
    assert len(lengths) == 200
    assert lengths.min() >= 1
    assert np.array_equal(lengths, draw(kind, 200, seed, **params))
