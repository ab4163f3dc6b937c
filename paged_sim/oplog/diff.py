"""Where two operation logs part: the first operation, the first step and the first block that differ."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paged_sim.oplog.digest import Digester, LogDigest
from paged_sim.oplog.records import LogLine, read_log


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two logs.

    `after` holds its operations from the parting on, as many as were asked for and one more; none where the logs are
    the same or this one ends there. `has_requests` says whether any line read carries a request's number.
    """

    path: Path
    digest: LogDigest
    after: tuple[LogLine, ...]
    has_requests: bool


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two logs part.

    `operation` counts the operations from 1, the same in both logs up to here; `step` is the first step at which they
    differ. `position` counts the blocks of the operation from 0, and is None where one log ends or the operations
    differ in step or kind, which makes all their blocks differ; `blocks` are the first that differ, in either log,
    None where a log has none there.
    """

    operation: int
    step: int
    position: int | None
    blocks: tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class LogDiff:
    """Two logs beside each other; `before` holds the last operations that both have, lines as in the first log.

    `parting` is None where the logs are the same. Requests are not compared.
    """

    sides: tuple[Side, Side]
    before: tuple[LogLine, ...]
    parting: Parting | None


def diff_logs(first: Path, second: Path, context: int = 3) -> LogDiff:
    """Compare two logs in one pass, keeping `context` operations before the parting and after it.

    Raises:
        PagedSimError: as `read_log`, for either log, also behind the parting.
    """
    logs = (_Log(first), _Log(second))
    shared = Digester()
    before: deque[LogLine] = deque(maxlen=context)
    while True:
        lines = (logs[0].next(), logs[1].next())
        if lines[0] is None or lines[1] is None or lines[0].compact != lines[1].compact:
            break
        shared.add(lines[0].compact)
        before.append(lines[0])
    sides = (logs[0].finish(lines[0], shared, context), logs[1].finish(lines[1], shared, context))
    return LogDiff(sides, tuple(before), _parting(shared.operations + 1, lines))


class _Log:
    """One log while it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: Iterator[LogLine] = read_log(path)
        self._has_requests = False

    def next(self) -> LogLine | None:
        """The next operation, None at the end."""
        line = next(self._lines, None)
        if line is not None and line.request is not None:
            self._has_requests = True
        return line

    def finish(self, line: LogLine | None, shared: Digester, context: int) -> Side:
        """Read on from `line`, the first that is not shared, to the end."""
        digester = shared.copy()
        after: list[LogLine] = []
        while line is not None:
            digester.add(line.compact)
            if len(after) <= context:
                after.append(line)
            line = self.next()
        return Side(self._path, digester.digest(), tuple(after), self._has_requests)


def _parting(operation: int, lines: tuple[LogLine | None, LogLine | None]) -> Parting | None:
    first, second = lines
    if first is None and second is None:
        return None
    steps = [line.step for line in lines if line is not None]
    blocks = (first.blocks if first else (), second.blocks if second else ())
    position = None
    if first and second and (first.step, first.kind) == (second.step, second.kind):
        pairs = zip(*blocks, strict=False)
        position = next((index for index, (a, b) in enumerate(pairs) if a != b), min(map(len, blocks)))
    at = position or 0
    found = tuple(ids[at] if at < len(ids) else None for ids in blocks)
    return Parting(operation, min(steps), position, (found[0], found[1]))
