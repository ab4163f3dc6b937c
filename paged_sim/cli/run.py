"""`paged-sim run`: simulate scenarios and report on each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli.options import RunOptions, run_options
from paged_sim.cli.output import emit, screen_for
from paged_sim.cli.simulating import deliver, documents_of, load_all, simulate_all
from paged_sim.reports import FORMATS

if TYPE_CHECKING:
    from paged_sim.scenario.models import Scenario


@click.command("run", short_help="Simulate scenarios; report where the bytes went.")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@run_options
@click.option("--show-blocks", is_flag=True, help="Show every page at every step of a small run, and no report.")
def run(scenarios: tuple[str, ...], show_blocks: bool, **given: Any) -> None:
    """Simulate each SCENARIO, a file or a built-in name, and report where the bytes of the KV cache went.

    Checks of a scenario are shown as PASS or FAIL and leave the exit code 0.
    """
    options = RunOptions(**given)
    loaded = load_all(scenarios, options)
    if show_blocks:
        show_pages(loaded, options)
        return
    runs = simulate_all(loaded, options)
    documents, mistakes = documents_of(loaded, runs)
    deliver(runs, documents, mistakes, lambda screen: FORMATS[options.shape](documents, screen), options)


def show_pages(scenarios: Sequence[Scenario], options: RunOptions) -> None:
    """Print the pages of small runs, step by step. Raises PagedSimError where a run is too large."""
    from paged_sim.pictures import pictures_of
    from paged_sim.reports.pages import as_pages

    screen = screen_for(options.output)
    parts = [as_pages(scenario.name, pictures_of(scenario), screen) for scenario in scenarios]
    emit("\n\n".join(parts), options.output)
