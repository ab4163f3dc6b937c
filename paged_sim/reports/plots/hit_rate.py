"""Hit rate of a prefix cache over its capacity, one line per eviction policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..palette import POLICY_COLOURS, POLICY_DASHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.hitrate.results import HitRates, TraceRates

_MARKERS = "osD^v*"


def draw_hit_rate(rates: HitRates, trace: TraceRates) -> Figure:
    """One panel: capacity in blocks (logarithmic) against hit rate, the number of blocks of the trace marked.

    LRU is drawn at every capacity, other policies at the measured ones. The bound is a thin line.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    points = sorted(trace.points, key=lambda point: point.blocks)
    blocks = [point.blocks for point in points]
    for number, name in enumerate(rates.policies):
        colour = POLICY_COLOURS[number % len(POLICY_COLOURS)]
        dashes = POLICY_DASHES[number % len(POLICY_DASHES)]
        values = [100 * point.rates[name] for point in points]
        if name == "lru" and trace.lru_curve is not None:
            curve = trace.lru_curve
            axes.plot(curve.blocks, [100 * rate for rate in curve.rates], color=colour, linewidth=1.6, label=name)
            axes.plot(blocks, values, _MARKERS[number % len(_MARKERS)], color=colour, markersize=4)
        else:
            marker = _MARKERS[number % len(_MARKERS)]
            axes.plot(blocks, values, marker + dashes, color=colour, linewidth=1.4, markersize=4, label=name)
    _draw_limits(axes, trace)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel(f"capacity (blocks of {rates.block_size} tokens)")
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"hit rate (%, {rates.hits})")
    axes.grid(color="#E0E0E0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.02)
    figure.legend(loc="outside lower center", ncols=6, frameon=False)
    axes.set_title(f"{trace.name}: prefix-cache hit rate over capacity", loc="left", fontweight="bold")
    return figure


def _draw_limits(axes: Axes, trace: TraceRates) -> None:
    """The bound of all policies, where there is one, and a line where the cache has room for every block."""
    bounds = sorted((point.blocks, 100 * point.bound) for point in trace.points if point.bound is not None)
    if bounds:
        axes.plot(*zip(*bounds, strict=True), color="#8C8C8C", linewidth=0.8, label="bound")
    axes.axvline(
        trace.unique_blocks, color="#404040", linestyle=":", linewidth=1, label=f"all {trace.unique_blocks:,} blocks"
    )
