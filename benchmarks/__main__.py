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
from benchmarks.report import REACHES, show, show_machine
from benchmarks.settings import FULL, QUICK, Settings, warm_up
from benchmarks.suite import BENCHMARKS


@click.command()
@click.option("--quick", is_flag=True, help="Smaller sizes: a look in a minute or two.")
@click.option("--only", multiple=True, type=click.Choice(tuple(BENCHMARKS)), help="Run this one; repeatable.")
@click.option("-o", "--output", metavar="FILE.json", help="Write all timings to FILE.json.")
@click.option("--plot", metavar="DIR", help="Write figures to DIR, as PNG and SVG.")
@click.option("--note", default="", help="A remark to keep with the results, such as what else the machine was doing.")
def main(quick: bool, only: tuple[str, ...], output: str | None, plot: str | None, note: str) -> None:
    """Measure how fast the simulator is. What the numbers mean: docs/performance.md."""
    results = run(QUICK if quick else FULL, only or tuple(BENCHMARKS), console(), note=note)
    if output is not None:
        Path(output).write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    if plot is not None:
        draw(results, Path(plot))


def console() -> Console:
    """Standard output; where that is no terminal, lines as wide as the tables want."""
    return Console(width=None if sys.stdout.isatty() else 180)


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
        show(screen, benchmark.title, benchmark.columns, rows)
    reaches = judge({name: part["rows"] for name, part in parts.items()})
    show(screen, "What was to be reached", REACHES, reaches)
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
