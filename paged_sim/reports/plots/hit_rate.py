"""Hit rate of a prefix cache over its capacity, one line per eviction policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..palette import POLICY_COLOURS, POLICY_DASHES
from .labels import entitle, label_numbers, label_powers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.hitrate.results import Curve, HitRates, TraceRates


def draw_hit_rate(rates: HitRates, trace: TraceRates) -> Figure:
    """One panel: capacity in blocks (logarithmic) against hit rate; dots are the capacities that were asked for.

    `trace` has the curves of all policies. What no policy exceeds is a grey line, where it is known; a dotted line
    marks the capacity with room for every block.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    if "bound" in trace.curves:
        _draw_curve(axes, trace.curves["bound"], label="bound", color="#B8B8B8", linewidth=3.5)
    for number, name in enumerate(rates.policies):
        colour = POLICY_COLOURS[number % len(POLICY_COLOURS)]
        dashes = POLICY_DASHES[number % len(POLICY_DASHES)]
        _draw_curve(axes, trace.curves[name], label=name, color=colour, linestyle=dashes, linewidth=1.4)
        asked = [(point.blocks, 100 * point.rates[name]) for point in trace.points]
        axes.plot(*zip(*asked, strict=True), ".", color=colour, markersize=6)
    all_blocks = f"all {trace.unique_blocks:,} blocks"
    axes.axvline(trace.unique_blocks, color="#404040", linestyle=":", linewidth=1, label=all_blocks)
    axes.set_xscale("log")
    axes.set_xlim(_least(trace), trace.unique_blocks * 1.1)
    label_powers(axes.xaxis)
    label_numbers(axes.yaxis)
    axes.set_xlabel(f"capacity (blocks of {rates.block_size} tokens)")
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"hit rate (%, {rates.hits})")
    axes.grid(color="#E0E0E0", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=6, frameon=False)
    entitle(figure, f"{trace.name}: prefix-cache hit rate over capacity")
    return figure


def _draw_curve(axes: Axes, curve: Curve, **style: Any) -> None:
    axes.plot(curve.blocks, [100 * rate for rate in curve.rates], **style)


def _least(trace: TraceRates) -> float:
    """Where the axis begins: at a thousandth of the blocks, or before a smaller capacity that was asked for."""
    return max(min(trace.unique_blocks / 1000, *(point.blocks for point in trace.points)), 1) / 1.1
