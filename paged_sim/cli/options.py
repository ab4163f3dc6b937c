"""The options that commands share, each declared once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli.destinations import ResultOptions
from paged_sim.errors import PagedSimError
from paged_sim.reports import FORMATS
from paged_sim.wording import show

if TYPE_CHECKING:
    from paged_sim.workloads import Reading

Command = Callable[..., Any]


MOST_STEPS = 50
"""Steps whose ledger `--step` shows at most."""

MOST_JOBS = 256
"""Processes that `--jobs` starts at most."""


def steps_of(context: click.Context, option: click.Parameter, text: str | None) -> int | range | None:
    """A step, as in `3`, or some steps, as in `2..4`, the last one included. Raises click.BadParameter."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,18})(?:\.\.([0-9]{1,18}))?", text.strip())
    if found is None:
        raise click.BadParameter(f"{show(text)} is no step; give one, as in 3, or some, as in 2..4", context, option)
    if found[2] is None:
        return int(found[1])
    steps = range(int(found[1]), int(found[2]) + 1)
    if not steps:
        raise click.BadParameter(f"{text} ends before it begins; give the first step first", context, option)
    if len(steps) > MOST_STEPS:
        raise click.BadParameter(f"{text} are {len(steps):,} steps; give at most {MOST_STEPS}", context, option)
    return steps


@dataclass(frozen=True, slots=True)
class RunOptions(ResultOptions):
    """What `run`, `compare` and `check` were told besides their arguments; fields are named after the options."""

    overrides: tuple[str, ...] = ()
    seed: int | None = None
    device: str | None = None
    trace: str | None = None
    plot: str | None = None
    timeline: str | None = None
    requests: str | None = None
    step: int | range | None = None
    timings: bool = False
    jobs: int = 1
    quiet: bool = False


def refuse_given(options: Mapping[str, object], why: str) -> None:
    """Refuse those of these options, by name, that were given anything, where they would change nothing."""
    if used := [name for name, value in options.items() if value]:
        raise click.UsageError(f"{', '.join(used)}: {why}; leave this out")


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
    click.option("--requests", metavar="FILE.csv|-", help="Also write what became of each request as CSV."),
    click.option("--step", callback=steps_of, metavar="N|N..M", help="Also show the ledger at step N, or at N to M."),
    click.option("--timings", is_flag=True, help="Measure wall times, too."),
    click.option(
        "--jobs",
        type=click.IntRange(min=1, max=MOST_JOBS),
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
        "--field",
        "fields",
        multiple=True,
        metavar="FIELD=NAME",
        help="The column (or its number from 1, or the key, with dots) that holds a field of requests: arrival, "
        "prompt, output, max_tokens, session, turn, delay or hash_ids. May be given several times.",
    ),
    click.option("--time-unit", metavar="UNIT", help="Unit of its times, in place of the format's: s, ms, us or ns."),
    click.option(
        "--block-size",
        type=click.IntRange(min=1, max=10**9),
        metavar="N",
        help="Tokens that each of its ids stands for.",
    ),
    click.option("--tokenizer", metavar="FILE", help="A tokenizer.json that counts the tokens of a file of text."),
)


def reading_of(
    fields: tuple[str, ...], time_unit: str | None, block_size: int | None, tokenizer: str | None
) -> Reading:
    """How to read a trace, from `reading_options`. Raises PagedSimError for a field that is not FIELD=NAME."""
    from paged_sim.workloads import Reading

    named = {}
    for given in fields:
        field, equals, name = given.partition("=")
        if not equals or not name:
            raise PagedSimError(f"--field {given}: expected FIELD=NAME, such as prompt=tokens_in")
        named[field.strip()] = name.strip()
    return Reading(named, time_unit, block_size, None if tokenizer is None else Path(tokenizer))
