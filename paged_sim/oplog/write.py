"""Writing operation logs: compact lines, whole or not at all, gzipped where the name ends in `.gz`."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from paged_sim.files import whole_file
from paged_sim.oplog.digest import Digester, LogDigest
from paged_sim.oplog.records import KINDS, Record


class LogWriter:
    """Writes operations to a file as they come; made by `open_log`."""

    def __init__(self, file: BinaryIO, requests: bool) -> None:
        self._file = file
        self._requests = requests
        self._digester = Digester()
        self._last = 0

    def add(self, record: Record) -> None:
        """Write one operation. That its kind is known and that steps never fall is the caller's promise."""
        assert record.kind in KINDS and record.step >= self._last, f"{record} after step {self._last}"
        compact = record.compact()
        self._digester.add(compact)
        self._last = record.step
        if self._requests and record.request is not None:
            compact = b"%b,%d]\n" % (compact[:-2], record.request)
        self._file.write(compact)

    def digest(self) -> LogDigest:
        """The digest of what was written so far; requests are no part of it."""
        return self._digester.digest()


@contextmanager
def open_log(path: Path, *, requests: bool = True) -> Iterator[LogWriter]:
    """A log to add operations to; the file is there once the block has ended, and not if it ends in an exception.

    `requests` says whether the numbers of requests are written where they are known. The same operations give the
    same bytes, gzipped as well.

    Raises:
        PagedSimError: the file cannot be written.
    """
    with whole_file(path) as file:
        if path.suffix != ".gz":
            yield LogWriter(file, requests)
            return
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            yield LogWriter(cast(BinaryIO, packed), requests)


def write_log(path: Path, records: Iterable[Record], *, requests: bool = True) -> LogDigest:
    """Write all operations to a log, as `open_log` does, and return their digest."""
    with open_log(path, requests=requests) as log:
        for record in records:
            log.add(record)
    return log.digest()
