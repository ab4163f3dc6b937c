"""The memory map (address x time): what lies where, coloured by account, one panel per policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..numbers import byte_unit
from ..palette import LOOKS
from .labels import edges_of_map, entitle, has_clock, label_numbers, label_time

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.run import PolicyRun, Run, Timeline

_LINES = 1024
"""Lines of the image that all stretches of addresses together are drawn with, at least one each."""


def draw_memory_map(run: Run) -> Figure | None:
    """Every stretch of addresses at every kept step, divided among its accounts; None where no map was recorded.

    All panels have one time axis: a policy that ends earlier leaves the rest of it empty.
    """
    from matplotlib.figure import Figure

    parts = [part for part in run.policies if part.timeline.memory_map.size]
    if not parts:
        return None
    across = 2 if len(parts) == 4 else min(len(parts), 3)
    down = -(-len(parts) // across)
    figure = Figure(figsize=(max(5.2, 1.2 + 2.8 * across), 1.3 + 2.5 * down), layout="constrained")
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    clock = has_clock(run)
    for axes, part in zip(grid.flat, parts, strict=False):
        _draw_panel(axes, part, clock)
        if clock:
            axes.set_xlim(left=0)
    for axes in grid.flat[len(parts) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(0, len(parts) - across) : len(parts)]:
        axes.tick_params(labelbottom=True)
        label_time(axes, clock, most=4)
    unit, _ = byte_unit(parts[0].summary["capacity"]["bytes"])
    for axes in grid[:, 0]:
        axes.set_ylabel(f"address ({unit})")
        label_numbers(axes.yaxis, most=7)
    _add_legend(figure, [part.timeline for part in parts])
    entitle(figure, f"{run.scenario['name']}: what lies where in memory")
    return figure


def _draw_panel(axes: Axes, part: PolicyRun, clock: bool) -> None:
    import numpy as np

    capacity = part.summary["capacity"]
    image = colours_of(part.timeline)
    top = capacity["bytes"] / byte_unit(capacity["bytes"])[1]
    axes.pcolorfast(edges_of_map(part.timeline, clock), np.linspace(0, top, len(image) + 1), image)
    axes.set_title(part.summary["name"])


def colours_of(timeline: Timeline) -> npt.NDArray[np.uint8]:
    """The map as an image, uint8[lines, rows, 3]: each stretch of addresses is some lines, divided among its accounts.

    Where the lines of a stretch are cut is shifted from one to the next, so that accounts much smaller than a line have
    their share of the area as well.
    """
    import numpy as np
    from matplotlib.colors import to_rgb

    slots = timeline.memory_map
    rows, stretches, accounts = slots.shape
    up_to = np.cumsum(slots, axis=2) / slots.sum(axis=2, keepdims=True)
    shift = (np.arange(rows)[:, None] * _SHIFTS[0] + np.arange(stretches) * _SHIFTS[1]) % 1
    lines = max(1, _LINES // stretches)
    kind = np.zeros((lines, rows, stretches), np.intp)
    for line in range(lines):
        where = (line + shift) / lines
        for account in range(accounts - 1):
            kind[line] += up_to[:, :, account] <= where
    colours = np.array([np.round(np.multiply(to_rgb(LOOKS[name].colour), 255)) for name in timeline.map_accounts])
    image: npt.NDArray[np.uint8] = colours.astype(np.uint8)[kind.transpose(2, 0, 1).reshape(-1, rows)]
    return image


_SHIFTS = (0.7548776662466927, 0.5698402909980532)
"""Steps of a sequence in the plane that fills it evenly: the inverse of the plastic number, and its square."""


def _add_legend(figure: Figure, timelines: Sequence[Timeline]) -> None:
    from matplotlib.patches import Patch

    shown = [name for name in LOOKS if any(name in timeline.map_accounts for timeline in timelines)]
    patches = [Patch(facecolor=LOOKS[name].colour, label=LOOKS[name].label) for name in shown]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), 4), frameon=False)
