"""`paged-sim doctor`: what this machine offers."""

from __future__ import annotations

from dataclasses import asdict

import click

from paged_sim.cli import output
from paged_sim.cli.options import format_option, output_option
from paged_sim.reports.blocks import Cell, Grid, Styled
from paged_sim.reports.listing import LISTING_FORMATS, Listing

_MARKS: dict[bool | None, Cell] = {True: Styled("ok", "green"), False: Styled("no", "yellow"), None: ""}


@click.command("doctor", short_help="Look at this machine: software, memory, GPU.")
@format_option(*LISTING_FORMATS)
@output_option
def doctor(shape: str, **given: str | None) -> None:
    """Look at Python, its packages, memory, driver and GPU, and say what --device auto would choose and why."""
    from paged_sim.doctor import examine

    target = given["output"]
    output.check_file(target, "--output")
    findings = examine()
    rows = tuple((found.name, _MARKS[found.ok], found.value, found.remedy) for found in findings)
    grid = Grid("This machine", ("what", "", "found", "what to do"), rows, prose=frozenset({1, 2, 3}))
    listing = Listing([grid], [asdict(found) for found in findings])
    output.emit(LISTING_FORMATS[shape](listing, output.screen_for(target)), target)
