"""Arrival processes: one function per kind. Each returns `count` times in seconds from the start, never decreasing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paged_sim.requests import Floats

Params = Mapping[str, Any]


def saturated(params: Params, count: int, rng: np.random.Generator) -> Floats:
    """Every request is in the queue from the start."""
    return np.zeros(count)


def poisson(params: Params, count: int, rng: np.random.Generator) -> Floats:
    """Independent arrivals at `rate` requests a second: exponential gaps. The first comes after a gap."""
    return np.cumsum(rng.exponential(1 / params["rate"], size=count))


def gamma(params: Params, count: int, rng: np.random.Generator) -> Floats:
    """Gamma gaps of mean 1 / `rate` and coefficient of variation `cv`: bursts above 1, a steady beat below."""
    spread = params["cv"] ** 2
    return np.cumsum(rng.gamma(1 / spread, spread / params["rate"], size=count))


def on_off(params: Params, count: int, rng: np.random.Generator) -> Floats:
    """Busy phases of mean `on` seconds with Poisson arrivals at `rate`, between silent phases of mean `off` seconds.

    Both phases are exponential, and the first one is busy. Counted in busy time alone the ends of the phases are
    themselves a Poisson process, so the silences inside a gap are Poisson in number, and their sum is a gamma.
    """
    gaps = rng.exponential(1 / params["rate"], size=count)
    silences = rng.poisson(gaps / params["on"])
    return np.cumsum(gaps + params["off"] * rng.standard_gamma(silences))


def every(params: Params, count: int, rng: np.random.Generator) -> Floats:
    """One request every `interval` seconds, the first at 0."""
    return np.arange(count, dtype=np.float64) * float(params["interval"])


def users(params: Params, count: int, rng: np.random.Generator) -> Floats:
    """A closed loop: the engine sends a request when a user is free, so no time is known beforehand."""
    return np.zeros(count)
