"""The map of free memory over time (address x time), one panel per policy, contiguous beside paged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..numbers import byte_unit
from .over_time import has_clock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from paged_sim.run import PolicyRun, Run


_COLUMNS = 1024


def draw_memory_map(run: Run) -> Figure | None:
    """Share of each address range that is handed out, light where memory is free; None where no map was recorded."""
    from matplotlib.figure import Figure

    parts = [part for part in run.policies if part.timeline.memory_map.size]
    if not parts:
        return None
    across = 2 if len(parts) == 4 else min(len(parts), 3)
    down = -(-len(parts) // across)
    figure = Figure(figsize=(1.6 + 2.7 * across, 0.9 + 2.7 * down), layout="constrained")
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    clock = has_clock(run)
    images = [_draw_panel(axes, part, clock) for axes, part in zip(grid.flat, parts, strict=False)]
    for axes in grid.flat[len(parts) :]:
        axes.set_visible(False)
    unit, _ = byte_unit(parts[0].summary["capacity"]["bytes"])
    for axes in grid[:, 0]:
        axes.set_ylabel(f"address ({unit})")
    bar = figure.colorbar(images[0], ax=list(grid.flat), label="share of the addresses handed out (%)", shrink=0.9)
    bar.outline.set_visible(False)
    figure.suptitle(f"{run.scenario['name']}: memory handed out over time", x=0.01, ha="left", fontweight="bold")
    return figure


def _draw_panel(axes: Axes, part: PolicyRun, clock: bool) -> AxesImage:
    import numpy as np

    timeline, capacity = part.timeline, part.summary["capacity"]
    steps = timeline.map_steps.astype(np.float64)
    when = np.interp(steps, timeline.columns["step"], timeline.columns["time"]) if clock else steps
    # A row is what has been since the one before it, however long ago that was.
    edges = np.linspace(when[0], when[-1], _COLUMNS + 1)
    rows = np.searchsorted(when, (edges[1:] + edges[:-1]) / 2)
    top = capacity["bytes"] / byte_unit(capacity["bytes"])[1]
    image = axes.imshow(
        timeline.memory_map[rows].T / 2.55,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap="Blues",
        vmin=0,
        vmax=100,
        extent=(float(when[0]), float(max(when[-1], when[0] + 1)), 0.0, top),
    )
    axes.set_title(part.summary["name"])
    axes.set_xlabel("time (s)" if clock else "step")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=4)
    return image
