"""What a trace holds, as a report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from .blocks import Block, Cell, Grid, Heading, Paragraph
from .listing import Listing
from .numbers import MISSING, percent

if TYPE_CHECKING:
    from paged_sim.workloads import TraceInfo


def describe_trace(info: TraceInfo) -> Listing:
    """Requests, span, rate, length quantiles, prefix sharing, and anything skipped or mended."""
    facts: list[tuple[Cell, ...]] = [
        ("format", info.format),
        ("requests", f"{info.requests:,}"),
        ("span", MISSING if info.span is None else f"{info.span:,.2f} s"),
        ("mean rate", MISSING if info.mean_rate is None else f"{info.mean_rate:,.3f} requests/s"),
        ("longest prompt + output", f"{info.largest_total:,} tokens"),
    ]
    lengths = {"prompt": info.prompt, "output": info.output}
    percents = tuple(info.prompt.quantiles)
    rows = tuple(
        (name, f"{of.mean:,.1f}", f"{of.min:,}", *(f"{of.quantiles[p]:,.0f}" for p in percents), f"{of.max:,}")
        for name, of in lengths.items()
    )
    header = ("tokens", "mean", "min", *(f"p{p}" for p in percents), "max")
    blocks: list[Block] = [
        Heading(str(info.path.name)),
        Grid("", ("trace", "value"), tuple(facts), prose=frozenset({1})),
        Grid("Lengths", header, rows),
        *_prefix(info),
        *_mended(info),
    ]
    data = {**asdict(info), "path": str(info.path)}
    return Listing(blocks, data)


def _prefix(info: TraceInfo) -> list[Block]:
    prefix = info.prefix
    if prefix is None:
        return [Paragraph("Prefix sharing: the trace has no ids.")]
    return [
        Paragraph(
            f"Prefix sharing, for a cache without end: {percent(prefix.tokens)} of the prompt tokens and "
            f"{percent(prefix.blocks)} of the blocks of {prefix.block} tokens were seen before; "
            f"{percent(prefix.requests)} of the requests share a beginning with an earlier one."
        )
    ]


def _mended(info: TraceInfo) -> list[Block]:
    lines = [f"Skipped, {reason}: {number:,}" for reason, number in info.skipped.items()]
    if info.raised_outputs:
        lines.append(f"Outputs of 0 tokens, read as 1: {info.raised_outputs:,}")
    if info.reordered:
        lines.append(f"Rows listed after a later one, sorted by time: {info.reordered:,}")
    return [Paragraph("\n".join(lines), style="yellow")] if lines else []
