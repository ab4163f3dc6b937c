"""What is written on figures: titles, numbers that are true at their ticks, and the time axis of a run."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from paged_sim.result import value_at
from paged_sim.wording import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from paged_sim.run import Run, Timeline

    Floats = npt.NDArray[np.float64]

PLAIN = "{x:,.10g}"
"""A tick's number in full: neither rounded to a whole one nor as a difference from something written elsewhere."""

_PER_INCH = 11
"""Characters of a title that fit in an inch, whatever they are."""


def entitle(figure: Figure, title: str) -> None:
    """Put a title above a figure, in as many lines as it takes."""
    # Names are no formulas, and have glyphs for what can be printed only.
    lines = fill(printable(title).replace("$", r"\$"), int(figure.get_figwidth() * _PER_INCH))
    figure.suptitle(lines, x=0.01, ha="left", fontsize=10, fontweight="bold")


def label_numbers(axis: Axis, *, whole: bool = False, most: int = 6) -> None:
    """Label up to `most` + 1 round numbers of an axis in full; with `whole` (what is counted) whole ones only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10], integer=whole, min_n_ticks=1))
    axis.set_major_formatter(PLAIN)


def label_powers(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers: all over one decade, 1, 2, 5, … over four, else powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    labelled = range(1, 10) if high <= 10 * low else (1, 2, 5) if high <= 1e4 * low else (1,)
    axis.set_major_locator(LogLocator(subs=labelled))
    axis.set_major_formatter(PLAIN)
    axis.set_minor_formatter(NullFormatter())


def label_time(axes: Axes, clock: bool, *, most: int) -> None:
    """Label the horizontal axis with seconds, or with steps where there is no clock."""
    axes.set_xlabel("time (s)" if clock else "step")
    label_numbers(axes.xaxis, whole=not clock, most=most)


def has_clock(run: Run) -> bool:
    """Whether steps have durations of their own, so that time is in seconds."""
    return any(value_at(part.summary, "time.unit") == "s" for part in run.policies)


def edges_of_rows(timeline: Timeline, clock: bool) -> Floats:
    """Where each kept row begins on the time axis, and where the last one ends: one entry more than rows.

    A step without a clock lies around its number, so that the tick with the number points at it.
    """
    import numpy as np

    columns = timeline.columns
    if not clock:
        return np.append(columns["step"], columns["step"][-1:] + 1) - 0.5
    return np.append(columns["time"], columns["time"][-1:] + columns["duration"][-1:])


def edges_of_map(timeline: Timeline, clock: bool) -> Floats:
    """The same for the rows of the memory map, the last of which lasts to the end of the run."""
    import numpy as np

    if clock:
        return timeline.map_times
    return np.append(timeline.map_steps, timeline.map_steps[-1] + 1) - 0.5
