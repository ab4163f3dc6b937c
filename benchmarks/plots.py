"""Figures of the results, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.timing import Row
from paged_sim.reports.palette import POLICY_COLOURS, POLICY_DASHES

_MARKERS = "osD^vXP"


def draw(results: dict[str, Any], folder: Path) -> list[Path]:
    """Draw every figure for which there are results; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw_one in FIGURES.items():
        if name not in results["benchmarks"]:
            continue
        with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
            figure = draw_one(results["benchmarks"][name]["rows"])
            for suffix in ("png", "svg"):
                written.append(folder / f"{name}.{suffix}")
                figure.savefig(written[-1], dpi=160)
    return written


def draw_throughput(rows: list[Row]) -> Figure:
    """Token-steps a second by policy and payload, one panel for each load."""
    loads = list(dict.fromkeys((row["load"], row["pages"]) for row in rows))
    figure = Figure(figsize=(8.4, 1.2 + 3.0 * ((len(loads) + 1) // 2)), layout="constrained")
    panels = figure.subplots((len(loads) + 1) // 2, 2, sharex=True, sharey=True, squeeze=False).flat
    parts = [
        ("tag_rate", "every token written and checked, one core", "#0072B2"),
        ("beside_rate", "the same, arena on a core of its own", "#56B4E9"),
        ("none_rate", "bookkeeping only", "#B8B8B8"),
    ]
    parts = [part for part in parts if part[0] in rows[0]]
    height = 0.78 / len(parts)
    for axes, (load, pages) in zip(panels, loads, strict=False):
        case = [row for row in rows if (row["load"], row["pages"]) == (load, pages)]
        for number, (key, label, colour) in enumerate(parts):
            places = [index + (number - (len(parts) - 1) / 2) * height for index in range(len(case))]
            axes.barh(places, [row[key] / 1e6 for row in case], 0.9 * height, color=colour, label=label)
        axes.set_yticks(range(len(case)), [row["policy"] for row in case])
        axes.set_title(f"memory {load}, {pages:,} pages", loc="left")
        axes.grid(axis="x", color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel("million token-steps/s")
    # The panels share this axis: turned once, it is turned in all of them.
    axes.invert_yaxis()
    _legend(figure, axes)
    return figure


def draw_scaling(rows: list[Row]) -> Figure:
    """Time per token-step over size, one panel for each thing that grows."""
    kinds = list(dict.fromkeys(row["what"] for row in rows))
    figure = Figure(figsize=(8.4, 5.2), layout="constrained")
    panels = figure.subplots(-(-len(kinds) // 2), 2, squeeze=False).flat
    for axes, what in zip(panels, kinds, strict=False):
        _lines(axes, [row for row in rows if row["what"] == what], "policy", "size", "nanoseconds_per_token_step")
        axes.set_title({"arena": "a larger arena"}.get(what, f"more {what}"), loc="left")
        axes.set_xscale("log")
        sizes = sorted({row["size"] for row in rows if row["what"] == what})
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel({"arena": "times 8,192 pages", "waiting requests": "mean in the queue"}.get(what, "requests"))
        axes.set_ylabel("ns per token-step")
    _legend(figure, axes)
    return figure


def draw_allocators(rows: list[Row]) -> Figure:
    """Nanoseconds per operation over the free extents, both logarithmic, one panel for each operation."""
    figure = Figure(figsize=(8.4, 4.2), layout="constrained")
    for axes, operation in zip(figure.subplots(1, 3, sharey=True), ("take", "grow", "release"), strict=True):
        case = [row for row in rows if row["operation"] == operation]
        _lines(axes, case, "policy", "free_extents", "nanoseconds", band=True)
        axes.set_title(operation, loc="left")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("free extents")
        if operation == "take":
            axes.set_ylabel("ns per operation (median, least to most)")
            handles = axes.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_bandwidth(rows: list[Row]) -> Figure:
    """Gigabytes a second of the arena and of plain NumPy, one panel for each number of tokens."""
    sizes = list(dict.fromkeys(row["tokens"] for row in rows))
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    for axes, tokens in zip(figure.subplots(1, len(sizes), squeeze=False).flat, sizes, strict=True):
        case = [row for row in rows if row["tokens"] == tokens]
        names = list(dict.fromkeys(row["what"] for row in case))
        for number, run in enumerate(dict.fromkeys(row["run"] for row in case)):
            speeds = [row["gigabytes_per_second"] for row in case if row["run"] == run]
            places = [index + (number - 0.5) * 0.38 for index in range(len(names))]
            axes.bar(places, speeds, 0.36, color=("#56B4E9", "#0072B2")[number % 2], label=f"runs of {run:,} tokens")
        axes.set_xticks(range(len(names)), names)
        axes.set_title(f"{tokens * 8 / 2**20:,.0f} MiB of tags", loc="left")
        axes.set_ylabel("GB/s of tags")
        axes.grid(axis="y", color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
    _legend(figure, axes)
    return figure


def _lines(axes: Axes, rows: Iterable[Row], group: str, across: str, up: str, *, band: bool = False) -> None:
    """One line for each value of `group`."""
    rows = list(rows)
    for number, name in enumerate(dict.fromkeys(row[group] for row in rows)):
        line = sorted((row for row in rows if row[group] == name), key=lambda row: row[across])
        sizes, colour = [row[across] for row in line], POLICY_COLOURS[number % len(POLICY_COLOURS)]
        axes.plot(
            sizes,
            [row[up] for row in line],
            color=colour,
            linestyle=POLICY_DASHES[number % len(POLICY_DASHES)],
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4,
            label=name,
        )
        if band:
            low, high = ([row[f"{up}_{end}"] for row in line] for end in ("min", "max"))
            axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.grid(color="#E0E0E0", linewidth=0.6)
    axes.set_axisbelow(True)


def _legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)


FIGURES: dict[str, Callable[[list[Row]], Figure]] = {
    "throughput": draw_throughput,
    "scaling": draw_scaling,
    "allocators": draw_allocators,
    "bandwidth": draw_bandwidth,
}
