"""Progress on stderr, and only where somebody watches: what runs, how far it is, its rate and the time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class ProgressBar:
    """One line that shows the simulation of the moment; it follows the engine's protocol for progress."""

    def __init__(self, display: RichProgress) -> None:
        self._display = display
        self._task: TaskID | None = None
        self._name = ""
        self._done = 0
        self._began = monotonic()

    def update(self, name: str, done: int, total: int) -> None:
        """`done` of `total` requests of the policy `name` have ended; fewer than before means the next seed."""
        task = self._task
        if task is None or name != self._name or done < self._done:
            task = self._begin(name, total)
        self._done = done
        rate = done / max(monotonic() - self._began, 1e-9)
        self._display.update(task, completed=done, rate=f"{rate:,.0f} requests/s")

    def announce(self, text: str) -> None:
        """Print a line above the bar."""
        self._display.console.print(text, style="dim")

    def _begin(self, name: str, total: int) -> TaskID:
        if self._task is not None:
            self._display.remove_task(self._task)
        task = self._display.add_task(name, total=total, rate="")
        self._task, self._name, self._done, self._began = task, name, 0, monotonic()
        return task


@contextmanager
def progress_bar(quiet: bool) -> Iterator[ProgressBar | None]:
    """A bar that vanishes at the end, or None where stderr is no terminal or `quiet` is asked for."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as display:
        yield ProgressBar(display)
