"""Prompt and output lengths: one function per kind of distribution.

Every function takes the parameters of its kind, how many lengths to draw and the generator, and returns that many whole
numbers of tokens, each at least 1 and at most `MOST_TOKENS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Floats, Ints
from paged_sim.workloads.limits import MOST_TOKENS
from paged_sim.workloads.presets import Histogram, Quantiles, find_preset

Params = Mapping[str, Any]


def constant(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """The same `value` for every request."""
    return np.full(count, params["value"], dtype=np.int64)


def uniform(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """Whole numbers from `low` to `high`, both included, all equally likely."""
    return rng.integers(params["low"], params["high"], size=count, endpoint=True, dtype=np.int64)


def normal(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """A normal of `mean` and `std`, its fraction dropped, then clipped to `min` (1) and `max` (none)."""
    drawn = rng.normal(params["mean"], params["std"], size=count)
    # Clipping to whole bounds first and dropping the fraction afterwards gives the same numbers, and cannot overflow.
    return np.clip(drawn, params.get("min") or 1, params.get("max") or MOST_TOKENS).astype(np.int64)


def lognormal(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """A lognormal by its arithmetic `mean` and the `sigma` of ln: mu = ln(mean) - sigma^2 / 2. Rounded."""
    sigma = params["sigma"]
    return _rounded(rng.lognormal(math.log(params["mean"]) - sigma**2 / 2, sigma, size=count))


def gamma(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """A gamma by its `mean` and coefficient of variation `cv`: shape 1 / cv^2, scale mean * cv^2. Rounded."""
    return _rounded(rng.gamma(params["cv"] ** -2, params["mean"] * params["cv"] ** 2, size=count))


def histogram(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """A preset by its name, or bins of `bin_width` from `first_edge` on that hold `counts` requests.

    A preset of quantiles is drawn as `quantiles` are.

    Raises:
        PagedSimError: no preset of that name.
    """
    if "preset" not in params:
        shape = Histogram(params["first_edge"], params["bin_width"], tuple(params["counts"]))
        return draw_histogram(shape, count, rng)
    shape_of_preset = find_preset(params["preset"]).shape
    if isinstance(shape_of_preset, Quantiles):
        return draw_quantiles(shape_of_preset, count, rng)
    return draw_histogram(shape_of_preset, count, rng)


def draw_histogram(shape: Histogram, count: int, rng: np.random.Generator) -> Ints:
    """Pick a bin by its count, then one of the whole numbers in `[edge, edge + width)`, all equally likely.

    Lengths are whole numbers, so this is what a histogram of lengths says about a bin. Against the published means of
    the four PagedAttention histograms it is off by 0.07 tokens at most; a rounded continuous draw is off by up to 0.19
    and a floored one by 0.45. A bin that holds no whole number gives the next one above it.
    """
    low, high = shape.whole_numbers()
    bins = _pick(np.asarray(shape.counts, dtype=np.float64), count, rng)
    return np.maximum(rng.integers(low[bins], high[bins]), 1)


def quantiles(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """`points` of (probability, tokens), both rising, with straight lines between them. Rounded."""
    return draw_quantiles(Quantiles(tuple((float(p), float(value)) for p, value in params["points"])), count, rng)


def draw_quantiles(shape: Quantiles, count: int, rng: np.random.Generator) -> Ints:
    """Draw through the inverse cumulative distribution; below the first point and above the last it is flat."""
    probabilities, values = zip(*shape.points, strict=True)
    return _rounded(np.interp(rng.random(count), probabilities, values))


def choice(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """One of `values`, with `weights` (all equal where none are given)."""
    values: Ints = np.asarray(params["values"], dtype=np.int64)
    weights = np.asarray(params.get("weights") or np.ones(len(values)), dtype=np.float64)
    drawn: Ints = values[_pick(weights, count, rng)]
    return drawn


def values(params: Params, count: int, rng: np.random.Generator) -> Ints:
    """The first `count` of `values`, in their order.

    Raises:
        PagedSimError: there are fewer values than requests.
    """
    listed: Ints = np.asarray(params["values"], dtype=np.int64)
    if len(listed) < count:
        raise PagedSimError(
            f"{count:,} requests need as many lengths, but `values` holds {len(listed):,}; "
            f"list more of them or set requests to {len(listed)}"
        )
    return listed[:count]


def _pick(weights: Floats, count: int, rng: np.random.Generator) -> Ints:
    """`count` indices, each drawn in proportion to its weight."""
    edges = np.cumsum(weights)
    # `right` never lands on an index of weight 0, and a uniform draw below 1 never lands behind the last one.
    picked: Ints = np.searchsorted(edges, rng.random(count) * edges[-1], side="right").astype(np.int64)
    return picked


def _rounded(lengths: Floats) -> Ints:
    """The nearest whole number of tokens, at least 1."""
    return np.clip(np.floor(lengths + 0.5), 1, MOST_TOKENS).astype(np.int64)
