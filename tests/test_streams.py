"""Standard streams that are closed, full or broken: one line where one can be written, and nothing lost in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = f"{sys.executable} -m paged_sim"
FULL = "standard output cannot be written: No space left on device"
CLOSED = "standard output cannot be written: Bad file descriptor"

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of `paged-sim COMMAND`."""
    return subprocess.run(
        ["sh", "-c", f"{PROGRAM} {command}"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={**os.environ, "PAGED_SIM_COMPILE": "never", **environment},
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "schema",
        "init seed-section2 -o i.yaml",
        "run three-requests --timeline -",
        "check seed-section2 --markdown -",
    ],
)
@pytest.mark.parametrize(("stream", "message"), [(">/dev/full", FULL), (">&-", CLOSED)])
def test_results_that_cannot_be_written(command: str, stream: str, message: str, tmp_path: Path) -> None:
    ended = shell(f"{command} {stream}", tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"paged-sim: error: {message}\n"


def test_without_a_buffer_nothing_is_cut_in_silence(tmp_path: Path) -> None:
    ended = shell("schema >/dev/full", tmp_path, PYTHONUNBUFFERED="1")
    assert (ended.returncode, ended.stderr) == (1, f"paged-sim: error: {FULL}\n")
    assert shell("schema", tmp_path, PYTHONUNBUFFERED="1").stdout == shell("schema", tmp_path).stdout


def test_a_file_is_written_whatever_the_streams_are(tmp_path: Path) -> None:
    ended = shell("run three-requests -o run.json <&- >&- 2>&-", tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert shell("report run.json", tmp_path).returncode == 0


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_standard_error_that_cannot_be_written(stream: str, tmp_path: Path) -> None:
    assert shell(f"run three-requests {stream}", tmp_path).stdout == shell("run three-requests", tmp_path).stdout
    assert shell(f"run no-such-scenario {stream}", tmp_path).returncode == 2
    assert shell(f"run no-such-scenario >&- {stream}", tmp_path).returncode == 2
    ended = shell(f"run three-requests --timings {stream}", tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_standard_input_that_is_closed(tmp_path: Path) -> None:
    ended = shell("report - <&-", tmp_path)
    assert (ended.returncode, ended.stderr) == (2, "paged-sim: error: standard input is closed; give a file\n")


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    ended = shell("run three-requests --timeline - | head -1", tmp_path)
    assert (ended.returncode, ended.stdout.count("\n"), ended.stderr) == (0, 1, "")
