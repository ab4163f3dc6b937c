"""Results as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.suite import Column
from benchmarks.timing import Row

REACHED = "What was to be reached"
REACHES = (Column("what", "what"), Column("goal", "to reach"), Column("shown", "measured"), Column("met", "met"))


def show_table(console: Console, title: str, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print one table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.form else "left", no_wrap=bool(column.form))
    for row in rows:
        table.add_row(*(cell(row.get(column.key), column) for column in columns))
    console.print(table)
    console.print()


def cell(value: Any, column: Column) -> str:
    """One value as text; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return format(value / column.scale if column.scale != 1 else value, column.form)


def show_machine(console: Console, machine: Row) -> None:
    """Print what the timings are taken on."""
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB" if machine["memory_bytes"] else "?"
    load = ", ".join(f"{value:.2f}" for value in machine["load_average"])
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores, {memory}; Python {machine['python']}, NumPy {machine['numpy']}, "
        f"Numba {machine['numba']}; load average {load}\n",
        highlight=False,
    )
