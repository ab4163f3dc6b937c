"""Occupancy and sequences held over time, one line per policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..palette import POLICY_COLOURS, POLICY_DASHES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from paged_sim.run import Run


def draw_over_time(run: Run) -> Figure:
    """Two panels over one time axis (steps, or seconds where the scenario has a clock); the first seed is drawn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    occupancy, batch = figure.subplots(2, 1, sharex=True)
    clock = has_clock(run)
    for number, part in enumerate(run.policies):
        columns = part.timeline.columns
        time = columns["time"] if clock else columns["step"]
        style = {
            "label": part.summary["name"],
            "color": POLICY_COLOURS[number % len(POLICY_COLOURS)],
            "linestyle": POLICY_DASHES[number // len(POLICY_COLOURS) % len(POLICY_DASHES)],
            "linewidth": 1.2,
            "drawstyle": "steps-post",
        }
        occupancy.plot(time, 100 * columns["token_state"] / part.summary["capacity"]["slots"], **style)
        batch.plot(time, columns["batch"], **style)
    occupancy.set_ylim(0, 100)
    occupancy.set_ylabel("occupancy (% of the arena)")
    batch.set_ylabel("sequences held")
    batch.set_ylim(bottom=0)
    batch.set_xlabel("time (s)" if clock else "step")
    for axes in (occupancy, batch):
        axes.grid(axis="y", color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0)
    figure.legend(*batch.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    occupancy.set_title(
        f"{run.scenario['name']}: occupancy and sequences held over time", loc="left", fontweight="bold"
    )
    return figure


def has_clock(run: Run) -> bool:
    """Whether steps have durations other than 1, so that time is in seconds."""
    return any(bool((part.timeline.columns["duration"] != 1).any()) for part in run.policies)
