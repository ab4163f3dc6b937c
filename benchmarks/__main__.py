"""`python -m benchmarks`: run the benchmarks, print their tables, keep the results."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.plots import draw
from benchmarks.reaches import judge
from benchmarks.report import REACHED, REACHES, show_machine, show_table
from benchmarks.settings import FULL, QUICK, Settings, warm_up
from benchmarks.suite import BENCHMARKS


@click.command()
@click.option("--quick", is_flag=True, help="Smaller sizes: a look in a few minutes.")
@click.option("--only", multiple=True, type=click.Choice(tuple(BENCHMARKS)), help="Run this one; repeatable.")
@click.option("-o", "--output", metavar="FILE.json", help="Write all timings to FILE.json.")
@click.option("--plot", metavar="DIR", help="Write figures to DIR, as PNG and SVG.")
@click.option("--note", default="", help="A remark to keep with the results, such as what else the machine was doing.")
@click.option("--show", metavar="FILE.json", help="Measure nothing: show results that were written with -o.")
def main(quick: bool, only: tuple[str, ...], output: str | None, plot: str | None, note: str, show: str | None) -> None:
    """Measure how fast the simulator is. What the numbers mean: docs/performance.md."""
    screen = Console(width=None if sys.stdout.isatty() else 180)
    if output is not None:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
    if show is not None:
        results = json.loads(Path(show).read_text("utf-8"))
        show_all(screen, results)
    else:
        results = run(QUICK if quick else FULL, only or tuple(BENCHMARKS), screen, note=note)
    if output is not None:
        Path(output).write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    if plot is not None:
        draw(results, Path(plot))


def show_all(screen: Console, results: dict[str, Any]) -> None:
    """Print the tables of saved results."""
    show_machine(screen, results["machine"])
    for name, part in results["benchmarks"].items():
        show_table(screen, part["title"], BENCHMARKS[name].columns, part["rows"])
    show_table(screen, REACHED, REACHES, results["reaches"])


def run(settings: Settings, names: tuple[str, ...], screen: Console, *, note: str = "") -> dict[str, Any]:
    """Run benchmarks one after the other and print each table when it is there; everything as one JSON document."""
    machine = describe_machine()
    show_machine(screen, machine)
    warm_up(settings)
    parts: dict[str, Any] = {}
    for name in names:
        benchmark = BENCHMARKS[name]
        started = perf_counter()
        rows = benchmark.measure(settings)
        parts[name] = {"title": benchmark.title, "seconds": perf_counter() - started, "rows": rows}
        show_table(screen, benchmark.title, benchmark.columns, rows)
    reaches = judge({name: part["rows"] for name, part in parts.items()})
    show_table(screen, REACHED, REACHES, reaches)
    return {
        "version": 1,
        "settings": settings.name,
        "repeats": settings.repeats,
        "compiled": settings.compiled,
        "note": note,
        "machine": {**machine, "load_average_after": list(os.getloadavg())},
        "benchmarks": parts,
        "reaches": reaches,
    }


if __name__ == "__main__":
    main()
