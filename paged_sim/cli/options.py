"""The options that commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from paged_sim.cli.destinations import ResultOptions
from paged_sim.reports import FORMATS

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class RunOptions(ResultOptions):
    """What `run`, `compare` and `check` were told besides their arguments; fields are named after the options."""

    overrides: tuple[str, ...] = ()
    seed: int | None = None
    device: str | None = None
    trace: str | None = None
    plot: str | None = None
    timeline: str | None = None
    step: int | None = None
    timings: bool = False
    jobs: int = 1
    quiet: bool = False


def _stack(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator of several; the options appear in the help in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


output_option = click.option(
    "-o",
    "--output",
    multiple=True,
    metavar="FILE|-",
    help="Write results to FILE, in the form of its suffix (- is standard output); repeatable.",
)
_columns_option = click.option(
    "--columns", metavar="LIST", help="Of CSV only these columns: names or patterns such as batch.*, with commas."
)


def result_options(*names: str) -> Callable[[Command], Command]:
    """`--format`, `-o` and, with CSV among the forms `names`, `--columns`; the first form is the default."""
    shape = click.option(
        "--format", "shape", type=click.Choice(names), help=f"How to show results where no suffix says. [{names[0]}]"
    )
    return _stack(shape, output_option, *([_columns_option] if "csv" in names else []))


full_option = click.option("--full", is_flag=True, help="Show every table.")

scenario_options = _stack(
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="PATH=VALUE",
        help="Override one value of the scenario; repeatable.",
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Seed in place of the scenario's."),
    click.option(
        "--device", metavar="auto|cpu|cuda[:N]", help="Where the arena lies, in place of the scenario's device."
    ),
    click.option("--trace", metavar="FILE", help="Take the requests from a trace file."),
)

figure_options = _stack(
    click.option("--plot", metavar="DIR", help="Also write figures to DIR, as PNG and SVG."),
    click.option("--timeline", metavar="FILE.csv|-", help="Also write the timeline of every policy to one CSV file."),
)

run_options = _stack(
    scenario_options,
    result_options(*FORMATS),
    full_option,
    figure_options,
    click.option("--step", type=click.IntRange(min=0), metavar="N", help="Also show the ledger at step N."),
    click.option("--timings", is_flag=True, help="Measure wall times, too."),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Simulate policies and seeds side by side, in up to N processes.",
    ),
    click.option("--quiet", is_flag=True, help="Show no progress."),
)
