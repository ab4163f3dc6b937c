"""What `run`, `compare` and `check` have in common: check, simulate, evaluate, and hand the results over in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli import output
from paged_sim.cli.destinations import Report, Results, check_figures, plan
from paged_sim.cli.options import RunOptions
from paged_sim.cli.progress import progress_bar
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.result import Document, value_at
from paged_sim.saved import read_saved
from paged_sim.wording import printable

if TYPE_CHECKING:
    from paged_sim.run import Run
    from paged_sim.scenario.models import Scenario
    from paged_sim.simulation import OpsLog


def results_of(options: RunOptions, shapes: Iterable[str], files: Mapping[str, str | None] | None = None) -> Results:
    """Where the results go; all paths are checked, those of a command's own `files`, by option, too."""
    beside = {"--timeline": options.timeline, "--requests": options.requests, **(files or {})}
    return plan(options, shapes, beside, {"--plot": options.plot})


def load_all(sources: Sequence[str], options: RunOptions, results: Results) -> list[Scenario]:
    """Every scenario with the flags over it; no output may be one of the files that they read."""
    from paged_sim.reports.plots import PLOTS
    from paged_sim.scenario import load_scenario

    results.refuse_inputs(sources)
    for source in sources:
        _refuse_saved(source)
    loaded = [
        load_scenario(
            source, overrides=options.overrides, seed=options.seed, device=options.device, trace=options.trace
        )
        for source in sources
    ]
    results.refuse_inputs(path for scenario in loaded for path in inputs_of(scenario))
    check_figures(options.plot, [scenario.name for scenario in loaded], PLOTS)
    return loaded


def inputs_of(scenario: Scenario) -> Iterator[Path]:
    """The files that a scenario is read from."""
    if scenario.source is not None:
        yield scenario.source
    if scenario.model.kind == "hf_config":
        yield from (scenario.model.params["path"], scenario.model.params["path"] / "config.json")
    if scenario.memory.kind == "log":
        yield scenario.memory.params["path"]
    if (trace := scenario.workload.trace) is not None:
        yield from (*trace.paths, *([trace.tokenizer] if trace.tokenizer else []))


def _refuse_saved(source: str) -> None:
    """A saved run holds its scenario, but is none."""
    if not source.endswith(".json"):
        return
    try:
        read_saved(source)
    except PagedSimError:
        return
    raise PagedSimError(f"{source}: a saved run, and no scenario; show it with `paged-sim report {source}`")


def simulate_all(
    scenarios: Sequence[Scenario], options: RunOptions, ops_log: OpsLog | None = None, *, maps: bool = False
) -> list[Run]:
    """Simulate the scenarios one by one, or in several processes, with progress where somebody watches.

    Memory maps, which may take longer than the simulation, are kept for figures and with `maps`.
    """
    from paged_sim.simulation import simulate, simulate_in_processes

    with progress_bar(options.quiet) as progress:
        given: Any = {
            "progress": progress,
            "maps": maps or options.plot is not None,
            "at_step": options.step,
            "timings": options.timings,
            "requests": options.requests is not None,
            "ops_log": ops_log,
        }
        if options.jobs > 1:
            return simulate_in_processes(scenarios, options.jobs, **given)
        return [simulate(scenario, **given) for scenario in scenarios]


def documents_of(
    scenarios: Sequence[Scenario], runs: Sequence[Run], baselines: Mapping[str, Document] | None = None
) -> tuple[list[Document], list[PagedSimError]]:
    """The JSON of each run with the verdicts on its checks, and what is wrong with checks that have none.

    `baselines` holds the JSON of runs by the scenario's name, for checks that compare with one. A check that names no
    number is the user's mistake, and no reason to lose the results of a long run.
    """
    from paged_sim.checks import evaluate

    documents, mistakes = [], []
    for scenario, run in zip(scenarios, runs, strict=True):
        document = run.to_json()
        if scenario.checks:
            try:
                verdicts = evaluate(document, scenario.checks, (baselines or {}).get(scenario.name))
                document["checks"] = [verdict.to_json() for verdict in verdicts]
            except PagedSimError as mistake:
                mistakes.append(mistake)
        documents.append(document)
    return documents, mistakes


def deliver(
    runs: Sequence[Run],
    documents: Sequence[Document],
    mistakes: Sequence[PagedSimError],
    report: Report,
    options: RunOptions,
    results: Results,
) -> None:
    """Write the results, then timeline, requests and figures, then raise what was wrong: a mistake, corrupted content.

    What a run came to is written before anything that can fail over it is drawn.
    """
    try:
        results.write(report)
    finally:
        if options.timeline is not None:
            write_timeline(runs, options.timeline)
        if options.requests is not None:
            from paged_sim.reports.as_requests import write_requests

            with output.stream(options.requests) as write:
                write_requests(runs, write)
        if options.plot is not None:
            write_plots(runs, Path(options.plot))
    if options.timings:
        say_timings(documents)
    for mistake in mistakes:
        raise mistake
    raise_if_corrupt(documents)


def write_plots(runs: Sequence[Run], folder: Path) -> None:
    """Every figure of every run; a second run of one name gets a number."""
    from paged_sim.reports.plots import draw

    folder.mkdir(exist_ok=True)
    stems = output.file_stems([str(run.scenario["name"]) for run in runs])
    for run, stem in zip(runs, stems, strict=True):
        for name, content in draw(run):
            output.write_file(folder / f"{stem}-{name}", content)


def write_timeline(runs: Sequence[Run], path: str) -> None:
    """The timelines of all runs as one CSV."""
    from paged_sim.reports.as_timeline import as_timeline

    output.emit(as_timeline(runs), path)


def say_timings(documents: Sequence[Document]) -> None:
    """Wall times on stderr, since no two runs have the same."""
    for document in documents:
        for part in document["runs"]:
            seconds = value_at(part, "timings.wall_seconds")
            rate = part["token_steps"] / max(seconds, 1e-9) / 1e6
            name = printable(f"{document['scenario']['name']}, {part['name']}")
            click.echo(f"{name}: {seconds:.2f} s, {rate:.1f} M token-steps/s", err=True)


def raise_if_corrupt(documents: Sequence[Document]) -> None:
    """Raise PagedSimError (exit code 1) if any token was read back wrong."""
    corrupt = {
        part["name"]: part["arena"]["corrupt"]
        for document in documents
        for part in document["runs"]
        if part["arena"]["corrupt"]
    }
    if corrupt:
        listed = ", ".join(f"{name} ({number:,} tokens)" for name, number in corrupt.items())
        raise PagedSimError(
            f"corrupted content: {listed}; an allocator gave a slot to two owners, or a token was lost",
            exit_code=EXIT_ERROR,
        )
