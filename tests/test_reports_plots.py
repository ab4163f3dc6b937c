"""Figures: what is drawn for which run, the same bytes every time, and nobody's matplotlib settings touched."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from helpers import drawn_workload, scenario_of
from test_reports_sample import sample_run, summary, timeline

from paged_sim.ledger import ACCOUNTS
from paged_sim.reports.as_timeline import as_timeline
from paged_sim.reports.palette import LOOKS
from paged_sim.reports.plots import PLOTS, draw
from paged_sim.reports.plots.memory_map import colours_of
from paged_sim.run import PolicyRun, Run, Timeline
from paged_sim.scenario.models import AllocatorSpec
from paged_sim.simulation import simulate

PNG = b"\x89PNG\r\n\x1a\n"


def test_every_figure_is_drawn_twice_and_always_the_same() -> None:
    first, second = dict(draw(sample_run())), dict(draw(sample_run()))
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
    figure = PLOTS["over-time"](sample_run())
    assert figure is not None
    assert [axes.get_ylabel() for axes in figure.axes] == ["occupancy (% of the arena)", "sequences held"]
    assert figure.axes[1].get_xlabel() == "time (s)"


def test_time_is_steps_without_a_clock() -> None:
    columns = {**timeline("vllm").columns, "duration": np.ones(400)}
    run = Run({"name": "steps"}, (PolicyRun(summary("vllm"), Timeline(columns, *_map())),))
    for name in ("over-time", "memory-map"):
        figure = PLOTS[name](run)
        assert figure is not None
        assert "step" in [axes.get_xlabel() for axes in figure.axes]


def _map() -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    return np.ones((3, 4, 1), np.uint16), np.array([0, 100, 200]), np.array([0.0, 100, 200, 300]), ("token_state",)


@pytest.mark.parametrize(("overs", "text"), [(("all", "all"), "all steps"), (("all", "saturated"), "see run")])
def test_the_ledger_says_which_steps(overs: tuple[str, str], text: str) -> None:
    parts = tuple(PolicyRun(summary("vllm", over=over), timeline("vllm")) for over in overs)
    figure = PLOTS["ledger"](Run({"name": "x"}, parts))
    assert figure is not None
    assert text in figure.axes[0].get_xlabel()


def test_the_timeline_as_csv() -> None:
    run = sample_run("orca-max", "vllm")
    lines = as_timeline([run]).splitlines()
    assert lines[0].startswith("scenario,policy,step,time,duration,batch")
    assert len(lines) == 1 + 2 * 400
    assert lines[1].startswith("sample,orca-max,0,0,0.036,0,")
    assert lines[401].startswith("sample,vllm,0,")
