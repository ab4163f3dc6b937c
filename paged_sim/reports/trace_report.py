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
    """How it was read, requests, span, rate, length quantiles, prefix sharing, anything skipped, and warnings."""
    facts: list[tuple[Cell, ...]] = [
        *_reading(info),
        ("requests", f"{info.requests:,}" + (f" of {info.sessions:,} sessions" if info.sessions else "")),
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
        Heading(info.path.name + (f" and {info.files - 1} more" if info.files > 1 else "")),
        Grid("", ("trace", "value"), tuple(facts), prose=frozenset({1})),
        Grid("Lengths", header, rows),
        *_prefix(info),
        *_mended(info),
    ]
    data = {**asdict(info), "path": str(info.path)}
    return Listing(blocks, data)


def _reading(info: TraceInfo) -> list[tuple[Cell, ...]]:
    """How the file was read."""
    facts: list[tuple[Cell, ...]] = [
        ("format", f"{info.format}, {info.told_by}"),
        ("columns", "; ".join(f"{field}: {name}" for field, name in info.columns.items())),
    ]
    if info.unused:
        facts.append(("not used", ", ".join(info.unused)))
    if info.first_arrival is not None:
        facts.append(("times", "dates" if info.time_unit == "date" else f"in {info.time_unit}"))
        facts.append(("first request at", str(info.begins)))
    if info.block_size is not None:
        facts.append(("tokens of a block", f"{info.block_size:,}"))
    return facts


def _prefix(info: TraceInfo) -> list[Block]:
    prefix = info.prefix
    if prefix is None:
        return [Paragraph("Prefix sharing: the trace has no ids.")]
    return [
        Paragraph(
            f"Prefix sharing, for a cache without end: {percent(prefix.tokens)} of the prompt tokens and "
            f"{percent(prefix.blocks)} of the blocks of {prefix.block} tokens were seen before; "
            f"{percent(prefix.requests)} of the requests share a beginning with an earlier one. With the answers that "
            f"later turns hold it is {percent(info.tokens_with_answers)} of the prompt tokens. Ids cover "
            f"{percent(prefix.covered)} of the prompt tokens."
        )
    ]


def _mended(info: TraceInfo) -> list[Block]:
    lines = [f"Skipped, {reason}: {number:,}" for reason, number in info.skipped.items()]
    if info.raised_outputs:
        lines.append(f"Outputs of 0 tokens, read as 1: {info.raised_outputs:,}")
    if info.reordered:
        lines.append(f"Rows listed after a later one, sorted by time: {info.reordered:,}")
    lines += [f"Warning: {warning}" for warning in info.warnings]
    return [Paragraph("\n".join(lines), style="yellow")] if lines else []
