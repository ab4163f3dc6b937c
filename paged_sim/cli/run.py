"""`paged-sim run`: simulate scenarios and report on each."""

from __future__ import annotations

from typing import Any

import click

from paged_sim.cli.options import RunOptions, run_options
from paged_sim.cli.simulating import deliver, documents_of, load_all, simulate_all
from paged_sim.reports import FORMATS


@click.command("run", short_help="Simulate scenarios; report where the bytes went.")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@run_options
def run(scenarios: tuple[str, ...], **given: Any) -> None:
    """Simulate each SCENARIO, a file or a built-in name, and report where the bytes of the KV cache went.

    Checks of a scenario are shown as PASS or FAIL and leave the exit code 0.
    """
    options = RunOptions(**given)
    loaded = load_all(scenarios, options)
    runs = simulate_all(loaded, options)
    documents, mistakes = documents_of(loaded, runs)
    deliver(runs, documents, mistakes, lambda screen: FORMATS[options.shape](documents, screen), options)
