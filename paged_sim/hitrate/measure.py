"""Hit rates over capacity: traces read, replayed through each policy at each capacity, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from paged_sim.compiled import worth_compiling
from paged_sim.errors import PagedSimError
from paged_sim.hitrate.capacities import DEFAULT_CAPACITIES, Capacity, parse_capacities
from paged_sim.hitrate.definitions import COUNTED_IN_BLOCKS, DEFINITIONS
from paged_sim.hitrate.lru import StackDistances
from paged_sim.hitrate.policies import POLICIES, chosen_policies
from paged_sim.hitrate.references import References, references_of
from paged_sim.hitrate.results import Curve, HitRates, Point, TraceRates, pooled
from paged_sim.workloads import Reading, Trace, read_trace

COMPILE_FROM = 100_000
"""References to replay, over all policies and capacities, below which plain Python takes less than a second."""

NEEDED_SHARES = (0.5, 0.9, 0.99)
LRU_POINTS = 400
DENSE_POINTS = 64
DENSE_RANGE = 1000
"""Curves of policies that are replayed for each capacity begin at a thousandth of the blocks."""


class Progress(Protocol):
    """Who wants to hear how far a replay is."""

    def update(self, name: str, done: int, total: int) -> None:
        """`done` of `total` requests, over all capacities, have been replayed; `name` is the trace and the policy."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What holds for all traces of one call of `hit_rates`."""

    hits: str
    curves: bool
    progress: Progress | None

    def report(self, name: str, done: int, passes: int, requests: int) -> None:
        if self.progress is not None:
            self.progress.update(name, done * requests, passes * requests)


def hit_rates(
    paths: Sequence[Path],
    *,
    capacities: str = DEFAULT_CAPACITIES,
    policies: str | None = None,
    hits: str = "blocks",
    trace_format: str = "auto",
    reading: Reading | None = None,
    curves: bool = False,
    progress: Progress | None = None,
) -> HitRates:
    """The hit rates of one prefix cache for all requests of a trace, over capacities and policies.

    The blocks of a request are referenced first to last. One that is not in the cache is computed and put in, and one
    is evicted where the cache is full. What hits are the blocks in front of the request's first miss.

    Args:
        paths: One or more traces with block ids, all of one block size.
        capacities: As `parse_capacities` reads them; an infinite one comes on top, for free.
        policies: As `chosen_policies` reads them; None for all.
        hits: What is counted, a name of `DEFINITIONS`.
        trace_format: A name of `TRACE_FORMATS`, or "auto".
        reading: What the format does not say, or says otherwise.
        curves: Draw a dense curve of every policy, not only of LRU, where it is free.
        progress: Is told of every replay.

    Raises:
        PagedSimError: an argument is wrong, or a trace cannot be read, has no block ids or nothing to count.
    """
    if hits not in DEFINITIONS:
        raise PagedSimError(f"--hits: unknown definition {hits!r}; the definitions are {', '.join(DEFINITIONS)}")
    wanted, names = parse_capacities(capacities), chosen_policies(policies)
    traces = [_with_ids(read_trace(path, trace_format, reading=reading)) for path in paths]
    block_size = _one_block_size(traces)
    request = _Request(hits, curves, progress)
    measured = tuple(_measure(trace, _counting(trace, hits), wanted, names, request) for trace in traces)
    together = pooled(measured) if len(measured) > 1 else None
    return HitRates(hits=hits, block_size=block_size, policies=names, traces=measured, together=together)


def _counting(trace: Trace, hits: str) -> References:
    references = references_of(trace.requests, hits)
    if not references.total:
        raise PagedSimError(
            f"{trace.path}: no prompt fills a block of {trace.requests.prefix_block} tokens; "
            "give --hits blocks, tokens or requests"
        )
    return references


def _with_ids(trace: Trace) -> Trace:
    if not trace.requests.prefix_block:
        raise PagedSimError(
            f"{trace.path}: no block ids, so nothing says what its requests share; give a trace with hash_ids "
            "(formats mooncake, kv-cache-tester, requests)"
        )
    return trace


def _one_block_size(traces: Sequence[Trace]) -> int:
    sizes = sorted({trace.requests.prefix_block for trace in traces})
    if len(sizes) > 1:
        listed = " and ".join(map(str, sizes))
        raise PagedSimError(f"the traces have blocks of {listed} tokens; give those of one block size at a time")
    return sizes[0]


def _measure(
    trace: Trace, references: References, capacities: Sequence[Capacity], names: Sequence[str], request: _Request
) -> TraceRates:
    num_blocks = references.num_blocks
    sizes = [capacity.of(num_blocks) for capacity in capacities]
    dense = spaced(max(num_blocks // DENSE_RANGE, 1), num_blocks, DENSE_POINTS) if request.curves else []
    replayed = sorted({*sizes, *dense})
    compiled = worth_compiling(len(references.blocks) * len(replayed) * len(names), COMPILE_FROM)
    everything = references.repeated()
    rates: dict[str, dict[int, float]] = {}
    bounds: dict[int, float] = {}
    curves: dict[str, Curve] = {}
    needs: dict[str, int] = {}
    for name in names:
        present = POLICIES[name](references, compiled)
        rates[name] = {}
        for done, size in enumerate(replayed, start=1):
            # A cache with room for all blocks evicts none, whatever its policy.
            found = everything if size == num_blocks else present(size)
            rates[name][size] = references.rate(references.leading(found))
            if name == "belady" and request.hits in COUNTED_IN_BLOCKS:
                bounds[size] = references.rate(found)
            request.report(f"{trace.path.name}: {name}", done, len(replayed), len(trace.requests))
        if isinstance(present, StackDistances):
            curves[name], needs = lru_curve(references, present)
        elif dense:
            curves[name] = _curve_of(rates[name])
    if dense and bounds:
        curves["bound"] = _curve_of(bounds)
    return TraceRates(
        name=trace.path.name,
        format=trace.format,
        requests=len(trace.requests),
        references=len(references.blocks),
        unique_blocks=num_blocks,
        counted=references.total,
        points=tuple(
            Point(
                capacity=capacity.label,
                blocks=size,
                share=round(size / num_blocks, 12),
                rates={name: rates[name][size] for name in names},
                bound=bounds.get(size),
            )
            for capacity, size in zip(capacities, sizes, strict=True)
        ),
        curves=curves,
        lru_needs=needs,
    )


def lru_curve(references: References, stack: StackDistances) -> tuple[Curve, dict[str, int]]:
    """LRU from 1 block to all of them, where a reference counts from its stack distance on; and `lru_needs`."""
    num_blocks = references.num_blocks
    found = stack(num_blocks)
    gained = np.bincount(stack.distances[found], references.weights[found], minlength=num_blocks + 1)
    reached = np.cumsum(gained)
    sizes = spaced(1, num_blocks, LRU_POINTS)
    curve = Curve(tuple(sizes), tuple(round(rate, 12) for rate in (reached[sizes] / references.total).tolist()))
    if not reached[-1]:
        return curve, {}
    # Sums of fractions end a little above or below what they stand for.
    most = reached[-1] * (1 - 1e-12)
    return curve, {str(share): int(np.searchsorted(reached, share * most)) for share in NEEDED_SHARES}


def spaced(least: int, most: int, count: int) -> list[int]:
    """At most `count` whole numbers from `least` to `most`, evenly spaced in logarithm, ascending."""
    return sorted(set(np.geomspace(least, most, count).round().astype(np.int64).tolist()))


def _curve_of(rates: dict[int, float]) -> Curve:
    return Curve(tuple(rates), tuple(rates.values()))
