"""Hit rates over capacity: traces read, replayed through each policy at each capacity, and counted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.hitrate.capacities import DEFAULT_CAPACITIES, Capacity, parse_capacities
from paged_sim.hitrate.definitions import COUNTED_IN_BLOCKS, DEFINITIONS
from paged_sim.hitrate.lru import StackDistances
from paged_sim.hitrate.policies import POLICIES, chosen_policies
from paged_sim.hitrate.references import References, references_of
from paged_sim.hitrate.results import HitRates, LruCurve, Point, TraceRates, pooled
from paged_sim.workloads import Trace, read_trace

COMPILE_FROM = 100_000
"""References to replay, over all policies and capacities, below which plain Python takes less than a second."""

CURVE_POINTS = 400
NEEDED_SHARES = (0.5, 0.9, 0.99)


class Progress(Protocol):
    """Who wants to hear how far a replay is."""

    def update(self, name: str, done: int, total: int) -> None:
        """`done` of `total` requests, over all capacities, have been replayed; `name` is the trace and the policy."""


def hit_rates(
    paths: Sequence[Path],
    *,
    capacities: str = DEFAULT_CAPACITIES,
    policies: str | None = None,
    hits: str = "blocks",
    trace_format: str = "auto",
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
        progress: Is told of every replay.

    Raises:
        PagedSimError: an argument is wrong, or a trace cannot be read, has no block ids or nothing to count.
    """
    if hits not in DEFINITIONS:
        raise PagedSimError(f"--hits: unknown definition {hits!r}; the definitions are {', '.join(DEFINITIONS)}")
    wanted, names = parse_capacities(capacities), chosen_policies(policies)
    traces = [_with_ids(read_trace(path, trace_format)) for path in paths]
    block_size = _one_block_size(traces)
    measured = []
    for trace in traces:
        references = references_of(trace.requests, hits)
        if not references.total:
            raise PagedSimError(
                f"{trace.path}: no prompt fills a block of {block_size} tokens; give --hits blocks, tokens or requests"
            )
        measured.append(_measure(trace, references, wanted, names, hits in COUNTED_IN_BLOCKS, progress))
    return HitRates(
        hits=hits,
        block_size=block_size,
        policies=names,
        traces=tuple(measured),
        together=pooled(tuple(measured)) if len(measured) > 1 else None,
    )


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
    trace: Trace,
    references: References,
    capacities: Sequence[Capacity],
    names: Sequence[str],
    bounded: bool,
    progress: Progress | None,
) -> TraceRates:
    """All points of one trace; with `bounded` and "belady" among the names they have a bound."""
    sizes = [capacity.of(references.num_blocks) for capacity in capacities]
    compiled = _worth_compiling(len(references.blocks) * len(sizes) * len(names))
    everything = references.repeated()
    rates: list[dict[str, float]] = [{} for _ in sizes]
    bounds: list[float | None] = [None] * len(sizes)
    curve = None
    for name in names:
        present = POLICIES[name](references, compiled)
        for at, size in enumerate(sizes):
            # A cache with room for all blocks evicts none, whatever its policy.
            found = everything if size == references.num_blocks else present(size)
            rates[at][name] = references.rate(references.leading(found))
            if bounded and name == "belady":
                bounds[at] = references.rate(found)
            if progress is not None:
                progress.update(
                    f"{trace.path.name}: {name}", (at + 1) * len(trace.requests), len(sizes) * len(trace.requests)
                )
        if isinstance(present, StackDistances):
            curve = lru_curve(references, present)
    return TraceRates(
        name=trace.path.name,
        format=trace.format,
        requests=len(trace.requests),
        references=len(references.blocks),
        unique_blocks=references.num_blocks,
        counted=references.total,
        points=tuple(
            Point(capacity.label, size, size / references.num_blocks, rate, bound)
            for capacity, size, rate, bound in zip(capacities, sizes, rates, bounds, strict=True)
        ),
        lru_curve=curve,
    )


def lru_curve(references: References, stack: StackDistances) -> LruCurve:
    """LRU at all capacities from 1 to the number of blocks: a reference counts from its stack distance on."""
    num_blocks = references.num_blocks
    found = stack(num_blocks)
    gained = np.bincount(stack.distances[found], references.weights[found], minlength=num_blocks + 1)
    reached = np.cumsum(gained)
    spaced = np.unique(np.geomspace(1, num_blocks, CURVE_POINTS).round().astype(np.int64))
    needed = {}
    if reached[-1]:
        # Sums of fractions end a little below or above what they stand for.
        needed = {
            str(share): int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))) for share in NEEDED_SHARES
        }
    return LruCurve(
        blocks=tuple(spaced.tolist()),
        rates=tuple(round(rate, 12) for rate in (reached[spaced] / references.total).tolist()),
        needed=needed,
    )


def _worth_compiling(touches: int) -> bool:
    """Whether replaying so many references is worth it; `PAGED_SIM_COMPILE=always|never` overrules."""
    wish = os.environ.get("PAGED_SIM_COMPILE", "auto")
    return wish == "always" or (wish != "never" and touches >= COMPILE_FROM)
