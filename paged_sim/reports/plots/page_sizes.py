"""Waste, fill and prefix-cache hits over the page size, of policies that differ in nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from paged_sim.result import Entry, Steps, value_at

from ..basis import OVER, side_of
from ..numbers import amount, byte_unit
from ..palette import POLICY_COLOURS, POLICY_DASHES
from .labels import entitle, label_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paged_sim.run import Run


_FEWEST = 3
"""Page sizes that make a curve."""


class _Series(NamedTuple):
    """Policies that differ only in their page size, smallest first."""

    label: str
    members: Sequence[Entry]

    def sizes(self) -> list[int]:
        """Their page sizes."""
        return [_page_size(summary) for summary in self.members]


class _Panel(NamedTuple):
    """What one panel shows: its axis, where the JSON has it, in which unit, and a value in words."""

    label: str
    path: str
    unit: float
    words: Callable[[float], str]


def draw_page_sizes(run: Run) -> Figure | None:
    """A panel each for waste, fill and (with a prefix cache) hit rate over page sizes; None with fewer than three.

    A line per series of policies that differ only in their page size. Dots are what was simulated; those of a single
    series say their values.
    """
    from matplotlib.figure import Figure

    series = _series_of(run)
    if not series:
        return None
    summaries = [summary for each in series for summary in each.members]
    over = side_of(summaries)
    panels = _panels_of(summaries, over)
    figure = Figure(figsize=(7.2, 1.4 + 1.9 * len(panels)), layout="constrained")
    grid = figure.subplots(len(panels), 1, sharex=True)
    for axes, panel in zip(grid, panels, strict=True):
        for number, each in enumerate(series):
            _draw_series(axes, each, number, panel, in_words=len(series) == 1)
        axes.set_ylabel(panel.label)
        axes.margins(y=0.15)
        label_numbers(axes.yaxis)
        axes.grid(color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
    _label_sizes(grid[-1], sorted({size for each in series for size in each.sizes()}), OVER[over])
    if len(series) > 1:
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    entitle(figure, f"{run.scenario['name']}: what the page size costs")
    return figure


def _series_of(run: Run) -> list[_Series]:
    """The series of a run with at least `_FEWEST` page sizes each."""
    found: dict[tuple[tuple[str, Any], ...], list[Entry]] = {}
    for part in run.policies:
        settings = dict(part.summary["policy"])
        settings.pop("page_size", None)
        if _page_size(part.summary):
            found.setdefault(tuple(settings.items()), []).append(part.summary)
    return [
        _Series(_label(dict(settings)), sorted(members, key=_page_size))
        for settings, members in found.items()
        if len(set(map(_page_size, members))) >= _FEWEST
    ]


def _page_size(summary: Entry) -> int:
    """The page size of a policy, 0 for one without pages."""
    return summary["capacity"].get("page_size") or 0


def _label(settings: Mapping[str, Any]) -> str:
    """What the policies of a series have in common."""
    words = [str(settings["policy"]), "null page" if settings.get("null_page") else ""]
    if "prefix_cache" in settings:
        words += [f"prefix cache {settings['prefix_cache']}", str(settings.get("eviction") or "")]
    return ", ".join(word for word in words if word)


def _panels_of(summaries: Sequence[Entry], over: Steps) -> list[_Panel]:
    """Waste and fill over the steps of one side, and hit rates where there are any."""
    waste, fill, hits = f"waste.{over}.bytes", f"fill.{over}.mean", "sharing.prefix_cache.hit_rate"
    unit, size = byte_unit(max(value_at(summary, waste) or 0.0 for summary in summaries))
    panels = [_Panel(f"waste ({unit})", waste, size, amount), _Panel("fill (%)", fill, 0.01, _percentage)]
    if any(value_at(summary, hits) is not None for summary in summaries):
        panels.append(_Panel("hit rate (%)", hits, 0.01, _percentage))
    return panels


def _percentage(share: float) -> str:
    return f"{100 * share:.1f}"


def _draw_series(axes: Axes, series: _Series, number: int, panel: _Panel, *, in_words: bool) -> None:
    """Draw one line; a value that is not there leaves a gap."""
    colour = POLICY_COLOURS[number % len(POLICY_COLOURS)]
    dashes = POLICY_DASHES[number % len(POLICY_DASHES)]
    values = [value_at(summary, panel.path) for summary in series.members]
    heights = [float("nan") if value is None else value / panel.unit for value in values]
    axes.plot(series.sizes(), heights, marker="o", markersize=4, color=colour, linestyle=dashes, label=series.label)
    if not in_words:
        return
    for size, value, height in zip(series.sizes(), values, heights, strict=True):
        if value is not None:
            at: Any = {"xytext": (0, 6), "textcoords": "offset points"}
            at["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
            axes.annotate(panel.words(value), (size, height), **at, ha="center", fontsize=7.5)


def _label_sizes(axes: Axes, sizes: Sequence[int], over: str) -> None:
    """A logarithmic axis with a tick at each page size that was simulated."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel(f"page size (slots); waste and fill: mean {over}")
