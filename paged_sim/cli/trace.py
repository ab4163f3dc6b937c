"""`paged-sim trace info`: what a recorded request file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from paged_sim.cli.destinations import ResultOptions, plan
from paged_sim.cli.options import result_options
from paged_sim.reports.listing import LISTING_FORMATS


@click.group("trace", short_help="Look into recorded request files.")
def trace() -> None:
    """Look into recorded request files."""


@trace.command("info", short_help="Describe a trace.")
@click.argument("file")
@click.option(
    "--trace-format", default="auto", metavar="NAME", show_default=True, help="Format of FILE, told by its content."
)
@result_options(*LISTING_FORMATS)
def info(file: str, trace_format: str, **wanted: Any) -> None:
    """Print what the trace FILE holds: requests, span, rate, lengths, prefix sharing, and anything skipped."""
    from paged_sim.reports.trace_report import describe_trace
    from paged_sim.workloads import trace_info

    results = plan(ResultOptions(**wanted), LISTING_FORMATS)
    listing = describe_trace(trace_info(Path(file), trace_format))
    results.write(lambda shape, screen: LISTING_FORMATS[shape](listing, screen))
