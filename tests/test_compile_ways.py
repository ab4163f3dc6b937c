"""Compilation is a convenience: whatever Numba does, a run goes on, with the same results and one warning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paged_sim import compiled
from paged_sim.compiled import jit, trial, ways
from paged_sim.compiled.folder import cache_folder
from paged_sim.doctor import examine
from paged_sim.errors import PagedSimWarning

RUN = ["-m", "paged_sim", "run", "seed-section2"]

# What another Numba may be like, as Python that runs as an interpreter starts, and the way that is left.
OTHERS = {
    "without the class of libraries": ("import numba.core.codegen as c; del c.JITCodeLibrary", ways.ORDINARY),
    "without attributes of its own": ("import numba.core.imputils as c; del c.lower_getattr_generic", ways.PLAIN),
    "without intrinsics": ("import numba.extending as c; del c.intrinsic", ways.PLAIN),
    "that cannot compile": (
        "import numba.core.typed_passes as c\n"
        "def refuse(*_): raise RuntimeError('this one\\nrefuses')\n"
        "c.NativeLowering.run_pass = refuse",
        ways.PLAIN,
    ),
    "that compiles to something else": (
        "import paged_sim.compiled.trial as c\nnumbers = iter(range(9))\n"
        "c._new_state = lambda: c.State(c.np.arange(next(numbers), 90), c.np.zeros(9, 'u8'))",
        ways.PLAIN,
    ),
    "that cannot be imported": ("import sys; sys.modules['numba'] = None", ways.PLAIN),
}


def run_with(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program on a machine whose interpreter begins with `code`, with an empty compile cache."""
    (folder / "sitecustomize.py").write_text(code)
    others = [str(Path(compiled.__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    given = {"PYTHONPATH": os.pathsep.join([str(folder), *others]), "PAGED_SIM_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, *RUN]
    return subprocess.run(
        command, env={**os.environ, **given, **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_with("", tmp_path_factory.mktemp("plain"), PAGED_SIM_COMPILE="never").stdout


@pytest.mark.parametrize("name", [name for name, (_, way) in OTHERS.items() if way == ways.PLAIN])
def test_a_run_goes_on_in_plain_python(name: str, plain: str, tmp_path: Path) -> None:
    done = run_with(OTHERS[name][0], tmp_path, PAGED_SIM_COMPILE="always")
    assert (done.returncode, done.stdout) == (0, plain), done.stderr
    warned = [line for line in done.stderr.splitlines() if "compiling the step loop" not in line]
    assert len(warned) == 1
    assert warned[0].startswith("paged-sim: warning: Numba: ")
    assert warned[0].endswith("going on in plain Python, which is slower")


@pytest.mark.slow
def test_a_run_goes_on_with_the_ordinary_pipeline(plain: str, tmp_path: Path) -> None:
    done = run_with(OTHERS["without the class of libraries"][0], tmp_path, PAGED_SIM_COMPILE="always")
    assert (done.returncode, done.stdout) == (0, plain), done.stderr
    assert done.stderr.count("warning") == 1
    assert "JITCodeLibrary" in done.stderr
    assert "going on compiled by Numba's ordinary pipeline, which is slower" in done.stderr
    kept = {path.name.split("-")[0] for path in (tmp_path / "cache").rglob("*.nbc")}
    assert kept == {"steps.advance", "kernel.execute_operations"}


@pytest.mark.slow
def test_a_compiler_that_dies_ends_no_run(plain: str, tmp_path: Path) -> None:
    code = (
        "import os, sys, numba.core.codegen as c\nfinalize = c.JITCodeLibrary.finalize\n"
        "def die(self):\n    if 'advance' in self.name: os.abort()\n    return finalize(self)\n"
        "c.JITCodeLibrary.finalize = die\n"
    )
    done = run_with(code, tmp_path, PAGED_SIM_COMPILE="always")
    assert (done.returncode, done.stdout) == (0, plain), done.stderr
    assert "a process that compiled was ended from outside, or by its compiler; going on in plain Python" in done.stderr


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that has compiled nothing yet, with an empty cache."""
    monkeypatch.setenv("PAGED_SIM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PAGED_SIM_COMPILE", "always")
    monkeypatch.setattr(ways, "_way", ways.LINKED)
    monkeypatch.setattr(ways, "_why", "")
    monkeypatch.setattr(ways, "_is_tried", False)
    cache_folder.cache_clear()
    jit.cache_clear()
    yield tmp_path
    cache_folder.cache_clear()
    jit.cache_clear()


def double(number: int) -> int:
    if number < 0:
        raise ValueError("below zero")
    return 2 * number


def pair(number: int) -> Any:
    """Nothing that Numba can compile."""
    return f"{number:>{number}}"


def test_what_does_not_compile_goes_on_as_plain_python(fresh: Path) -> None:
    function = jit(pair)
    with pytest.warns(PagedSimWarning, match="Numba: Unsupported.*going on in plain Python"):
        assert function(3) == "  3"
    assert function(2) == " 2"
    assert not compiled.worth_compiling(10, 1)
    assert jit(double)(4) == 8


def test_an_error_of_the_function_itself_is_no_error_of_compiling(fresh: Path) -> None:
    function = jit(double)
    for _ in range(2):
        with pytest.raises(ValueError, match="below zero"):
            function(-1)
    assert ways.chosen() == (ways.LINKED, "")


def test_the_second_way_where_the_first_does_not_work(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def compile_and_run() -> None:
        tried.append(ways.chosen()[0])
        if ways.chosen()[0] == ways.LINKED:
            raise RuntimeError("no module can be linked")

    monkeypatch.setattr(trial, "compile_and_run", compile_and_run)
    with pytest.warns(PagedSimWarning, match="no module can be linked; going on compiled by Numba's ordinary"):
        ways.try_here()
    ways.try_here()
    assert tried == [ways.LINKED, ways.ORDINARY]
    assert jit(double)(4) == 8


@pytest.mark.parametrize("way", [ways.LINKED, ways.ORDINARY])
def test_something_small_compiles_in_both_ways(way: str, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "_way", way)
    trial.compile_and_run()
    ways.try_here()
    assert ways.chosen()[0] == way


def test_doctor_says_which_way_is_taken(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {finding.name: finding for finding in examine()}
    assert (found["compilation"].value, found["compilation"].ok) == (ways.LINKED, True)

    def fail() -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr(ways, "_is_tried", False)
    monkeypatch.setattr(trial, "compile_and_run", fail)
    found = {finding.name: finding for finding in examine()}
    assert found["compilation"].value == "plain Python: Numba: RuntimeError: no more"
    assert found["compilation"].ok is False
