"""A log-normal distribution by the two numbers that somebody knows of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from paged_sim.scenario.context import At, mistake
from paged_sim.scenario.nodes import Node
from paged_sim.scenario.scalars import Number
from paged_sim.scenario.shapes import Key, Section
from paged_sim.scenario.units import NUMBER
from paged_sim.wording import show

_POSITIVE = Number(NUMBER, above=0)
_PERCENTILE = re.compile(r"p([0-9]{1,2}(?:\.[0-9]+)?)")
_WAYS = "give mean, median or a quantile such as p50, and sigma, cv, std or another quantile such as p95"

_KEYS = Section(
    (
        Key("mean", _POSITIVE, "Arithmetic mean.", "160", default_text="one of two"),
        Key("median", _POSITIVE, "Median; so are quantiles p1 to p99.9.", "90", default_text="one of two"),
        Key("sigma", _POSITIVE, "Standard deviation of the natural logarithm.", "1.1", default_text="one of two"),
        Key("std", _POSITIVE, "Standard deviation; beside mean or median.", "240", default_text="one of two"),
        Key("cv", _POSITIVE, "Standard deviation over mean.", "1.5", default_text="one of two"),
    )
)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Two numbers of a log-normal; params mean (arithmetic) and sigma (of the logarithm), which follow exactly.

    With mu = ln(median): mean = exp(mu + sigma^2 / 2), cv^2 = exp(sigma^2) - 1, std = cv x mean, and the quantile of a
    probability is exp(mu + sigma z) with z that of the standard normal.
    """

    keys: Section = _KEYS

    def read(self, node: Node, at: At) -> dict[str, float]:
        if not isinstance(node.data, Mapping):
            raise mistake(
                node.where, at.path, f"expected a mapping such as {{mean: 160, sigma: 1.1}}, found {node.kind}"
            )
        quantiles: dict[float, float] = {}
        given: dict[str, float] = {}
        known = self.keys.spellings()
        for name, entry in node.data.items():
            percentile = _PERCENTILE.fullmatch(name)
            if name not in known and percentile is None:
                raise mistake(entry.where, at.child(name).path, f"unknown key {show(name)}; {_WAYS}")
            value = float(_POSITIVE.read(entry, at.child(name)))
            if percentile is None and name != "median":
                given[name] = value
                continue
            probability = float(percentile.group(1)) / 100 if percentile else 0.5
            if not 0 < probability < 1 or probability in quantiles:
                raise mistake(entry.where, at.path, f"{show(name)} is no other quantile; write p1 to p99.9, each once")
            quantiles[probability] = value
        at.note(node)
        if (count := len(quantiles) + len(given)) != 2:
            raise mistake(node.where, at.path, f"needs two numbers, found {count}; {_WAYS}")
        try:
            return _mean_and_sigma(quantiles, given)
        except ValueError as error:
            raise mistake(node.where, at.path, str(error)) from None

    def dump(self, value: Mapping[str, float]) -> dict[str, float]:
        return {"mean": value["mean"], "sigma": value["sigma"]}

    def schema(self) -> dict[str, Any]:
        number = _POSITIVE.schema()
        return {
            "type": "object",
            "properties": {key.name: {"description": key.help, **number} for key in self.keys.keys},
            "patternProperties": {f"^{_PERCENTILE.pattern}$": number},
            "additionalProperties": False,
            "minProperties": 2,
            "maxProperties": 2,
        }

    def describe(self) -> str:
        return "two of mean, median, sigma, std, cv and quantiles p1 to p99.9"


def _mean_and_sigma(quantiles: Mapping[float, float], given: Mapping[str, float]) -> dict[str, float]:
    """Mean and sigma of the two numbers. Raises ValueError, in words, where they make no log-normal."""
    if len(quantiles) == 2:
        return _of_quantiles(*sorted(quantiles.items()))
    if "mean" in given and quantiles:
        (probability, median), mean = next(iter(quantiles.items())), given["mean"]
        if probability != 0.5:
            raise ValueError(f"mean and a quantile do not tell one distribution; {_WAYS}")
        if mean <= median:
            raise ValueError(
                f"mean {mean:g} is not above the median {median:g}, as it is in every log-normal; check both"
            )
        return {"mean": mean, "sigma": math.sqrt(2 * math.log(mean / median))}
    spread = {"sigma", "cv", "std"} & given.keys()
    if not spread or len(quantiles) + ("mean" in given) != 1:
        raise ValueError(f"{' and '.join(given)} do not tell where and how wide it is; {_WAYS}")
    if "mean" in given:
        return {"mean": given["mean"], "sigma": _sigma(given, given["mean"])}
    probability, value = next(iter(quantiles.items()))
    if "std" in given and probability != 0.5:
        raise ValueError(f"std and a quantile do not tell one distribution; {_WAYS}")
    sigma = _sigma_of_median(value, given["std"]) if "std" in given else _sigma(given, value)
    return _with_mean(math.log(value) - sigma * NormalDist().inv_cdf(probability), sigma)


def _sigma(given: Mapping[str, float], mean: float) -> float:
    if "sigma" in given:
        return given["sigma"]
    cv = given["cv"] if "cv" in given else given["std"] / mean
    return math.sqrt(math.log1p(cv * cv))


def _sigma_of_median(median: float, std: float) -> float:
    """From std^2 = median^2 x (x - 1) with x = exp(sigma^2)."""
    twice = 2 * std / median
    return math.sqrt(math.log((1 + math.sqrt(1 + twice * twice)) / 2))


def _of_quantiles(low: tuple[float, float], high: tuple[float, float]) -> dict[str, float]:
    if low[1] >= high[1]:
        raise ValueError(f"the values of p{100 * low[0]:g} and p{100 * high[0]:g} do not rise; check both")
    below, above = (NormalDist().inv_cdf(probability) for probability in (low[0], high[0]))
    sigma = math.log(high[1] / low[1]) / (above - below)
    return _with_mean(math.log(low[1]) - sigma * below, sigma)


def _with_mean(mu: float, sigma: float) -> dict[str, float]:
    logarithm = mu + sigma * sigma / 2
    if not logarithm < 62 * math.log(2):
        raise ValueError("its mean is beyond all bounds; check both numbers")
    return {"mean": math.exp(logarithm), "sigma": sigma}
