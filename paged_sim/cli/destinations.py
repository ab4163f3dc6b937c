"""What a command writes and where: each result in its form, every path looked at before any work is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from paged_sim.cli.output import STDOUT, emit, file_stems, screen_for
from paged_sim.errors import PagedSimError
from paged_sim.files import LONGEST_NAME
from paged_sim.reports.as_csv import UnknownColumnError
from paged_sim.reports.blocks import Screen
from paged_sim.wording import one_line

_LONGEST_PATH = 4095

SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".markdown": "markdown"}
"""The form that a file's suffix says. Any other says nothing: `--format` does, or the command's own first form."""

Report = Callable[[str, Screen], str]
"""What there is to write, as text: of a form, for a screen."""


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """What a command was told about its results; fields are named after the options."""

    shape: str | None = None
    output: tuple[str, ...] = ()
    columns: str | None = None
    full: bool = False


class OverwriteError(PagedSimError):
    """An output is an input: nothing may be written there, not even why."""


class Destination(NamedTuple):
    """A file, or "-" for standard output, and the form it is written in."""

    path: str
    shape: str


@dataclass(frozen=True, slots=True)
class Results:
    """Where the results go, and what is wanted of them."""

    destinations: tuple[Destination, ...]
    csv_columns: tuple[str, ...] = ()
    full: bool = False
    written: tuple[tuple[str, str], ...] = ()

    def refuse_inputs(self, inputs: Iterable[str | Path]) -> None:
        """Refuse, before any work is done, to write over what is read. Raises OverwriteError."""
        read = {identity(path): path for path in inputs if is_there(path)}
        for option, path in self.written:
            if path != STDOUT and (source := read.get(identity(path))) is not None:
                raise OverwriteError(f"{option} {path}: would overwrite {source}, which is read; give another file")

    def has(self, shape: str) -> bool:
        """Whether anything is written in this form."""
        return any(destination.shape == shape for destination in self.destinations)

    def saves(self, shape: str) -> bool:
        """Whether a file is written in this form."""
        return any(destination.shape == shape and destination.path != STDOUT for destination in self.destinations)

    def write(self, report: Report) -> None:
        """Write to each destination, JSON first, of which all else can be made again; files whole or not at all.

        A column that is not there costs no results, which may have taken long: all columns are written in place of the
        chosen ones, and then it is raised.
        """
        mistakes: list[PagedSimError] = []
        for path, shape in sorted(self.destinations, key=lambda each: each.shape != "json"):
            screen = replace(screen_for(path), full=self.full, csv_columns=self.csv_columns)
            try:
                text = report(shape, screen)
            except UnknownColumnError as error:
                where = "standard output" if path == STDOUT else path
                mistakes.append(PagedSimError(f"--columns: {error} ({where} has all columns)"))
                text = report(shape, replace(screen, csv_columns=()))
            emit(text, path)
        for mistake in mistakes:
            raise mistake


def plan(
    options: ResultOptions,
    shapes: Iterable[str],
    files: Mapping[str, str | None] | None = None,
    folders: Mapping[str, str | None] | None = None,
) -> Results:
    """Where the results go, in which of a command's `shapes` (the first unless told).

    `files` and `folders` are the paths that other options name, by option. Results go to standard output unless they
    have a file, or another output takes it by the name "-".

    Raises:
        PagedSimError: a path cannot be written, two outputs go to one place, a suffix names a form that the command
            does not have, or an option of the results would change none of them.
    """
    shapes = tuple(shapes)
    others = _given(files)
    written = (*(("-o", path) for path in options.output), *others)
    check_paths(written, _given(folders))
    stdout_taken = any(path == STDOUT for _, path in others)
    paths = options.output or (() if stdout_taken else (STDOUT,))
    destinations = tuple(Destination(path, _shape(path, options, shapes)) for path in paths)
    results = Results(destinations, _column_patterns(options.columns), options.full, written)
    _refuse_needless(options, results)
    return results


def _given(paths: Mapping[str, str | None] | None) -> list[tuple[str, str]]:
    return [(option, path) for option, path in (paths or {}).items() if path is not None]


def _shape(path: str, options: ResultOptions, shapes: Sequence[str]) -> str:
    said = SUFFIXES.get(Path(path).suffix.lower()) if path != STDOUT else None
    if said is not None and said not in shapes:
        raise PagedSimError(f"-o {path}: this command writes no {said}; choose from {', '.join(shapes)}")
    return said or options.shape or shapes[0]


def _column_patterns(columns: str | None) -> tuple[str, ...]:
    if columns is None:
        return ()
    patterns = tuple(pattern.strip() for pattern in columns.split(","))
    if not all(patterns):
        raise PagedSimError(f"--columns {columns!r}: an empty name; give names with commas, as in name,batch.mean")
    return patterns


def _refuse_needless(options: ResultOptions, results: Results) -> None:
    """An option that nothing follows is a misunderstanding."""
    if options.shape is not None and not results.has(options.shape):
        raise PagedSimError(f"--format {options.shape}: {_why_not(options.shape, results)}")
    if results.csv_columns and not results.has("csv"):
        raise PagedSimError("--columns: nothing is written as CSV; add --format csv, or -o FILE.csv")


def _why_not(shape: str, results: Results) -> str:
    if not results.destinations:
        return "another output takes standard output; add -o FILE"
    told = ", ".join(f"-o {path} is {said}" for path, said in results.destinations)
    return f"{told}, by its name; leave --format out, or add an -o for {shape}"


def check_paths(files: Sequence[tuple[str, str]], folders: Sequence[tuple[str, str]] = ()) -> None:
    """Refuse, before any work is done, what could not be written: (option, path) of each output.

    Standard output, a file and a folder take one output each. Raises PagedSimError.
    """
    for option, path in files:
        _check_file(option, path)
    for option, path in folders:
        _check_folder(option, path)
    taken: dict[object, str] = {}
    for option, path in (*files, *folders):
        if path != STDOUT and _is_device(Path(path)):
            continue
        target = STDOUT if path == STDOUT else identity(path)
        if target in taken:
            where = "standard output" if path == STDOUT else "the file"
            raise PagedSimError(f"{option} {path}: {taken[target]} takes {where} already; give each a file of its own")
        taken[target] = option


def is_there(path: str | Path) -> bool:
    """Whether a file is called so; no file has a name that is too long, or holds a null."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def identity(path: str | Path) -> object:
    """What is the same for two names of one file: the file itself where it is there, else where it would be."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def check_figures(folder: str | None, names: Iterable[str], figures: Iterable[str]) -> None:
    """Refuse a folder for figures about things of these names that would have names too long. Raises PagedSimError."""
    if folder is not None:
        for stem in file_stems(names):
            for figure in figures:
                check_name("--plot", Path(folder) / f"{stem}-{figure}.svg")


def check_name(option: str, path: str | Path) -> None:
    """Refuse the name of a file that no file system has room for. Raises PagedSimError."""
    longest = max((len(os.fsencode(part)) for part in Path(path).parts), default=0)
    if longest > LONGEST_NAME:
        what = f"{option} {one_line(str(path))}: a name of {longest} bytes"
        raise PagedSimError(f"{what}, and a file's has at most {LONGEST_NAME}; give a shorter one")
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise PagedSimError(f"{option} {one_line(str(path))}: longer than a path may be; give a shorter one")


def _is_device(path: Path) -> bool:
    """Whether this is written as it is, such as a pipe or /dev/null, which take all that comes."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _check_file(option: str, path: str) -> None:
    if path == STDOUT:
        return
    check_name(option, path)
    if Path(path).is_dir() or path.endswith(os.sep):
        raise PagedSimError(f"{option} {path}: a directory; give a file in it")
    _check_parent(option, path)


def _check_folder(option: str, path: str) -> None:
    check_name(option, path)
    if not Path(path).exists():
        _check_parent(option, path)
    elif not Path(path).is_dir():
        raise PagedSimError(f"{option} {path}: a file; give a folder")
    elif not os.access(path, os.W_OK):
        raise PagedSimError(f"{option} {path}: the folder is not writable")


def _check_parent(option: str, path: str) -> None:
    folder = Path(path).parent
    if not folder.is_dir():
        raise PagedSimError(f"{option} {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise PagedSimError(f"{option} {path}: the folder {folder} is not writable")
