"""What a measurement of hit rates comes to, as plain data: reports and JSON are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """One capacity: its label, its blocks (at most those of the trace), their share of the trace's blocks, hit rates.

    `bound` is what no policy exceeds: the blocks that Belady's rule finds anywhere in a request. It is None where
    "belady" was not asked for, or where references do not weigh the same.
    """

    capacity: str
    blocks: int
    share: float
    rates: Mapping[str, float]
    bound: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Hit rates at capacities in ascending order, in blocks, evenly spaced in logarithm."""

    blocks: tuple[int, ...]
    rates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TraceRates:
    """The hit rates of one trace, or of several together (`format` is None then, and there are no curves).

    A rate of 1 stands for `counted` references, tokens or requests. The last point is the cache without end. `curves`
    has that of "lru", if it was asked for, over all capacities, and perhaps those of the others and of the "bound".
    `lru_needs` maps a share of what an endless cache hits, such as "0.9", to the blocks with which LRU first reaches
    it; it is empty where nothing ever hits.
    """

    name: str
    format: str | None
    requests: int
    references: int
    unique_blocks: int
    counted: float
    points: tuple[Point, ...]
    curves: Mapping[str, Curve]
    lru_needs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class HitRates:
    """Hit rates of one or more traces; `hits` is a name of `DEFINITIONS`, `block_size` is in tokens.

    `together` counts several traces as one, each in a cache of its own; None for one trace.
    """

    hits: str
    block_size: int
    policies: tuple[str, ...]
    traces: tuple[TraceRates, ...]
    together: TraceRates | None


def pooled(traces: tuple[TraceRates, ...]) -> TraceRates:
    """Traces measured at the same capacities, counted as one."""
    return TraceRates(
        name="all",
        format=None,
        requests=sum(trace.requests for trace in traces),
        references=sum(trace.references for trace in traces),
        unique_blocks=sum(trace.unique_blocks for trace in traces),
        counted=sum(trace.counted for trace in traces),
        points=tuple(_pooled_point(traces, at) for at in range(len(traces[0].points))),
        curves={},
        lru_needs={},
    )


def _pooled_point(traces: tuple[TraceRates, ...], at: int) -> Point:
    points = [trace.points[at] for trace in traces]
    counted = [trace.counted for trace in traces]
    blocks = sum(point.blocks for point in points)
    bounds = [point.bound for point in points if point.bound is not None]
    return Point(
        capacity=points[0].capacity,
        blocks=blocks,
        share=round(blocks / sum(trace.unique_blocks for trace in traces), 12),
        rates={name: _mean(counted, [point.rates[name] for point in points]) for name in points[0].rates},
        bound=_mean(counted, bounds) if bounds else None,
    )


def _mean(counted: Sequence[float], rates: Sequence[float]) -> float:
    return round(sum(weight * rate for weight, rate in zip(counted, rates, strict=True)) / sum(counted), 12)
