"""The options that commands share, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from paged_sim.errors import PagedSimError
from paged_sim.reports import FORMATS

if TYPE_CHECKING:
    from paged_sim.workloads import Reading

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `run`, `compare` and `check` were told besides their arguments; fields are named after the options."""

    overrides: tuple[str, ...] = ()
    seed: int | None = None
    device: str | None = None
    trace: str | None = None
    shape: str = "table"
    output: str | None = None
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


output_option = click.option("-o", "--output", metavar="FILE|-", help="Write results to FILE (- is standard output).")


def format_option(*names: str) -> Callable[[Command], Command]:
    """`--format`, with the first of `names` as the default."""
    return click.option(
        "--format", "shape", type=click.Choice(names), default=names[0], show_default=True, help="How to show results."
    )


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

run_options = _stack(
    scenario_options,
    format_option(*FORMATS),
    output_option,
    click.option("--plot", metavar="DIR", help="Also write figures to DIR, as PNG and SVG."),
    click.option("--timeline", metavar="FILE.csv", help="Also write the timeline of every policy to one CSV file."),
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


reading_options = _stack(
    click.option(
        "--trace-format",
        default="auto",
        metavar="NAME",
        show_default=True,
        help="Format of the trace, told by its content.",
    ),
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="FIELD=NAME",
        help="The column, its number from 1, or the key (with dots) that holds FIELD: arrival, prompt, output, "
        "max_tokens, session, turn, delay or hash_ids. May be given several times.",
    ),
    click.option("--time-unit", metavar="UNIT", help="Unit of its times, in place of the format's: s, ms, us or ns."),
    click.option(
        "--block-size", type=click.IntRange(min=1), metavar="N", help="Tokens that each of its ids stands for."
    ),
)


def reading_of(columns: tuple[str, ...], time_unit: str | None, block_size: int | None) -> Reading:
    """How to read a trace, from `reading_options`. Raises PagedSimError for a column that is not FIELD=NAME."""
    from paged_sim.workloads import Reading

    named = {}
    for given in columns:
        field, equals, name = given.partition("=")
        if not equals or not name:
            raise PagedSimError(f"--column {given}: expected FIELD=NAME, such as prompt=tokens_in")
        named[field.strip()] = name.strip()
    return Reading(named, time_unit, block_size)
