"""`paged-sim compare`: the built-in comparison, the policies of one scenario, or saved runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from paged_sim.cli.options import RunOptions, refuse_given, run_options
from paged_sim.cli.simulating import deliver, documents_of, load_all, results_of, simulate_all
from paged_sim.reports.blocks import Screen
from paged_sim.reports.comparison import COMPARISON_FORMATS, Comparison, across_files, side_by_side
from paged_sim.reports.published import FIG2, built_in_comparison, tutorial_scenarios
from paged_sim.result import Document
from paged_sim.saved import read_saved

_TWO_SCENARIOS = "compare takes one scenario, or saved runs only; save each with `paged-sim run SCENARIO -o RUN.json`"


@click.command("compare", short_help="Compare policies, saved runs, or published numbers.")
@click.argument("sources", nargs=-1, metavar="[SCENARIO | RUN.json...]")
@run_options
def compare(sources: tuple[str, ...], **given: Any) -> None:
    """Compare: without an argument, this program's numbers with published ones; with one SCENARIO, its policies side by
    side; with runs saved by `run -o RUN.json`, the same policy across the files.
    """
    options = RunOptions(**given)
    if not sources:
        _built_in(options)
    elif all(source.endswith(".json") for source in sources):
        _saved(sources, options)
    elif len(sources) == 1:
        _one_scenario(sources[0], options)
    else:
        raise click.UsageError(_TWO_SCENARIOS)


def _built_in(options: RunOptions) -> None:
    if options.trace is not None:
        raise click.UsageError("the built-in comparison has its own requests; give a SCENARIO with --trace")
    results = results_of(options, COMPARISON_FORMATS)
    scenarios = load_all([*tutorial_scenarios(), FIG2], options, results)
    runs = simulate_all(scenarios, options)
    documents, mistakes = documents_of(scenarios, runs)
    comparison = built_in_comparison(documents[:-1], documents[-1])
    deliver(runs, documents, mistakes, partial(_in_form, comparison), options, results)


def _one_scenario(source: str, options: RunOptions) -> None:
    results = results_of(options, COMPARISON_FORMATS)
    scenarios = load_all([source], options, results)
    runs = simulate_all(scenarios, options)
    documents, mistakes = documents_of(scenarios, runs)
    deliver(runs, documents, mistakes, lambda *form: _in_form(side_by_side(documents[0]), *form), options, results)


def _saved(sources: tuple[str, ...], options: RunOptions) -> None:
    needless = {
        "--set": options.overrides,
        "--seed": options.seed is not None,
        "--device": options.device,
        "--trace": options.trace,
        "--plot": options.plot,
        "--timeline": options.timeline,
        "--requests": options.requests,
        "--step": options.step is not None,
        "--timings": options.timings,
        "--jobs": options.jobs != 1,
    }
    refuse_given(needless, "saved runs are not simulated again")
    results = results_of(options, COMPARISON_FORMATS)
    results.refuse_inputs(sources)
    saved = [(source, read_saved(source)) for source in sources]
    comparison = _compare_saved(saved)
    results.write(partial(_in_form, comparison))


def _in_form(comparison: Comparison, shape: str, screen: Screen) -> str:
    return COMPARISON_FORMATS[shape](comparison, screen)


def _compare_saved(saved: list[tuple[str, list[Document]]]) -> Comparison:
    documents = saved[0][1]
    if len(saved) == 1 and len(documents) == 1:
        return side_by_side(documents[0])
    return across_files(list(zip(_labels([source for source, _ in saved]), [runs for _, runs in saved], strict=True)))


def _labels(sources: list[str]) -> list[str]:
    """File names where they are different, else paths."""
    names = [Path(source).name for source in sources]
    return names if len(set(names)) == len(names) else sources
