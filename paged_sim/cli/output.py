"""Where results go: a screen, a pipe or a file, and files whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from paged_sim.files import whole_file, write_file
from paged_sim.reports.blocks import Screen
from paged_sim.reports.palette import ASCII

__all__ = ["STDOUT", "emit", "file_stems", "screen_for", "stream", "write_file"]

STDOUT = "-"
NARROWEST, WIDEST = 40, 120


def screen_for(path: str) -> Screen:
    """The terminal's width and colours, if results go to one; else 80 columns and no colour, always."""
    if path != STDOUT or not sys.stdout.isatty():
        return Screen()
    width = shutil.get_terminal_size().columns
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Screen(max(NARROWEST, min(width, WIDEST)), colour)


def emit(text: str, path: str) -> None:
    """Write results to a file, or to stdout where `path` is "-"."""
    if path != STDOUT:
        write_file(Path(path), text.encode())
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(ASCII).encode(encoding, "replace").decode(encoding)
    sys.stdout.write(text)
    sys.stdout.flush()


@contextmanager
def stream(path: str) -> Iterator[Callable[[str], object]]:
    """What writes, as `emit` does, a text piece by piece that is too long to be held at once."""
    if path == STDOUT:
        yield partial(emit, path=STDOUT)
        return
    with whole_file(Path(path)) as file:
        yield lambda piece: file.write(piece.encode())


def file_stems(names: Iterable[str]) -> list[str]:
    """What files about things of these names may be called; the second of one name gets a number."""
    seen: Counter[str] = Counter()
    stems = []
    for name in names:
        stem = re.sub(r"[^\w.-]+", "_", name)
        seen[stem] += 1
        stems.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return stems
