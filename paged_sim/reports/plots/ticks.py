"""Axes that say what is true at their ticks, and the time axis that the figures of a run share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from paged_sim.run import Run, Timeline

    Floats = npt.NDArray[np.float64]

PLAIN = "{x:,.10g}"
"""A tick's number in full: neither rounded to a whole one nor as a difference from something written elsewhere."""


def label_numbers(axis: Axis, *, whole: bool = False, most: int = 6) -> None:
    """Label up to `most` + 1 round numbers of an axis in full; with `whole` (what is counted) whole ones only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10], integer=whole, min_n_ticks=1))
    axis.set_major_formatter(PLAIN)


def label_time(axes: Axes, clock: bool, *, most: int) -> None:
    """Label the horizontal axis with seconds, or with steps where there is no clock."""
    axes.set_xlabel("time (s)" if clock else "step")
    label_numbers(axes.xaxis, whole=not clock, most=most)


def has_clock(run: Run) -> bool:
    """Whether steps have durations other than 1, so that time is in seconds."""
    return any(bool((part.timeline.columns["duration"] != 1).any()) for part in run.policies)


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
