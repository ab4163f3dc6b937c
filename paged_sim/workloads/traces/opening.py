"""From the bytes of a trace file, plain or gzipped, to its text; what can go wrong on the way is one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from paged_sim.errors import PagedSimError
from paged_sim.files import open_bytes

HEAD_CHARACTERS = 65_536


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """The text of the file, line ends as they are.

    Raises:
        PagedSimError: the file cannot be opened, is damaged or truncated, or is not UTF-8 text; also when this shows
            only while the caller reads.
    """
    try:
        with open_bytes(path) as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError:
        raise PagedSimError(
            f"{path}:{_undecodable_line(path)}: not UTF-8 text; a trace is CSV, TSV or JSON text, plain or gzipped"
        ) from None


def read_head(path: Path) -> str:
    """The first characters of the text, at most `HEAD_CHARACTERS`, without a byte-order mark.

    Raises:
        PagedSimError: as `open_text`, or the file is empty.
    """
    with open_text(path) as text:
        head = text.read(HEAD_CHARACTERS)
    if not head.strip():
        raise empty_file(path)
    return head


def empty_file(path: Path) -> PagedSimError:
    """What to say of a file without any text."""
    return PagedSimError(f"{path}: empty file; give a trace with at least one request")


def no_request(path: Path, why: str = "") -> PagedSimError:
    """What to say of a file without a usable row, `why` in between."""
    return PagedSimError(f"{path}: no request{why}; give a trace with at least one")


def _undecodable_line(path: Path) -> int:
    """Number of the first line that is not UTF-8."""
    with open_bytes(path) as raw:
        return next((number for number, line in enumerate(raw, start=1) if not _is_text(line)), 1)


def _is_text(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
