"""The runs that another git revision gives: its scenario files, simulated by its own program where it has one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from paged_sim.cli.options import RunOptions
from paged_sim.errors import EXIT_ERROR, EXIT_USAGE, PagedSimError
from paged_sim.result import Document
from paged_sim.saved import read_saved

if TYPE_CHECKING:
    from paged_sim.scenario.models import Scenario

_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
"""Variables that git sets for its hooks; with them a new worktree would write the index of the commit being made."""


def runs_at(revision: str, loaded: Sequence[Scenario], options: RunOptions) -> dict[str, Document]:
    """The JSON of the runs of these scenarios at `revision`, by name; a scenario that it does not have is left out.

    The revision is checked out into a temporary git worktree, which is removed again. Where the repository holds the
    package paged_sim, the revision's own simulates, in a process of its own; else the installed one. The flags that
    change a scenario change it there, too. Raises PagedSimError (exit code 1) for what git or that process refuses.
    """
    found: dict[str, Document] = {}
    checkouts: dict[Path, list[tuple[Scenario, Path]]] = {}
    for scenario in loaded:
        top, inside = _place(scenario)
        checkouts.setdefault(top, []).append((scenario, inside))
    for top, places in checkouts.items():
        with _worktree(top, revision) as base:
            for scenario, inside in places:
                if (base / inside).exists():
                    found[scenario.name] = _run_there(base, inside, revision, options)
    return found


def _place(scenario: Scenario) -> tuple[Path, Path]:
    """The top of the checkout that a scenario's file lies in, and the file's path from there."""
    assert scenario.source is not None, "a scenario of the command line comes from a file"
    folder = scenario.source.parent.resolve()
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel").strip()).resolve()
    except PagedSimError:
        raise PagedSimError(f"--against: {scenario.source} lies in no git checkout; use --baseline RUN.json") from None
    return top, (folder / scenario.source.name).relative_to(top)


@contextmanager
def _worktree(top: Path, revision: str) -> Iterator[Path]:
    """A temporary checkout of `revision`."""
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except PagedSimError:
        hint = "check the name; a shallow clone has to fetch it first"
        raise PagedSimError(f"--against {revision}: git knows no such revision in {top}; {hint}") from None
    with tempfile.TemporaryDirectory(prefix="paged-sim-") as folder:
        base = Path(folder) / "base"
        _git(top, "worktree", "add", "--quiet", "--detach", str(base), commit)
        try:
            yield base
        finally:
            _git(top, "worktree", "remove", "--force", str(base))


def _run_there(base: Path, inside: Path, revision: str, options: RunOptions) -> Document:
    """The JSON of one scenario's run, by a process that stands in the checkout `base`.

    Its program may not know a number that a check of the scenario names; it has written its results by the time it says
    so, and these are all that is asked of it.
    """
    result = base.parent / "run.json"
    command = [sys.executable, "-m", "paged_sim", "run", str(inside), "--format", "json", "-o", str(result), "--quiet"]
    ended = subprocess.run(
        [*command, *_flags(options)], cwd=base, env=_environment(base), capture_output=True, text=True, check=False
    )
    if ended.returncode and not (ended.returncode == EXIT_USAGE and result.exists()):
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1].removeprefix("paged-sim: ")
        raise PagedSimError(f"--against {revision}: {inside} cannot be run there: {said}", exit_code=EXIT_ERROR)
    return read_saved(result)[0]


def _flags(options: RunOptions) -> list[str]:
    """The options that change what is simulated."""
    flags = [part for assignment in options.overrides for part in ("--set", assignment)]
    if options.seed is not None:
        flags += ["--seed", str(options.seed)]
    if options.device is not None:
        flags += ["--device", options.device]
    if options.trace is not None:
        flags += ["--trace", str(Path(options.trace).resolve())]
    return flags


def _environment(base: Path) -> dict[str, str]:
    """This process's environment, with the package of the checkout in front where it has one."""
    if not (base / "paged_sim" / "__main__.py").is_file():
        return dict(os.environ)
    others = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(base), *([others] if others else [])])}


def _git(folder: Path, *arguments: str) -> str:
    """What a git command prints in `folder`, whatever repository a hook around this process is about."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    except FileNotFoundError:
        raise PagedSimError("--against needs git, and there is none on this machine", exit_code=EXIT_ERROR) from None
    except subprocess.CalledProcessError as error:
        said = " ".join(str(error.stderr).split()) or "it said nothing"
        raise PagedSimError(f"git {arguments[0]} failed: {said}", exit_code=EXIT_ERROR) from None
