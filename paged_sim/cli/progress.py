"""Progress on stderr: where somebody watches a bar with its rate and the time left, elsewhere only what takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

SETTLED = 0.5
"""Seconds of one simulation after which its rate says something."""


class ProgressBar:
    """One line that shows the simulation of the moment; it follows the engine's protocol for progress."""

    def __init__(self, display: RichProgress) -> None:
        self._display = display
        self._task: TaskID | None = None
        self._name = ""
        self._rate = Rate(0)

    def update(self, name: str, done: int, total: int) -> None:
        """`done` of `total` requests of the policy `name` have ended; not more than before may mean the next seed."""
        task = self._task
        if task is None or name != self._name or self._rate.begins_anew(done, total):
            task = self._begin(name, done, total)
        self._display.update(task, completed=done, rate=f"{self._rate.text(done)} requests/s")

    def announce(self, text: str) -> None:
        """Print a line above the bar."""
        self._display.console.print(text, style="dim")

    def _begin(self, name: str, done: int, total: int) -> TaskID:
        if self._task is not None:
            self._display.remove_task(self._task)
        task = self._display.add_task(name, total=total, rate="")
        self._task, self._name, self._rate = task, name, Rate(done)
        return task


class Rate:
    """Requests a second of one simulation since it was first heard of: what had ended by then took a time unknown."""

    def __init__(self, done: int) -> None:
        self._first = self._last = done
        self._began = monotonic()

    def begins_anew(self, done: int, total: int) -> bool:
        """Whether so many can only be those of the next simulation."""
        return done < self._last or self._last == total

    def text(self, done: int) -> str:
        """The rate in whole numbers, a dash as long as it says nothing."""
        self._last = done
        elapsed = monotonic() - self._began
        ended = done - self._first
        return f"{ended / elapsed:,.{0 if ended >= elapsed else 2}f}" if elapsed >= SETTLED and ended else "-"


class Notices:
    """Where nobody watches: nothing of how far it is, a line for what takes long."""

    def update(self, name: str, done: int, total: int) -> None:
        """Say nothing."""

    def announce(self, text: str) -> None:
        """Print the line."""
        print(f"paged-sim: {text}", file=sys.stderr, flush=True)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[ProgressBar | Notices | None]:
    """A bar that vanishes at the end; only notices where stderr is no terminal, and None with `quiet`."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield Notices()
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
