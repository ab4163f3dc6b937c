"""Occupancy and sequences held over time, one line per policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..palette import POLICY_COLOURS, POLICY_DASHES
from .ticks import has_clock

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.run import Run

    Floats = npt.NDArray[np.float64]

_WINDOWS = 100
_ALIKE = 0.01
"""Two lines hide each other that differ by less than this part of the larger one, on average."""


class _Line(NamedTuple):
    """The kept steps of a policy, and their means over windows of time."""

    name: str
    time: Floats
    values: Floats
    middle: Floats
    level: Floats

    def is_hidden_by(self, other: _Line) -> bool:
        """Whether another line lies on this one wherever this one is."""
        import numpy as np

        there = np.interp(self.middle, other.middle, other.level)
        return bool(np.abs(there - self.level).mean() <= _ALIKE * max(self.level.max(), other.level.max()))


def draw_over_time(run: Run) -> Figure:
    """Two panels over one time axis (steps, or seconds where the scenario has a clock); the first seed is drawn.

    Pale lines are the kept steps, strong ones their means over a hundredth of the rows each.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    occupancy, batch = figure.subplots(2, 1, sharex=True)
    clock = has_clock(run)
    occupancies, batches = [], []
    for part in run.policies:
        columns, name = part.timeline.columns, str(part.summary["name"])
        time = columns["time"] if clock else columns["step"]
        share = 100 * columns["token_state"] / part.summary["capacity"]["slots"]
        occupancies.append(_line(name, time, share))
        batches.append(_line(name, time, columns["batch"]))
    _draw_lines(occupancy, occupancies)
    _draw_lines(batch, batches)
    occupancy.set_ylim(0, 100)
    occupancy.set_ylabel("occupancy (% of the arena)")
    batch.set_ylim(bottom=0)
    batch.set_ylabel("sequences held")
    batch.set_xlabel("time (s)" if clock else "step")
    batch.xaxis.set_major_formatter("{x:,.0f}")
    for axes in (occupancy, batch):
        axes.grid(axis="y", color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0)
    figure.legend(*batch.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    occupancy.set_title(
        f"{run.scenario['name']}: occupancy and sequences held over time", loc="left", fontweight="bold"
    )
    return figure


def _line(name: str, time: Floats, values: Floats) -> _Line:
    import numpy as np

    windows = min(_WINDOWS, len(time))
    middle = np.array([rows.mean() for rows in np.array_split(time, windows)])
    level = np.array([rows.mean() for rows in np.array_split(values, windows)])
    return _Line(name, time, values, middle, level)


def _draw_lines(axes: Axes, lines: Sequence[_Line]) -> None:
    """Draw the lines in order; one that others would hide shows around them."""
    for number, line in enumerate(lines):
        colour = POLICY_COLOURS[number % len(POLICY_COLOURS)]
        dashes = POLICY_DASHES[number // len(POLICY_COLOURS) % len(POLICY_DASHES)]
        width = 1.6 + 1.8 * sum(line.is_hidden_by(later) for later in lines[number + 1 :])
        axes.plot(line.time, line.values, color=colour, linewidth=0.5, alpha=0.25, drawstyle="steps-post")
        axes.plot(line.middle, line.level, color=colour, linestyle=dashes, linewidth=width, label=line.name)
