"""Figures: what is drawn for which run, the same bytes every time, and nobody's matplotlib settings touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pytest
from helpers import drawn_workload, scenario_of
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from test_reports_sample import sample_run, summary, timeline

from paged_sim.ledger import ACCOUNTS
from paged_sim.reports.as_timeline import as_timeline
from paged_sim.reports.palette import LOOKS
from paged_sim.reports.plots import PLOTS, draw
from paged_sim.reports.plots.memory_map import colours_of
from paged_sim.result import value_at
from paged_sim.run import PolicyRun, Run, Timeline
from paged_sim.scenario.models import AllocatorSpec, Prefix, Variant
from paged_sim.simulation import simulate

PNG = b"\x89PNG\r\n\x1a\n"


def test_every_figure_is_drawn_twice_and_always_the_same() -> None:
    first, second = dict(draw(sizes_run())), dict(draw(sizes_run()))
    assert list(first) == [f"{name}.{suffix}" for name in PLOTS for suffix in ("png", "svg")]
    assert first == second
    assert all(content.startswith(PNG) for name, content in first.items() if name.endswith(".png"))
    assert all(b"<svg" in content for name, content in first.items() if name.endswith(".svg"))


def test_settings_of_matplotlib_are_left_alone() -> None:
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 31.0}):
        wild = dict(draw(sample_run("vllm")))
        assert matplotlib.rcParams["font.size"] == 31.0
    assert wild == dict(draw(sample_run("vllm")))
    assert dict(matplotlib.rcParams) == before


def test_no_map_was_recorded() -> None:
    columns = timeline("vllm").columns
    run = Run({"name": "bare"}, (PolicyRun(summary("vllm"), Timeline(columns)),))
    assert {name.split(".")[0] for name, _ in draw(run)} == {"ledger", "over-time"}


def test_the_map_shows_every_slot_at_every_step_as_the_ledger_counts_it() -> None:
    """Two pages of 4 for 6 tokens; the ninth, at step 3, takes a third and the last, at step 7, a fourth."""
    spec = AllocatorSpec(name="paged", policy="paged", page_size=4)
    run = simulate(scenario_of(spec, slots=20, workload=drawn_workload(count=1, prompt=6, output=9)), maps=True)
    columns = run.policies[0].timeline.columns
    figure = PLOTS["memory-map"](run)
    assert figure is not None
    axes = figure.axes[0]
    (image,) = axes.images
    assert image.get_extent() == (-0.5, 8.5, 0.0, 160.0)
    pixels = np.asarray(image.get_array())
    for name in ACCOUNTS:
        shown = (pixels == colour(name)).all(axis=2).mean(axis=0) * 20
        assert shown == pytest.approx(columns[name]), name
    assert columns["held"].tolist() == [8, 8, 8, 12, 12, 12, 12, 16, 16]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["token state", "reservation", "tail", "idle"]


def colour(account: str) -> list[int]:
    """The colour of an account as three bytes."""
    return [round(255 * part) for part in matplotlib.colors.to_rgb(LOOKS[account].colour)]


def test_small_shares_of_a_stretch_have_their_share_of_the_area() -> None:
    slots = np.full((64, 256, 2), (97, 3), np.uint16)
    timeline = Timeline({}, slots, np.arange(64), np.arange(65.0), ("token_state", "tail"))
    pixels = colours_of(timeline)
    assert pixels.shape == (1024, 64, 3)
    assert (pixels == colour("tail")).all(axis=2).mean() == pytest.approx(0.03, abs=0.001)


@pytest.mark.parametrize("names", [("vllm",), ("orca-max", "vllm", "orca-pow2", "vllm"), ("vllm",) * 5])
def test_any_number_of_panels(names: tuple[str, ...]) -> None:
    figure = PLOTS["memory-map"](sample_run(*names))
    assert figure is not None
    shown = [axes for axes in figure.axes if axes.get_visible() and axes.get_title()]
    assert len(shown) == len(names)


def test_axes_have_units() -> None:
    figure = figure_of("over-time", sample_run(changes=CLOCK))
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "occupancy (% of the arena)",
        "sequences held",
        "requests waiting",
    ]
    assert figure.axes[2].get_xlabel() == "time (s)"


CLOCK = {"time": {"end": 1440.0, "last_arrival": 0.0, "unit": "s"}}


@pytest.mark.parametrize(("changes", "label", "end"), [({}, "step", 40_000 - 0.5), (CLOCK, "time (s)", 1440)])
def test_time_is_seconds_with_a_clock_and_else_steps(changes: dict[str, Any], label: str, end: float) -> None:
    for name in ("over-time", "memory-map"):
        axes = figure_of(name, sample_run("vllm", changes=changes)).axes[-1]
        assert axes.get_xlabel() == label
        assert axes.get_xlim()[1] == pytest.approx(end, rel=0.005)


def test_all_panels_have_the_time_of_the_longest() -> None:
    """One of two policies ends earlier: the rest of its panel is empty, and the last step is there."""
    specs = [AllocatorSpec(name=f"page-{size}", policy="paged", page_size=size) for size in (1, 16)]
    run = simulate(scenario_of(*specs, slots=16, workload=drawn_workload(count=2, prompt=6, output=3)), maps=True)
    early, late = (int(part.summary["steps"]) for part in run.policies)
    assert early < late
    panels = figure_of("memory-map", run).axes
    assert [axes.get_xlim() for axes in panels] == [(-0.5, late - 0.5)] * 2
    assert [axes.images[0].get_extent()[1] for axes in panels] == [early - 0.5, late - 0.5]
    for axes in figure_of("over-time", run).axes:
        assert axes.get_xlim() == (-0.5, late - 0.5)
        assert [line.get_xdata()[-1] for line in axes.lines] == [early - 0.5, late - 0.5]


def test_lines_over_time_show_values_that_were() -> None:
    """Of a few rows all, of many some, each at a moment when it was so, within a band of all the others."""
    for steps in (60, 900):
        columns = timeline("vllm", steps).columns
        run = Run({"name": "x"}, (PolicyRun(summary("vllm", **CLOCK), Timeline(columns)),))
        for axes, series, unit in zip(
            figure_of("over-time", run).axes,
            ("token_state", "batch", "waiting"),
            (100 / summary("vllm")["capacity"]["slots"], 1, 1),
            strict=True,
        ):
            (line,) = axes.lines
            assert line.get_drawstyle() == "steps-post"
            at, shown = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            row = np.searchsorted(columns["time"], at[:-1] + 1e-9, side="right") - 1
            assert shown[:-1] == pytest.approx(unit * columns[series][row])
            assert shown[-1] == shown[-2]
            assert len(shown) == 1 + min(steps, 300)
            band = axes.collections[0].get_paths()[0].vertices[:, 1]
            assert (band.min(), band.max()) == pytest.approx((unit * min(columns[series]), unit * max(columns[series])))


def test_policies_that_are_alike_share_a_line() -> None:
    parts = [PolicyRun(summary(name) | {"name": shown}, timeline(name)) for name, shown in LIKE_AND_UNLIKE]
    figure = figure_of("over-time", Run({"name": "x"}, tuple(parts)))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one, other (alike within 1%)", "third"]


LIKE_AND_UNLIKE = [("vllm", "one"), ("vllm", "other"), ("orca-max", "third")]


def test_a_policy_that_ran_no_step_has_no_line() -> None:
    nothing = Timeline({name: column[:0] for name, column in timeline("vllm").columns.items()})
    parts = (PolicyRun(summary("vllm"), timeline("vllm")), PolicyRun(summary("orca-max"), nothing))
    assert len(figure_of("over-time", Run({"name": "x"}, parts)).axes[0].lines) == 1


@pytest.mark.parametrize(
    ("overs", "text"),
    [(("all", "all"), "over all steps"), (("all", "saturated"), "over all steps"), (("saturated",) * 2, "waits")],
)
def test_the_ledger_says_which_steps(overs: tuple[str, str], text: str) -> None:
    parts = tuple(PolicyRun(summary("vllm", over=over), timeline("vllm")) for over in overs)
    assert text in figure_of("ledger", Run({"name": "x"}, parts)).axes[0].get_xlabel()


def sizes_run(sizes: Sequence[int] = (1, 4, 16), caches: Sequence[str] = ("hash",), *, output: int = 9) -> Run:
    """Ten alike requests under some page sizes, with each of some prefix caches."""
    specs = [
        AllocatorSpec(name=f"{cache}-{size}", policy="paged", page_size=size, prefix_cache=cache)
        for cache in caches
        for size in sizes
    ]
    workload = drawn_workload(count=10, prompt=5, output=output, prefix=Prefix(groups=1, tokens=9, share=1.0))
    return simulate(scenario_of(*specs, slots=96, workload=workload), maps=True)


def test_page_sizes_are_drawn_where_there_are_three_that_differ_in_nothing_else() -> None:
    run = sizes_run(caches=("none", "hash"))
    panels = figure_of("page-sizes", run).axes
    assert [axes.get_ylabel() for axes in panels] == ["waste (B)", "fill (%)", "hit rate (%)"]
    assert [line.get_label() for line in panels[0].lines] == ["paged", "paged, prefix cache hash, lru"]
    for axes, path, unit in zip(
        panels, ("waste.saturated.bytes", "fill.saturated.mean", HITS), (1, 100, 100), strict=True
    ):
        for line, parts in zip(axes.lines, (run.policies[:3], run.policies[3:]), strict=True):
            assert np.asarray(line.get_xdata()).tolist() == [1, 4, 16]
            values = [value_at(part.summary, path) for part in parts]
            shown = np.asarray(line.get_ydata())
            assert shown == pytest.approx(
                [float("nan") if value is None else unit * value for value in values], nan_ok=True
            )
    assert PLOTS["page-sizes"](sizes_run((1, 4))) is None
    assert len(figure_of("page-sizes", sizes_run(caches=("none",))).axes) == 2


HITS = "sharing.prefix_cache.hit_rate"


@pytest.mark.parametrize(
    "clock", [None, Variant("linear", {"base": 1e-4, "per_sequence": 0.0, "per_prefill_token": 0.0})]
)
@pytest.mark.parametrize(("count", "output", "slots"), [(1, 1, 64), (1, 2, 64), (3, 7, 64), (400, 30, 1 << 20)])
def test_labels_are_true_at_their_ticks(count: int, output: int, slots: int, clock: Variant | None) -> None:
    specs = [AllocatorSpec(name=f"page-{size}", policy="paged", page_size=size) for size in (1, 2, 16)]
    workload = drawn_workload(count=count, prompt=5, output=output)
    run = simulate(scenario_of(*specs, slots=slots, workload=workload, clock=clock), maps=True)
    for plot in PLOTS.values():
        figure = plot(run)
        assert figure is not None
        figure.canvas.draw()
        for axis in [axis for axes in every_axes(figure) for axis in (axes.xaxis, axes.yaxis)]:
            low, high = sorted(axis.get_view_interval())
            ticks = [(tick.get_loc(), tick.label1.get_text()) for tick in axis.get_major_ticks()]
            shown = [(place, label) for place, label in ticks if low <= place <= high and label]
            numbers = [(place, label) for place, label in shown if not label.startswith("page-")]
            assert len({label for _, label in shown}) == len(shown)
            assert all(float(label.replace(",", "")) == pytest.approx(place) for place, label in numbers), numbers


def every_axes(figure: Figure) -> list[Axes]:
    """The axes of a figure, second ones included."""
    return [found for axes in figure.axes for found in (axes, *axes.child_axes)]


def figure_of(name: str, run: Run) -> Figure:
    """A figure that is there."""
    figure = PLOTS[name](run)
    assert figure is not None
    return figure


def test_text_is_text_and_fits() -> None:
    name = "a scenario whose name is so long that no figure could ever show it in a single line, however small"
    sample = sizes_run()
    run = Run({**sample.scenario, "name": name}, sample.policies)
    for file, content in draw(run):
        if file.endswith(".svg"):
            assert b">a scenario whose name is" in content
            assert b"DejaVuSans-" not in content, "a glyph is drawn"
    for plot in PLOTS.values():
        figure = plot(run)
        assert figure is not None
        figure.canvas.draw()
        title = figure.texts[0].get_window_extent()
        assert title.x1 <= figure.bbox.x1


def test_the_timeline_as_csv() -> None:
    run = sample_run("orca-max", "vllm")
    lines = as_timeline([run]).splitlines()
    assert lines[0].startswith("scenario,policy,step,time,duration,batch")
    assert len(lines) == 1 + 2 * 400
    assert lines[1].startswith("sample,orca-max,0,0,0.036,0,")
    assert lines[401].startswith("sample,vllm,0,")
