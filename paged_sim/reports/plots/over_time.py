"""Occupancy, sequences held and requests waiting over time, one line per policy."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from ..palette import POLICY_COLOURS, POLICY_DASHES
from .labels import edges_of_rows, entitle, has_clock, label_numbers, label_time

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.run import Run

    Floats = npt.NDArray[np.float64]

_COLUMNS = 300
"""Values a line shows at most: more could not be told apart."""
_BANDS = 4
"""Lines up to which each has its band: more would cover each other."""
_BELOW = 0.03
"""Part of a panel below zero, so that a line at zero shows."""
_WIDTH = 100
"""Characters that fit beside each other below the panels."""
_ALIKE = 0.01
"""Two lines are alike that differ by less than this part of the larger one, on average, and in where they end."""


class _Line(NamedTuple):
    """What a line shows: values that were, each from its edge to the next one, and the range of those in between."""

    edges: Floats
    values: Floats
    lowest: Floats
    highest: Floats

    def is_like(self, other: _Line) -> bool:
        """Whether another line would lie on this one wherever this one is."""
        import numpy as np

        place = np.searchsorted(other.edges, self.edges[:-1], side="right") - 1
        there = other.values[np.clip(place, 0, len(other.values) - 1)]
        apart = np.abs(there - self.values).mean()
        late = abs(self.edges[-1] - other.edges[-1])
        return bool(
            apart <= _ALIKE * max(self.highest.max(), other.highest.max()) and late <= _ALIKE * abs(self.edges[-1])
        )


class _Curves(NamedTuple):
    """The lines of one policy in all panels; later ones that are like it in all of them share them."""

    names: list[str]
    lines: tuple[_Line, _Line, _Line]

    @property
    def label(self) -> str:
        """Whose lines these are."""
        alike = f" (alike within {_ALIKE:.0%})" if len(self.names) > 1 else ""
        return fill(", ".join(self.names) + alike, _WIDTH)


def draw_over_time(run: Run) -> Figure | None:
    """Three panels over one time axis (steps, or seconds where the scenario has a clock); the first seed is drawn.

    None where no policy ran a step.

    A line shows values as they were, each until the next one that is shown. A pale band reaches from the lowest to the
    highest of the kept steps in between, unless there are too many lines for that.
    """
    from matplotlib.figure import Figure

    clock = has_clock(run)
    curves = _curves_of(run, clock)
    if not curves:
        return None
    figure = Figure(figsize=(7.2, 6.6), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    for number, axes in enumerate(panels):
        _draw_lines(axes, [each.lines[number] for each in curves], [each.label for each in curves])
    panels[0].set_ylim(-_BELOW * 100, 100)
    panels[0].set_ylabel("occupancy (% of the arena)")
    panels[1].set_ylabel("sequences held")
    panels[2].set_ylabel("requests waiting")
    label_time(panels[2], clock, most=10)
    for axes in panels:
        label_numbers(axes.yaxis, whole=axes is not panels[0])
        axes.grid(axis="y", color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0)
    handles, labels = panels[1].get_legend_handles_labels()
    columns = max(1, min(4, _WIDTH // (10 + max(map(len, labels)))))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    entitle(figure, f"{run.scenario['name']}: occupancy, sequences held and queue over time")
    return figure


def _curves_of(run: Run, clock: bool) -> list[_Curves]:
    """The curves of all policies that ran a step, one for those that are alike."""
    curves: list[_Curves] = []
    for part in run.policies:
        edges, columns = edges_of_rows(part.timeline, clock), part.timeline.columns
        if not len(edges):
            continue
        occupancy = 100 * columns["token_state"] / part.summary["capacity"]["slots"]
        lines = (_line(edges, occupancy), _line(edges, columns["batch"]), _line(edges, columns["waiting"]))
        for earlier in curves:
            if all(line.is_like(other) for line, other in zip(lines, earlier.lines, strict=True)):
                earlier.names.append(str(part.summary["name"]))
                break
        else:
            curves.append(_Curves([str(part.summary["name"])], lines))
    return curves


def _line(edges: Floats, values: Floats) -> _Line:
    """The line of the values between edges: all of them, or of too many those at _COLUMNS moments."""
    import numpy as np

    if len(values) <= _COLUMNS:
        return _Line(edges, values, values, values)
    moments = np.linspace(edges[0], edges[-1], _COLUMNS + 1)
    first = np.searchsorted(edges, moments[:-1], side="right") - 1
    return _Line(moments, values[first], np.minimum.reduceat(values, first), np.maximum.reduceat(values, first))


def _draw_lines(axes: Axes, lines: Sequence[_Line], labels: Sequence[str]) -> None:
    """Draw the lines in order; one that later ones would hide shows around them."""
    for number, (line, label) in enumerate(zip(lines, labels, strict=True)):
        colour = POLICY_COLOURS[number % len(POLICY_COLOURS)]
        dashes = POLICY_DASHES[number // len(POLICY_COLOURS) % len(POLICY_DASHES)]
        width = 1.2 + 1.8 * min(3, sum(line.is_like(later) for later in lines[number + 1 :]))
        if len(lines) <= _BANDS:
            lowest, highest = _held(line.lowest), _held(line.highest)
            axes.fill_between(line.edges, lowest, highest, step="post", color=colour, alpha=0.2, linewidth=0)
        values = _held(line.values)
        axes.step(line.edges, values, where="post", color=colour, linestyle=dashes, linewidth=width, label=label)
    top = max(1.0, 1.05 * max(line.highest.max() for line in lines))
    axes.set_ylim(-_BELOW * top, top)


def _held(values: Floats) -> Floats:
    """Values at the edges between which they are shown: the last one up to the last edge."""
    import numpy as np

    return np.append(values, values[-1:])
