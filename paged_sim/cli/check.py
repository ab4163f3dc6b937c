"""`paged-sim check`: simulate scenarios and fail if a number is not as their checks expect."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli import output
from paged_sim.cli.destinations import OverwriteError, identity, is_there
from paged_sim.cli.options import RunOptions, run_options
from paged_sim.cli.simulating import deliver, documents_of, load_all, raise_if_corrupt, results_of, simulate_all
from paged_sim.errors import EXIT_CHECK_FAILED, PagedSimError
from paged_sim.reports.blocks import Screen
from paged_sim.reports.check_report import CHECK_FORMATS
from paged_sim.result import Document, Verdict
from paged_sim.saved import SCHEMA_VERSION

if TYPE_CHECKING:
    from paged_sim.reports.findings import Checked
    from paged_sim.scenario.models import Scenario

Baselines = dict[str, Document]


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What only `check` can be told; fields are named after the options."""

    baseline: str | None = None
    save_baseline: str | None = None
    against: str | None = None
    junit: str | None = None
    markdown: str | None = None
    annotations: str | None = None
    fail_on_skip: bool = False


@click.command("check", short_help="Simulate scenarios; fail if a check fails.")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--baseline", metavar="RUN.json", help="Compare with runs saved before.")
@click.option("--save-baseline", metavar="FILE", help="Save these runs, to compare with later.")
@click.option("--against", metavar="REV", help="Compare with what git revision REV of the checkout gives.")
@click.option("--junit", metavar="FILE", help="Also write the verdicts as JUnit XML.")
@click.option("--markdown", metavar="FILE|-", help="Also write a job summary; - puts it in place of the table.")
@click.option(
    "--annotations",
    type=click.Choice(("auto", "github", "none")),
    default="auto",
    show_default=True,
    help="Annotate failed checks on standard error; auto: on GitHub.",
)
@click.option("--fail-on-skip", is_flag=True, help="Let checks with nothing to compare fail.")
@run_options
def check(scenarios: tuple[str, ...], **given: Any) -> int:
    """Simulate each SCENARIO and compare its numbers with its checks, and with a baseline where they name one.

    Exit codes: 0 all pass (warnings are only shown), 99 a check failed, 2 a mistake, 1 anything else.
    """
    wishes = CheckOptions(**{field.name: given.pop(field.name) for field in fields(CheckOptions)})
    options = RunOptions(**given)
    files = {"--save-baseline": wishes.save_baseline, "--junit": wishes.junit, "--markdown": wishes.markdown}
    read = [*scenarios, *(path for path in (options.trace, wishes.baseline) if path is not None)]
    with _told_everywhere(scenarios, _sparing(wishes, read)):
        results = results_of(options, CHECK_FORMATS, files)
        results.refuse_inputs([wishes.baseline] if wishes.baseline is not None else [])
        loaded = load_all(scenarios, options, results)
        _refuse(loaded, wishes, options)
        baselines = _baselines(loaded, wishes, options)
        runs = simulate_all(loaded, options)
    documents, mistakes = documents_of(loaded, runs, baselines)
    if wishes.fail_on_skip:
        _fail_skipped(documents)
    if wishes.save_baseline is not None:
        from paged_sim.reports.as_json import as_json

        saved = [run.to_json(timelines=True) for run in runs]
        output.emit(as_json(saved, Screen()), wishes.save_baseline)
    checked = _checked(loaded, documents, mistakes, baselines)
    try:
        _write_others(checked, wishes)
    finally:
        deliver(runs, documents, mistakes, partial(_shown, checked), options, results)
    failed = any(
        verdict["passed"] is False and verdict["level"] == "error" for one in documents for verdict in _of(one)
    )
    return EXIT_CHECK_FAILED if failed else 0


def _shown(checked: Sequence[Checked], shape: str, screen: Screen) -> str:
    return CHECK_FORMATS[shape](checked, screen)


@contextmanager
def _told_everywhere(sources: Sequence[str], wishes: CheckOptions) -> Iterator[None]:
    """What goes wrong before there are verdicts also goes to the files for a pipeline, where they can be written."""
    try:
        yield
    except OverwriteError:
        raise
    except Exception as error:
        from paged_sim.reports.findings import Checked

        message = error.format_message() if isinstance(error, click.ClickException) else str(error) or repr(error)
        name = Path(sources[0]).stem if len(sources) == 1 else "paged-sim check"
        told = Checked({"version": SCHEMA_VERSION, "scenario": {"name": name}, "runs": []}, sources[0], mistake=message)
        with suppress(PagedSimError):
            _write_others([told], replace(wishes, markdown=None, annotations="none"))
        with suppress(PagedSimError):
            _write_others(
                [told], replace(wishes, junit=None, markdown=None if wishes.markdown == "-" else wishes.markdown)
            )
        raise


def _sparing(wishes: CheckOptions, read: Sequence[str]) -> CheckOptions:
    """The wishes without the files that are read."""
    spared = {identity(path) for path in read if is_there(path)}
    junit, markdown = (
        None if path is None or identity(path) in spared else path for path in (wishes.junit, wishes.markdown)
    )
    return replace(wishes, junit=junit, markdown=markdown)


def _fail_skipped(documents: Sequence[Document]) -> None:
    """Turn skipped checks into failed ones."""
    for verdict in (verdict for one in documents for verdict in _of(one)):
        if verdict["passed"] is None:
            verdict["passed"] = False
            verdict["reason"] += ", and --fail-on-skip was given"


def _of(document: Document) -> list[Verdict]:
    verdicts: list[Verdict] = document.get("checks", [])
    return verdicts


def _refuse(loaded: Sequence[Scenario], wishes: CheckOptions, options: RunOptions) -> None:
    """Refuse, before anything runs, what could not end well."""
    if wishes.baseline is not None and wishes.against is not None:
        raise click.UsageError("--baseline and --against exclude each other; give one of them")
    names = [scenario.name for scenario in loaded]
    if not any(scenario.checks for scenario in loaded):
        hint = 'add some under `checks:`, such as `vllm.fill.mean: ">= 0.95"`'
        raise PagedSimError(f"no checks in {', '.join(names)}; {hint}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise PagedSimError(f"two scenarios are called {twice[0]}; give each a `name:` of its own")
    if wishes.baseline is None and wishes.against is None and wishes.save_baseline is None:
        _refuse_baseline_checks(loaded)
    for scenario in loaded:
        if scenario.checks:
            _refuse_unknown_numbers(scenario, options)


def _refuse_unknown_numbers(scenario: Scenario, options: RunOptions) -> None:
    """A misspelt path is not to cost a long run."""
    from paged_sim.checks import refuse_unknown_paths
    from paged_sim.outline import outline

    short_run = outline(scenario, options.step)
    if short_run is not None:
        refuse_unknown_paths(short_run, scenario.checks)


def _refuse_baseline_checks(loaded: Sequence[Scenario]) -> None:
    """A check that silently compares with nothing would pass for ever."""
    from paged_sim.checks import parse_expression

    for scenario in loaded:
        for each in scenario.checks:
            if parse_expression(each.expression).needs_baseline:
                raise PagedSimError(
                    f"{each.where}: checks.{each.path}: {each.expression!r} needs a baseline; give --baseline RUN.json "
                    "or --against REV, or make one with --save-baseline FILE"
                )


def _baselines(loaded: Sequence[Scenario], wishes: CheckOptions, options: RunOptions) -> Baselines:
    """The runs to compare with, by the scenario's name."""
    if wishes.against is not None:
        from paged_sim.cli.against import runs_at

        return runs_at(wishes.against, loaded, options)
    if wishes.baseline is None:
        return {}
    from paged_sim.saved import read_saved

    found = {document["scenario"]["name"]: document for document in read_saved(wishes.baseline)}
    if not any(scenario.name in found for scenario in loaded):
        names = ", ".join(scenario.name for scenario in loaded)
        raise PagedSimError(f"--baseline {wishes.baseline}: holds {', '.join(found)}, not {names}; save it anew")
    return found


def _checked(
    loaded: Sequence[Scenario],
    documents: Sequence[Document],
    mistakes: Sequence[PagedSimError],
    baselines: Baselines,
) -> list[Checked]:
    """Every run with its verdicts; `mistakes` are, in order, those of the runs that have none though they should."""
    from paged_sim.reports.findings import Checked

    without_verdicts = iter(mistakes)
    checked = []
    for scenario, document in zip(loaded, documents, strict=True):
        mistake = str(next(without_verdicts)) if scenario.checks and "checks" not in document else ""
        mistake = mistake or _corruption(document)
        checked.append(Checked(document, str(scenario.source), baselines.get(scenario.name), mistake))
    return checked


def _corruption(document: Document) -> str:
    """What is to be said about corrupted content, if there is any."""
    try:
        raise_if_corrupt([document])
    except PagedSimError as error:
        return str(error)
    return ""


def _write_others(checked: Sequence[Checked], wishes: CheckOptions) -> None:
    """The files for a pipeline, and annotations on standard error, where they spoil no results."""
    if wishes.junit is not None:
        from paged_sim.reports.junit import as_junit

        output.emit(as_junit(checked), wishes.junit)
    if wishes.markdown is not None:
        output.emit(CHECK_FORMATS["markdown"](checked, Screen()), wishes.markdown)
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    if wishes.annotations == "github" or (wishes.annotations == "auto" and on_github):
        from paged_sim.reports.annotations import as_annotations

        click.echo(as_annotations(checked), err=True, nl=False)
