"""Length distributions that ship with the package: published histograms and quantiles measured on public traces."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Ints
from paged_sim.wording import suggestion


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bin i covers `[first_edge + i * bin_width, first_edge + (i + 1) * bin_width)` tokens and holds `counts[i]`."""

    first_edge: float
    bin_width: float
    counts: tuple[float, ...]

    def whole_numbers(self) -> tuple[Ints, Ints]:
        """The whole numbers in each bin: from `low`, up to but without `high`; never none."""
        edges = np.ceil(self.first_edge + self.bin_width * np.arange(len(self.counts) + 1)).astype(np.int64)
        return edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)

    @property
    def mean(self) -> float:
        """Mean of what is drawn, in tokens."""
        low, high = self.whole_numbers()
        return float(np.average((low + high - 1) / 2, weights=self.counts))


@dataclass(frozen=True, slots=True)
class Quantiles:
    """`points` of (probability, tokens), both rising: an inverse cumulative distribution of straight lines."""

    points: tuple[tuple[float, float], ...]

    @property
    def mean(self) -> float:
        """Mean of what is drawn, before it is rounded to whole tokens."""
        probabilities, values = np.array(self.points).T
        inner = float(np.sum(np.diff(probabilities) * (values[1:] + values[:-1]) / 2))
        return inner + float(probabilities[0] * values[0] + (1 - probabilities[-1]) * values[-1])


@dataclass(frozen=True, slots=True)
class Preset:
    """A distribution with its source; `measured_mean` is the mean of the data it was made from."""

    name: str
    source: str
    shape: Histogram | Quantiles
    measured_mean: float

    @property
    def mean(self) -> float:
        """Mean of what is drawn, in tokens."""
        return self.shape.mean


def histogram_presets() -> list[str]:
    """The names that `{histogram: NAME}` accepts."""
    return list(_presets())


def describe_presets() -> list[tuple[str, str, float]]:
    """One row (name, source, mean in tokens) per preset, in the order of `histogram_presets`."""
    return [(preset.name, preset.source, preset.mean) for preset in _presets().values()]


def find_preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        PagedSimError: there is none.
    """
    presets = _presets()
    if name not in presets:
        hint = suggestion(name, presets, f"the presets are {', '.join(presets)}", most=1, cutoff=0.5)
        raise PagedSimError(f"unknown histogram preset {name!r}; {hint}")
    return presets[name]


@cache
def _presets() -> dict[str, Preset]:
    found = {}
    for name, row in _read("histograms.json").items():
        bins = Histogram(row["first_edge"], row["bin_width"], tuple(row["counts"]))
        found[name] = Preset(name, row["source"], bins, row["measured_mean"])
    for name, row in _read("workload_facts.json").items():
        points = Quantiles(tuple((p, value) for p, value in row["points"]))
        found[name] = Preset(name, row["source"], points, row["measured_mean"])
    return found


def _read(file: str) -> dict[str, dict[str, Any]]:
    text = files("paged_sim.data").joinpath(file).read_text("utf-8")
    presets: dict[str, dict[str, Any]] = json.loads(text)["presets"]
    return presets
