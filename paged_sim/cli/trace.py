"""`paged-sim trace info`: what a recorded request file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from paged_sim.cli.destinations import ResultOptions, plan
from paged_sim.cli.options import reading_of, reading_options, result_options
from paged_sim.reports.listing import LISTING_FORMATS


@click.group("trace", short_help="Look into recorded request files.")
def trace() -> None:
    """Look into recorded request files."""


@trace.command("info", short_help="Describe a trace.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@reading_options
@result_options(*LISTING_FORMATS)
def info(
    files: tuple[str, ...],
    trace_format: str,
    fields: tuple[str, ...],
    time_unit: str | None,
    block_size: int | None,
    tokenizer: str | None,
    **wanted: Any,
) -> None:
    """Print what the trace FILE holds, or several that are one run: how it is read, requests, span, rate, lengths,
    prefix sharing, anything skipped and what looks wrong.
    """
    from paged_sim.reports.trace_report import describe_trace
    from paged_sim.workloads import trace_info

    results = plan(ResultOptions(**wanted), LISTING_FORMATS)
    results.refuse_inputs([*files, *([tokenizer] if tokenizer else [])])
    reading = reading_of(fields, time_unit, block_size, tokenizer)
    listing = describe_trace(trace_info([Path(file) for file in files], trace_format, reading))
    results.write(lambda shape, screen: LISTING_FORMATS[shape](listing, screen))
