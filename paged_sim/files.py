"""Files: written whole or not at all, read plain or gzipped and within bounds; what goes wrong is one clear line."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from paged_sim.errors import EXIT_ERROR, PagedSimError

DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a truncated or damaged gzip file raises."""

MIB = 1 << 20
LONGEST_LINE = 128 * MIB
"""Bytes of one line of a recorded file: what is longer is no record, and would have to be held at once."""

LONGEST_NAME = 255
"""Bytes of the name of a file, on every usual file system."""

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 17
_OTHER_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PAR1": "a Parquet file",
}
_GIVEN = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
"""Names of what a shell opened for this very process: standard input, and `<(command)`."""


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, as `whole_file` does. Raises PagedSimError."""
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes its place whole or not at all: a new one beside it, moved when all is written.

    What is no regular file (a device, a pipe) is written as it is, and a link stays one. Raises PagedSimError.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
        else:
            with _replacing(target) as file:
                yield file
    except (OSError, RuntimeError) as error:  # a link that leads to itself is a RuntimeError
        reason = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise PagedSimError(f"{path}: cannot be written: {reason}", exit_code=EXIT_ERROR) from None


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    beside = target.with_name(f".{target.name[:32]}.{os.getpid()}.tmp")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise


def refuse_endless(path: Path) -> None:
    """Refuse what may have no end, or no beginning: devices, pipes with a name, sockets.

    What the shell opened for this process may be anything. Raises PagedSimError; what cannot be looked at is left to
    whoever opens it.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and not str(path).startswith(_GIVEN):
        raise PagedSimError(
            f"{path}: a device or a pipe; give a regular file, or - or /dev/stdin where a pipe is meant"
        )


def read_bounded(path: Path, most: int, what: str) -> bytes:
    """All bytes of a file that cannot be larger than `most`, being `what`.

    Raises:
        PagedSimError: it is larger, or no regular file.
        OSError, ValueError: it cannot be read, or has no possible name.
    """
    refuse_endless(path)
    with path.open("rb") as file:
        return _all_of(file, most, str(path), what)


def read_standard_input(most: int, what: str) -> bytes:
    """All bytes of standard input, as `read_bounded` reads a file."""
    if sys.stdin is None:
        raise PagedSimError("standard input is closed; give a file")
    return _all_of(sys.stdin.buffer, most, "-", what)


def _all_of(file: BinaryIO, most: int, name: str, what: str) -> bytes:
    content = file.read(most + 1)
    if len(content) > most:
        raise PagedSimError(f"{name}: more than {most / MIB:,.0f} MiB, so no {what}; check the path")
    return content


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a recorded file, without its compression if it is gzipped; opened once, so it may be a pipe.

    Raises:
        PagedSimError: the file cannot be opened, is packed in another way, or is damaged or truncated, or has a line
            of more than `LONGEST_LINE` bytes; also when this shows only while the caller reads.
    """
    refuse_endless(path)
    try:
        with path.open("rb") as raw:
            start = raw.peek(8)
            for magic, what in _OTHER_ARCHIVES.items():
                if start.startswith(magic):
                    raise PagedSimError(f"{path}: {what}; give the plain file or gzip it")
            source: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if start.startswith(_GZIP) else raw
            with io.BufferedReader(_ShortLines(source, path), _CHUNK) as lines:
                yield lines
    except DAMAGED as error:
        raise damaged(str(path), error) from None
    except OSError as error:
        raise PagedSimError(f"{path}: cannot be read ({error.strerror}); check the path") from None


class _ShortLines(io.RawIOBase):
    """The bytes of `source`, as long as no line of them is too long to be held."""

    def __init__(self, source: io.BufferedIOBase, path: Path) -> None:
        self._source = source
        self._path = path
        self._ended = 0
        self._since = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._source.readinto1(buffer)
        chunk = bytes(buffer[:count])
        end = chunk.rfind(b"\n")
        if end < 0:
            self._since += count
        else:
            self._ended += chunk.count(b"\n")
            self._since = count - end - 1
        if self._since > LONGEST_LINE:
            raise PagedSimError(
                f"{self._path}:{self._ended + 1}: a line of more than {LONGEST_LINE // MIB} MiB; a record is shorter, "
                "so check the file"
            )
        return count


def damaged(place: str, error: Exception) -> PagedSimError:
    """What to say of a gzip file that ends too early or does not unpack."""
    return PagedSimError(f"{place}: truncated or damaged gzip file ({error}); fetch the file again")
