"""The program as a whole: help, exit codes, one line for a mistake, closed pipes, Ctrl-C, terminals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from helpers import heed_interrupts

from paged_sim import __version__
from paged_sim.allocators import contiguous
from paged_sim.cli import COMMANDS, cli, main
from paged_sim.errors import PagedSimError

PROGRAM = [sys.executable, "-m", "paged_sim"]


def paged_sim(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "PAGED_SIM_COMPILE": "never", **environment},
        check=False,
    )


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {command.name}" in text for command in COMMANDS)


@pytest.mark.parametrize("command", [str(command.name) for command in COMMANDS])
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, paged_sim.cli; print(*sorted({'numpy', 'rich', 'yaml', 'numba', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"paged-sim {__version__}\n"
    assert paged_sim("--version").stdout == f"paged-sim {__version__}\n"


def test_without_a_command_the_help_is_shown_and_the_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "Missing argument"),
        (["rnu"], "No such command 'rnu'"),
        (["run", "seed-section2", "--sed", "3"], "No such option '--sed'"),
        (["run", "seed-section2", "--seed", "x"], "Invalid value for '--seed'"),
        (["run", "seed-section2", "--step", "-1"], "Invalid value for '--step'"),
        (["run", "seed-section2", "--format", "xml"], "Invalid value for '--format'"),
        (["run", "no-such-scenario"], "no file and no built-in scenario"),
        (["run", "seed-section2", "--set", "workload.bogus=1"], "unknown key 'bogus'"),
        (["run", "seed-section2", "--device", "tpu"], "tpu"),
        (["run", "seed-section2", "--trace", "/no/such/trace.csv"], "/no/such/trace.csv"),
        (["run", "seed-section2", "-o", "/no/such/folder/x"], "there is no folder /no/such/folder"),
        (["run", "seed-section2", "--timeline", "/no/such/folder/x"], "there is no folder /no/such/folder"),
        (["run", "seed-section2", "--plot", "/no/such/folder/x"], "there is no folder /no/such/folder"),
        (["run", "seed-section2", "--plot", __file__], "a file; give a folder"),
        (["run", "seed-section2", "-o", "/"], "a directory; give a file in it"),
        (["compare", "a.yaml", "b.yaml"], "compare takes one scenario, or saved runs only"),
        (["compare", "--trace", "x.csv"], "the built-in comparison has its own requests"),
        (["compare", "x.json", "--seed", "3", "--plot", "p"], "--seed, --plot: saved runs are not simulated again"),
        (["compare", "/no/such/run.json"], "/no/such/run.json: cannot be read"),
        (["explain"], "give a SCENARIO, --model NAME or --log FILE"),
        (["explain", "x", "--model", "y"], "give a SCENARIO, --model NAME or --log FILE"),
        (["explain", "--model", "opt-13b", "--seed", "0"], "--model stands alone"),
        (["explain", "--model", "opt-13"], "did you mean opt-13b"),
        (["explain", "--model", "/no/config.json"], "/no/config.json"),
        (["init", "vllm-fig"], "did you mean vllm-fig2"),
        (["list", "modells"], "modells"),
        (["trace", "info", "/no/such/trace.csv"], "/no/such/trace.csv"),
        (["trace", "info", __file__, "--trace-format", "azur"], "azur"),
        (["doctor", "now"], "unexpected extra argument"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("paged-sim: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_gpu_that_is_not_there_is_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from paged_sim.arena import device

    def absent() -> None:
        raise ModuleNotFoundError("No module named 'cupy'", name="cupy")

    monkeypatch.setattr(device, "load_cupy", absent)
    assert main(["run", "seed-section2", "--device", "cuda"]) == 1
    assert capsys.readouterr().err.startswith("paged-sim: error: --device cuda: no usable GPU: CuPy is not installed")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `paged-sim doctor` end with this error."""

    def fail() -> None:
        raise error

    monkeypatch.setattr("paged_sim.doctor.examine", fail)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PagedSimError("no room", exit_code=1), 1, "paged-sim: error: no room\n"),
        (KeyboardInterrupt(), 130, "paged-sim: interrupted\n"),
        (click.Abort(), 130, "paged-sim: interrupted\n"),
        (
            ValueError("two\nlines"),
            1,
            "paged-sim: internal error: ValueError: two lines; "
            "set PAGED_SIM_DEBUG=1 and run it again for the traceback\n",
        ),
    ],
)
def test_how_errors_end(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("PAGED_SIM_DEBUG", raising=False)
    failing(monkeypatch, error)
    assert main(["doctor"]) == code
    assert capsys.readouterr().err.lstrip("\n") == message


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_DEBUG", "1")
    failing(monkeypatch, ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        main(["doctor"])


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run(
            [*PROGRAM, "list"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(writer)
    assert result.stderr == ""
    assert result.returncode in (0, -signal.SIGPIPE)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
def test_a_signal_leaves_nothing_behind(number: signal.Signals, code: int, said: str, tmp_path: Path) -> None:
    target, log = tmp_path / "run.json", tmp_path / "ops.log"
    process = subprocess.Popen(
        [*PROGRAM, "run", "vllm-fig2", "--ops-log", f"vllm={log}", "-o", str(target)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PAGED_SIM_COMPILE": "never"},
        preexec_fn=heed_interrupts,
    )
    time.sleep(2.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.strip() == f"paged-sim: {said}"
    assert list(tmp_path.iterdir()) == []


def test_the_environment_changes_no_result() -> None:
    usual = paged_sim("run", "seed-section2").stdout
    odd = paged_sim("run", "seed-section2", COLUMNS="33", FORCE_COLOR="1", NO_COLOR="", TERM="dumb").stdout
    assert usual == odd
    assert "\x1b" not in usual


def test_a_stream_without_these_characters() -> None:
    text = paged_sim("run", "seed-section2", PYTHONIOENCODING="ascii").stdout
    assert text.isascii()
    assert "# token_state" in text


def on_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run the program on a terminal of 50 columns; its exit code and all it showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update({"COLUMNS": "50", "TERM": "xterm-256color", "PAGED_SIM_COMPILE": "never", **environment})
        os.execv(sys.executable, [*PROGRAM, *arguments])
    shown = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_a_terminal_has_colour_progress_and_its_own_width() -> None:
    code, shown = on_terminal("run", "seed-section2", NO_COLOR="")
    assert code == 0
    assert "\x1b[1m" in shown
    assert "requests/s" in shown
    assert "4 GiB of KV cache, 8,192 slots of 512 KiB; seed" in shown


def test_no_colour_and_quiet_are_heard_on_a_terminal() -> None:
    code, shown = on_terminal("run", "seed-section2", "--quiet", NO_COLOR="1")
    assert code == 0
    assert "\x1b" not in shown
    assert "requests/s" not in shown


def test_an_arena_whose_books_do_not_fit_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**given: object) -> None:
        raise MemoryError("Unable to allocate 16.0 GiB for an array with shape (2147483648,)")

    monkeypatch.setattr(contiguous, "create", full)
    assert main(["run", "three-requests"]) == 1
    said = capsys.readouterr().err
    assert said == (
        "paged-sim: error: out of memory: Unable to allocate 16.0 GiB for an array with shape (2147483648,); "
        "give a smaller arena or fewer requests\n"
    )
