"""The ledger as one stacked bar per policy: where the bytes of the arena are, on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paged_sim.result import Entry, Steps, mean_share

from ..basis import OVER, side_of
from ..numbers import NO_STEP, amount, byte_unit
from ..palette import LOOKS
from .labels import entitle, label_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.run import Run

_LABELLED = 0.045


def draw_ledger(run: Run) -> Figure:
    """Horizontal bars in shares of the arena, over the same steps for all policies, with a second axis in bytes."""
    from matplotlib.figure import Figure

    summaries = [part.summary for part in run.policies]
    figure = Figure(figsize=(7.2, 1.9 + 0.42 * len(summaries)), layout="constrained")
    axes = figure.add_subplot()
    over = side_of(summaries)
    shown = [account for account in LOOKS if any(_share(summary, over, account) > 0 for summary in summaries)]
    for row, summary in enumerate(summaries):
        shares = {account: _share(summary, over, account) for account in shown}
        _draw_bar(axes, row, shares)
        if not any(shares.values()):
            axes.text(0.5, row, NO_STEP, va="center", fontsize=8, color="#404040")
    _label_axes(axes, summaries, over)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=min(len(unique), 5), frameon=False)
    entitle(figure, f"{run.scenario['name']}: where the bytes of the KV cache are")
    return figure


def _share(summary: Entry, over: Steps, account: str) -> float:
    return mean_share(summary, over, account) or 0.0


def _draw_bar(axes: Axes, row: int, shares: Mapping[str, float]) -> None:
    left = 0.0
    for account, share in shares.items():
        look = LOOKS[account]
        axes.barh(
            row,
            100 * share,
            left=100 * left,
            height=0.72,
            label=look.label,
            color=look.colour,
            hatch=look.hatch,
            edgecolor="white" if account in _DARK else "#303030",
            linewidth=0,
        )
        if share >= _LABELLED:
            axes.text(
                100 * (left + share / 2),
                row,
                f"{100 * share:.1f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if account in _DARK else "black",
                bbox={"facecolor": look.colour, "edgecolor": "none", "pad": 0.8} if look.hatch else None,
            )
        left += share


_DARK = frozenset({"token_state", "over_reservation", "reservation", "padding", "metadata"})


def _label_axes(axes: Axes, summaries: Sequence[Entry], over: Steps) -> None:
    capacity = summaries[0]["capacity"]["bytes"]
    unit, size = byte_unit(capacity)
    axes.set_yticks(range(len(summaries)), [summary["name"] for summary in summaries])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"share of the arena of {amount(capacity)} (%), mean {OVER[over]}")
    axes.tick_params(axis="y", length=0)
    scale: Any = size * 100 / capacity  # of shares and bytes alone or in arrays
    second = axes.secondary_xaxis("top", functions=(lambda share: share / scale, lambda value: value * scale))
    second.set_xlabel(unit)
    label_numbers(second.xaxis, most=8)
    axes.spines["left"].set_visible(False)
