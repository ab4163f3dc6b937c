"""Where results go: a screen, a pipe or a file, and files whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.files import write_file
from paged_sim.reports.blocks import Screen
from paged_sim.reports.palette import ASCII

__all__ = ["check_file", "check_folder", "emit", "file_stems", "screen_for", "write_file"]

NARROWEST, WIDEST = 40, 120


def screen_for(output: str | None) -> Screen:
    """The terminal's width and colours, if results go to one; else 80 columns and no colour, always."""
    if output not in (None, "-") or not sys.stdout.isatty():
        return Screen()
    width = shutil.get_terminal_size().columns
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Screen(max(NARROWEST, min(width, WIDEST)), colour)


def emit(text: str, output: str | None) -> None:
    """Write results to the file `output`, or to stdout where it is None or "-"."""
    if output not in (None, "-"):
        write_file(Path(str(output)), text.encode())
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(ASCII).encode(encoding, "replace").decode(encoding)
    sys.stdout.write(text)
    sys.stdout.flush()


def file_stems(names: Iterable[str]) -> list[str]:
    """What files about things of these names may be called; the second of one name gets a number."""
    seen: Counter[str] = Counter()
    stems = []
    for name in names:
        stem = re.sub(r"[^\w.-]+", "_", name)
        seen[stem] += 1
        stems.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return stems


def check_file(path: str | None, option: str) -> None:
    """Refuse, before any work is done, a file that could not be written. Raises PagedSimError."""
    if path in (None, "-"):
        return
    target = Path(str(path))
    if target.is_dir():
        raise PagedSimError(f"{option} {path}: a directory; give a file in it")
    _check_folder(target, option)


def check_folder(path: str | None, option: str) -> None:
    """Refuse, before any work is done, a folder that neither is there nor could be made. Raises PagedSimError."""
    if path is None or Path(path).is_dir():
        return
    if Path(path).exists():
        raise PagedSimError(f"{option} {path}: a file; give a folder")
    _check_folder(Path(path), option)


def _check_folder(path: Path, option: str) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise PagedSimError(f"{option} {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise PagedSimError(f"{option} {path}: the folder {folder} is not writable")
