"""Hit rates of a prefix cache, in every form of output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from paged_sim.hitrate.definitions import DEFINITIONS

from .as_csv import to_csv
from .as_json import to_json
from .blocks import Block, Cell, Grid, Heading, Paragraph, Screen
from .markdown import render_markdown
from .numbers import percent
from .text import render_text

if TYPE_CHECKING:
    from paged_sim.hitrate.results import HitRates, TraceRates

DIGITS = 2

_RULE = (
    "A request's blocks are looked up first to last, and those in front of its first miss hit. A block that is not "
    "in the cache is computed and put in."
)
_BELADY = "belady knows the future: it evicts the block whose next use is the furthest away."
_BOUND = (
    "bound: the blocks that belady finds, those behind a miss included. No policy that caches all it computes "
    "hits more."
)


def hitrate_data(rates: HitRates) -> dict[str, Any]:
    """The documented, versioned JSON."""
    return {"version": 1, "definition": DEFINITIONS[rates.hits], **asdict(rates)}


def hitrate_blocks(rates: HitRates) -> list[Block]:
    """What is measured and what a hit is, then the rates: one grid for one trace, a grid per policy for several."""
    single = rates.together is None
    name = rates.traces[0].name if single else f"{len(rates.traces)} traces"
    blocks: list[Block] = [
        Heading(f"{name}: prefix-cache hit rates"),
        *([_sizes(rates)] if single else _overview(rates)),
    ]
    blocks.append(Paragraph(f"Hit rate ({rates.hits}): {DEFINITIONS[rates.hits]}. {_RULE}"))
    blocks.extend([_points(rates, rates.traces[0])] if single else _matrices(rates))
    blocks.extend(_notes(rates))
    return blocks


def _sizes(rates: HitRates) -> Paragraph:
    trace = rates.traces[0]
    return Paragraph(
        f"{trace.requests:,} requests ({trace.format}) make {trace.references:,} references to "
        f"{trace.unique_blocks:,} different blocks of {rates.block_size} tokens."
    )


def _points(rates: HitRates, trace: TraceRates) -> Grid:
    header = ("capacity", "blocks", "of all", *rates.policies, *(["bound"] if _bounded(trace) else []))
    rows = []
    for point in trace.points:
        cells: list[Cell] = [point.capacity, f"{point.blocks:,}", percent(point.share)]
        cells.extend(percent(point.rates[name], DIGITS) for name in rates.policies)
        if point.bound is not None:
            cells.append(percent(point.bound, DIGITS))
        rows.append(tuple(cells))
    return Grid("Hit rate over capacity", header, tuple(rows))


def _overview(rates: HitRates) -> Iterator[Block]:
    yield Paragraph(f"Blocks of {rates.block_size} tokens; each trace has a cache of its own of the given capacity.")
    header = ("trace", "requests", "references", "different blocks", "infinite cache")
    rows = tuple(
        (
            trace.name,
            f"{trace.requests:,}",
            f"{trace.references:,}",
            f"{trace.unique_blocks:,}",
            percent(trace.points[-1].rates[rates.policies[0]], DIGITS),
        )
        for trace in _all(rates)
    )
    yield Grid("Traces", header, rows)


def _matrices(rates: HitRates) -> Iterator[Grid]:
    """For each policy, and for the bound, the traces down and the capacities across."""
    traces = _all(rates)
    header = ("trace", *(point.capacity for point in traces[0].points[:-1]))
    for name in rates.policies:
        rows = tuple(
            (trace.name, *(percent(point.rates[name], DIGITS) for point in trace.points[:-1])) for trace in traces
        )
        yield Grid(f"{name}: hit rate over capacity", header, rows)
    if _bounded(traces[0]):
        rows = tuple((trace.name, *(percent(point.bound, DIGITS) for point in trace.points[:-1])) for trace in traces)
        yield Grid("bound over capacity", header, rows)


def _all(rates: HitRates) -> list[TraceRates]:
    return [*rates.traces, *([rates.together] if rates.together else [])]


def _bounded(trace: TraceRates) -> bool:
    return trace.points[0].bound is not None


def _notes(rates: HitRates) -> Iterator[Paragraph]:
    lines = []
    if "belady" in rates.policies:
        lines.append(_BELADY)
    if _bounded(rates.traces[0]):
        lines.append(_BOUND)
    if lines:
        yield Paragraph("\n".join(lines))
    trace = rates.traces[0]
    if rates.together is None and trace.lru_needs:
        reached = [
            f"{percent(float(share), 0)} with {blocks:,} blocks ({percent(blocks / trace.unique_blocks)})"
            for share, blocks in trace.lru_needs.items()
        ]
        yield Paragraph(f"Of what an infinite cache hits, lru reaches {', '.join(reached)}.")


def _rows(rates: HitRates) -> Iterator[dict[str, Any]]:
    for trace in _all(rates):
        for point in trace.points:
            yield {
                "trace": trace.name,
                "hits": rates.hits,
                "capacity": point.capacity,
                "blocks": point.blocks,
                "share": point.share,
                **point.rates,
                **({} if point.bound is None else {"bound": point.bound}),
            }


HITRATE_FORMATS: dict[str, Callable[[HitRates, Screen], str]] = {
    "table": lambda rates, screen: render_text(hitrate_blocks(rates), screen),
    "json": lambda rates, screen: to_json(hitrate_data(rates)),
    "csv": lambda rates, screen: to_csv(_rows(rates), screen.csv_columns),
    "markdown": lambda rates, screen: render_markdown(hitrate_blocks(rates)),
}
