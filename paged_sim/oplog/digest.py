"""The digest by which operation logs are compared: SHA-256 over their compact lines, requests left out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from paged_sim.oplog.records import Record, read_log


class LogDigest(NamedTuple):
    """How many operations a log has, and the SHA-256 (hexadecimal) of their compact lines."""

    operations: int
    sha256: str


@dataclass(slots=True)
class Digester:
    """The digest of the compact lines added so far."""

    operations: int = 0
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, compact: bytes) -> None:
        """Take one line, as `Record.compact` makes it."""
        self._hash.update(compact)
        self.operations += 1

    def copy(self) -> Digester:
        """Another one that goes on from here."""
        return Digester(self.operations, self._hash.copy())

    def digest(self) -> LogDigest:
        """What there is so far."""
        return LogDigest(self.operations, self._hash.hexdigest())


def digest_of_records(records: Iterable[Record]) -> LogDigest:
    """The digest of operations in memory."""
    return _digest(record.compact() for record in records)


def digest_of_log(path: Path) -> LogDigest:
    """The digest of a log, the same with and without requests, plain or gzipped. Raises as `read_log`."""
    return _digest(line.compact for line in read_log(path))


def _digest(lines: Iterable[bytes]) -> LogDigest:
    digester = Digester()
    for line in lines:
        digester.add(line)
    return digester.digest()
