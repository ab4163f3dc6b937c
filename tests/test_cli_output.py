"""Files whole or not at all, and progress that follows the engine."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from paged_sim.cli.destinations import check_paths
from paged_sim.cli.output import emit, screen_for, write_file
from paged_sim.cli.progress import ProgressBar, progress_bar
from paged_sim.errors import PagedSimError
from paged_sim.reports.blocks import Screen


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


def test_progress_only_where_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress_bar(quiet=False) as bar:
        assert bar is None
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar(quiet=True) as bar:
        assert bar is None
    with progress_bar(quiet=False) as bar:
        assert bar is not None
        bar.update("paged", 1, 2)
