"""`paged-sim trace info`: what a recorded request file holds."""

from __future__ import annotations

from pathlib import Path

import click

from paged_sim.cli import output
from paged_sim.cli.options import format_option, output_option
from paged_sim.reports.listing import LISTING_FORMATS


@click.group("trace", short_help="Look into recorded request files.")
def trace() -> None:
    """Look into recorded request files."""


@trace.command("info", short_help="Describe a trace.")
@click.argument("file")
@click.option(
    "--trace-format", default="auto", metavar="NAME", show_default=True, help="Format of FILE, told by its content."
)
@format_option(*LISTING_FORMATS)
@output_option
def info(file: str, trace_format: str, shape: str, **given: str | None) -> None:
    """Print what the trace FILE holds: requests, span, rate, lengths, prefix sharing, and anything skipped."""
    from paged_sim.reports.trace_report import describe_trace
    from paged_sim.workloads import trace_info

    target = given["output"]
    output.check_file(target, "--output")
    listing = describe_trace(trace_info(Path(file), trace_format))
    output.emit(LISTING_FORMATS[shape](listing, output.screen_for(target)), target)
