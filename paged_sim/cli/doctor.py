"""`paged-sim doctor`: what this machine offers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from paged_sim.cli.destinations import ResultOptions, plan
from paged_sim.cli.options import result_options
from paged_sim.reports.blocks import Cell, Grid, Styled
from paged_sim.reports.listing import LISTING_FORMATS, Listing

_MARKS: dict[bool | None, Cell] = {True: Styled("ok", "green"), False: Styled("no", "yellow"), None: ""}


@click.command("doctor", short_help="Look at this machine: software, memory, GPU.")
@result_options(*LISTING_FORMATS)
def doctor(**wanted: Any) -> None:
    """Look at Python, its packages, memory, driver and GPU, and say what --device auto would choose and why."""
    from paged_sim.doctor import examine

    results = plan(ResultOptions(**wanted), LISTING_FORMATS)
    findings = examine()
    rows = tuple((found.name, _MARKS[found.ok], found.value, found.remedy) for found in findings)
    grid = Grid("This machine", ("what", "", "found", "what to do"), rows, prose=frozenset({1, 2, 3}))
    listing = Listing([grid], [asdict(found) for found in findings])
    results.write(lambda shape, screen: LISTING_FORMATS[shape](listing, screen))
