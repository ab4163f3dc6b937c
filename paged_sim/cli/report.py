"""`paged-sim report`: saved runs shown again, as they were when they ran."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli.destinations import ResultOptions, plan
from paged_sim.cli.options import figure_options, full_option, result_options
from paged_sim.cli.simulating import write_plots, write_timeline
from paged_sim.errors import PagedSimError
from paged_sim.reports import FORMATS
from paged_sim.result import Document
from paged_sim.saved import HOW_TO_SAVE, read_saved
from paged_sim.wording import printable

if TYPE_CHECKING:
    from paged_sim.run import Run


@click.command("report", short_help="Show saved runs again.")
@click.argument("sources", nargs=-1, required=True, metavar="RUN.json...")
@result_options(*FORMATS)
@full_option
@figure_options
def report(sources: tuple[str, ...], plot: str | None, timeline: str | None, **wanted: Any) -> None:
    """Show runs that `run -o RUN.json` saved (- is standard input): the tables and figures of the runs themselves."""
    results = plan(ResultOptions(**wanted), FORMATS, {"--timeline": timeline}, {"--plot": plot})
    results.refuse_inputs(sources)
    saved = [(source, document) for source in sources for document in read_saved(source)]
    documents = [document for _, document in saved]
    runs = [_run_of(source, document) for source, document in saved] if plot or timeline else []
    if plot is not None:
        _say_without_maps(runs)
        write_plots(runs, Path(plot))
    if timeline is not None:
        write_timeline(runs, timeline)
    results.write(lambda shape, screen: FORMATS[shape](documents, screen))


def _run_of(source: str, document: Document) -> Run:
    """A saved run with its timelines. Raises PagedSimError where these are missing or damaged."""
    from paged_sim.run import Run

    try:
        run = Run.from_json(document)
    except PagedSimError as error:
        raise PagedSimError(f"{source}: {error}") from None
    if not all(part.timeline.columns for part in run.policies):
        name = run.scenario["name"]
        raise PagedSimError(f"{source}: holds no timelines of {name} to draw or to write; {HOW_TO_SAVE}")
    return run


def _say_without_maps(runs: Sequence[Run]) -> None:
    """What came from standard output, from Python or from `check` may have no memory map; everything else is drawn."""
    without = [run for run in runs if not any(len(part.timeline.map_steps) for part in run.policies)]
    if without:
        names = printable(", ".join(str(run.scenario["name"]) for run in without))
        click.echo(f"paged-sim: no memory map was saved of {names}, so none is drawn; {HOW_TO_SAVE}", err=True)
