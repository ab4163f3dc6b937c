"""Files: written whole or not at all, read plain or gzipped; what goes wrong is one clear line."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from paged_sim.errors import EXIT_ERROR, PagedSimError

DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a truncated or damaged gzip file raises."""

_GZIP = b"\x1f\x8b"
_OTHER_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PAR1": "a Parquet file",
}


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, as `whole_file` does. Raises PagedSimError."""
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes its place whole or not at all: a new one beside it, moved when all is written.

    What is no regular file (a device, a pipe) is written as it is, and a link stays one. Raises PagedSimError.
    """
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
        else:
            with _replacing(target) as file:
                yield file
    except OSError as error:
        raise PagedSimError(f"{path}: cannot be written: {error.strerror}", exit_code=EXIT_ERROR) from None


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a recorded file, without its compression if it is gzipped; opened once, so it may be a pipe.

    Raises:
        PagedSimError: the file cannot be opened, is packed in another way, or is damaged or truncated; also when this
            shows only while the caller reads.
    """
    try:
        with path.open("rb") as raw:
            start = raw.peek(8)
            for magic, what in _OTHER_ARCHIVES.items():
                if start.startswith(magic):
                    raise PagedSimError(f"{path}: {what}; give the plain file or gzip it")
            if start.startswith(_GZIP):
                with gzip.open(raw) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield raw
    except DAMAGED as error:
        raise damaged(str(path), error) from None
    except OSError as error:
        raise PagedSimError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def damaged(place: str, error: Exception) -> PagedSimError:
    """What to say of a gzip file that ends too early or does not unpack."""
    return PagedSimError(f"{place}: truncated or damaged gzip file ({error}); fetch the file again")
