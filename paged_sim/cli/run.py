"""`paged-sim run`: simulate scenarios and report on each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli.options import RunOptions, run_options
from paged_sim.cli.output import STDOUT
from paged_sim.cli.show_blocks import show_blocks as show_steps
from paged_sim.cli.simulating import deliver, documents_of, load_all, results_of, simulate_all
from paged_sim.errors import PagedSimError
from paged_sim.reports import FORMATS
from paged_sim.reports.blocks import Screen
from paged_sim.result import Document

if TYPE_CHECKING:
    from paged_sim.run import Run
    from paged_sim.scenario.models import Scenario
    from paged_sim.simulation import OpsLog


@click.command("run", short_help="Simulate scenarios; report where the bytes went.")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@run_options
@click.option("--show-blocks", is_flag=True, help="Show every page at every step of a small run, and no report.")
@click.option(
    "--ops-log",
    metavar="[POLICY=]FILE",
    help="Also write which pages the pool of a paged POLICY hands out and takes back (first seed).",
)
@click.option("--ops-requests", is_flag=True, help="Say in the operation log for which request.")
def run(scenarios: tuple[str, ...], show_blocks: bool, ops_log: str | None, ops_requests: bool, **given: Any) -> None:
    """Simulate each SCENARIO, a file or a built-in name, and report where the bytes of the KV cache went.

    Checks of a scenario are shown as PASS or FAIL and leave the exit code 0.
    """
    options = RunOptions(**given)
    if show_blocks:
        show_steps(scenarios, options, {"--ops-log": ops_log, "--ops-requests": ops_requests})
        return
    results = results_of(options, FORMATS, {"--ops-log": ops_log and ops_log.rpartition("=")[2]})
    loaded = load_all(scenarios, options, results)
    log = ops_log_of(ops_log, ops_requests, loaded) if ops_log else None
    runs = simulate_all(loaded, options, log, maps=results.saves("json"))
    documents, mistakes = documents_of(loaded, runs)
    deliver(runs, documents, mistakes, partial(shown, runs, documents), options, results)


def shown(runs: Sequence[Run], documents: Sequence[Document], shape: str, screen: Screen) -> str:
    """The report in one form; as JSON the runs can be reported again, with their timelines and the maps they have."""
    if shape == "json":
        documents = [run.with_timelines(document) for run, document in zip(runs, documents, strict=True)]
    return FORMATS[shape](documents, screen)


def ops_log_of(wanted: str, requests: bool, scenarios: Sequence[Scenario]) -> OpsLog:
    """What `--ops-log` asks for. Raises PagedSimError where it is not clear whose pages are meant."""
    from paged_sim.allocators import family_of
    from paged_sim.simulation import OpsLog

    if len(scenarios) > 1:
        raise PagedSimError("--ops-log: there are several scenarios; run them one by one")
    named, given, target = wanted.rpartition("=")
    paged = [spec.name for spec in scenarios[0].allocators if family_of(spec).paged]
    if not paged:
        raise PagedSimError("--ops-log: no policy of the scenario has pages; add one with policy: paged")
    if given and named not in paged:
        raise PagedSimError(f"--ops-log: {named!r} is no paged policy of the scenario; choose from {', '.join(paged)}")
    if not given and len(paged) > 1:
        raise PagedSimError(f"--ops-log: {', '.join(paged)} have pages; name one, as in --ops-log {paged[0]}={target}")
    if target == STDOUT:
        raise PagedSimError("--ops-log -: standard output is for results; give a file")
    return OpsLog(named or paged[0], Path(target), requests)
