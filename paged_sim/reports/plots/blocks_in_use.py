"""Blocks of a replayed log over steps or time: in use and cached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..palette import LOOKS
from .labels import entitle, label_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.oplog.levels import Levels
    from paged_sim.oplog.occupancy import Replay

_X_LABELS = {"step": "step", "second": "time (s)", "line": "line of the recording"}


def draw_blocks_in_use(replay: Replay, pages: int | None) -> Figure:
    """One panel: strong lines are means over short stretches of the log, pale areas reach up to the peaks in them.

    A dotted line marks the size of the pool, if it is known.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots()
    if replay.in_use is not None:
        _draw(axes, replay.in_use, replay.origin, "in use", LOOKS["token_state"].colour, "-")
    if replay.in_use is None or replay.counts["touched"]:
        _draw(axes, replay.cached, replay.origin, "cached", LOOKS["over_reservation"].colour, "--")
    if pages is not None:
        axes.axhline(pages, color="#404040", linestyle=":", linewidth=1, label=f"pool of {pages:,}")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("blocks")
    axes.set_xlabel(_X_LABELS[replay.axis])
    label_numbers(axes.xaxis, whole=replay.axis != "second", most=8)
    label_numbers(axes.yaxis, whole=True)
    axes.grid(axis="y", color="#E0E0E0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    entitle(figure, f"{replay.path.name}: blocks over time, means and (pale) peaks")
    return figure


def _draw(axes: Axes, levels: Levels, origin: int, name: str, colour: str, dashes: str) -> None:
    bins = levels.bins()
    edges = [origin + each.begin for each in bins] + [origin + bins[-1].end]
    means = [float("nan") if each.mean is None else each.mean for each in bins]
    peaks = [float(each.peak) for each in bins]
    axes.fill_between(
        edges, [*means, means[-1]], [*peaks, peaks[-1]], step="post", color=colour, alpha=0.25, linewidth=0
    )
    axes.step(edges, [*means, means[-1]], where="post", color=colour, linestyle=dashes, linewidth=1.2, label=name)
