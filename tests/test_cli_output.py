"""Files whole or not at all, and progress that follows the engine."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from paged_sim.cli.destinations import check_paths
from paged_sim.cli.output import emit, screen_for, write_file
from paged_sim.cli.progress import Notices, ProgressBar, progress_bar
from paged_sim.errors import PagedSimError
from paged_sim.reports.blocks import Screen
from paged_sim.scenario import load_scenario
from paged_sim.simulation import compile_ahead, draw


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def interrupt(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(path, b"new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_write_that_fails_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PagedSimError, match=r"cannot be written: No such file or directory") as caught:
        write_file(tmp_path / "no" / "a", b"")
    assert caught.value.exit_code == 1


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    write_file(path, b"through")
    reader.join(10)
    assert read == [b"through"]
    assert path.is_fifo()


def test_outputs_are_checked_beforehand(tmp_path: Path) -> None:
    check_paths([("-o", "-"), ("--timeline", str(tmp_path / "new"))], [("--plot", str(tmp_path))])
    check_paths([], [("--plot", str(tmp_path / "new"))])
    with pytest.raises(PagedSimError, match="there is no folder"):
        check_paths([("-o", str(tmp_path / "no" / "x"))])


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PagedSimError, match="is not writable"):
        check_paths([("-o", str(tmp_path / "x"))])
    with pytest.raises(PagedSimError, match="the folder is not writable"):
        check_paths([], [("--plot", str(tmp_path))])


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("columns", "width"), [("20", 40), ("72", 72), ("300", 120)])
def test_the_screen_of_a_terminal(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert screen_for("-") == Screen(width, True)
    assert screen_for("file") == Screen(80, False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert screen_for("-").colour is False
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert screen_for("-").colour is False


def test_text_for_a_stream_of_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding="ascii"))
    emit("█▒ ±0.1 é\n", "-")
    assert content.getvalue() == b"#= ~0.1 ?\n"


def test_progress_follows_policies_and_seeds() -> None:
    shown = io.StringIO()
    columns = (TextColumn("{task.description} {task.completed}/{task.total} {task.fields[rate]}"),)
    with Progress(*columns, console=Console(file=shown, width=80), auto_refresh=False) as display:
        bar = ProgressBar(display)
        bar.announce("compiling")
        bar.update("max", 5, 10)
        bar.update("max", 9, 10)
        (task,) = display.tasks
        assert (task.description, task.completed, task.total) == ("max", 9, 10)
        bar.update("max", 2, 10)
        assert display.tasks[0].id != task.id
        bar.update("paged", 1, 20)
        (task,) = display.tasks
        assert (task.description, task.total) == ("paged", 20)
    assert "compiling" in shown.getvalue()
    assert "requests/s" in shown.getvalue()


class Clock:
    """A clock that goes on when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_no_rate_before_it_says_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("paged_sim.cli.progress.monotonic", clock)
    with Progress(
        TextColumn("{task.fields[rate]}"), console=Console(file=io.StringIO()), auto_refresh=False
    ) as display:
        bar = ProgressBar(display)

        def rate(name: str, done: int, after: float) -> str:
            clock.now += after
            bar.update(name, done, 1000)
            (task,) = display.tasks
            return str(task.fields["rate"])

        assert rate("max", 900, 0.0) == "- requests/s"
        assert rate("max", 901, 0.001) == "- requests/s"
        assert rate("max", 910, 0.999) == "10 requests/s"
        assert rate("max", 1000, 9.0) == "10 requests/s"
        # The next seed, of which all had ended when it was first heard of.
        assert rate("max", 1000, 50.0) == "- requests/s"
        assert rate("max", 100, 3.0) == "- requests/s"
        assert rate("max", 101, 4.0) == "0.25 requests/s"
        assert rate("cached", 1000, 0.0) == "- requests/s"


def test_elsewhere_only_what_takes_long_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(quiet=False) as progress:
        assert progress is not None
        progress.update("paged", 1, 2)
        progress.announce("compiling")
    assert capsys.readouterr() == ("", "paged-sim: compiling\n")


def test_a_bar_only_where_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress_bar(quiet=False) as bar:
        assert isinstance(bar, Notices)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar(quiet=True) as bar:
        assert bar is None
    with progress_bar(quiet=False) as bar:
        assert isinstance(bar, ProgressBar)
        bar.update("paged", 1, 2)


def test_the_first_compilation_is_announced_in_one_line() -> None:
    scenario = load_scenario("seed-section2", device="cpu")
    drawn = [draw(scenario, scenario.seed)]
    said: list[str] = []
    progress = SimpleNamespace(announce=said.append, update=None)
    with (
        patch.dict(os.environ, PAGED_SIM_COMPILE="always"),
        patch("paged_sim.engine.warm.missing", lambda families: families),
        patch("paged_sim.engine.warm.ensure"),
    ):
        compile_ahead(scenario, drawn, progress)
    assert said == ["compiling the step loop for this machine, once (about twenty seconds)"]
