"""Operations of a page pool, one a line: `[step,"A"|"T"|"F",[block ids]]`, in our own logs with the request's number.

`A` says that blocks were allocated, `T` that a cache hit touched them (one more reference each), `F` that a reference
to each was given back; ids stand in the order in which the engine did it. "Block" is the engines' word for a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from paged_sim.errors import PagedSimError
from paged_sim.oplog.lines import REMEDY, numbered_lines, parse_line, shown

KINDS = {"A": "allocated", "T": "touched", "F": "freed"}

_FORM = 'a line is [step,"A"|"T"|"F",[block ids]], or has the request\'s number as a fourth element'
_LARGEST = 2**63 - 1

# What a line looks like that is compact already; anything else goes the slow way, which finds what is wrong with it.
_NUMBER = rb"(?:0|[1-9][0-9]{0,17})"
_COMPACT = re.compile(
    rb'\[(%b),"[ATF]",\[(?:%b(?:,%b)*)?\](?:,(%b))?\]\n?' % (_NUMBER, _NUMBER, _NUMBER, _NUMBER),
)


class Record(NamedTuple):
    """One operation: at `step`, what `kind` (a key of `KINDS`) says was done to `blocks`, in this order.

    `request` is the number of the request it was done for, None where the log does not say.
    """

    step: int
    kind: str
    blocks: Sequence[int]
    request: int | None = None

    def compact(self) -> bytes:
        """The line that logs are compared by: step, kind and blocks as JSON without spaces, and a line end."""
        return b'[%d,"%b",[%b]]\n' % (self.step, self.kind.encode(), ",".join(map(str, self.blocks)).encode())


class LogLine(NamedTuple):
    """A checked line of a log: its number in the file, its step, and the rest as it is compared.

    `compact` is `Record.compact` of the operation; `request` is as in `Record`.
    """

    number: int
    step: int
    compact: bytes
    request: int | None

    @property
    def kind(self) -> str:
        """A key of `KINDS`."""
        return self.compact[self.compact.index(b'"') + 1 :][:1].decode()

    @property
    def blocks(self) -> tuple[int, ...]:
        """The block ids, in order."""
        ids = self.compact[self.compact.index(b"[", 1) + 1 : -3]
        return tuple(map(int, ids.split(b","))) if ids else ()

    def record(self) -> Record:
        """The operation without its place in a file."""
        return Record(self.step, self.kind, self.blocks, self.request)


def read_log(path: Path, lines: Iterable[tuple[int, bytes]] | None = None) -> Iterator[LogLine]:
    """Every operation of a log, plain or gzipped; blank lines do not count, spaces within a line do not matter.

    `lines` are the numbered lines of the file where the caller has begun to read it.

    Raises:
        PagedSimError: the file cannot be read, a line is no operation, or its step is lower than the one before; the
            message has file and line.
    """
    last = 0
    for number, line in numbered_lines(path) if lines is None else lines:
        found = _COMPACT.fullmatch(line)
        if found is None:
            step, kind, blocks, request = _checked(parse_line(line, path, number), f"{path}:{number}")
            compact = Record(step, kind, blocks).compact()
        else:
            step_text, request_text = found.groups()
            step = int(step_text)
            request = None if request_text is None else int(request_text)
            compact = line if request is None else line[: found.start(2) - 1] + b"]\n"
            if compact[-1] != 10:
                compact += b"\n"
        if step < last:
            raise PagedSimError(f"{path}:{number}: step {step} after step {last}; steps never fall within a log")
        last = step
        yield LogLine(number, step, compact, request)


def read_records(path: Path) -> Iterator[Record]:
    """Every operation of a log without its place. Raises as `read_log`."""
    return (line.record() for line in read_log(path))


def _checked(value: object, place: str) -> Record:
    if not isinstance(value, list) or len(value) not in (3, 4):
        raise PagedSimError(f"{place}: {shown(value)} is no operation; {_FORM}")
    step, kind, blocks, *request = value
    if not isinstance(kind, str) or kind not in KINDS:
        meanings = ", ".join(f'"{key}" ({meaning})' for key, meaning in KINDS.items())
        raise PagedSimError(f"{place}: {shown(kind)} is no kind of operation; there are {meanings}")
    if not isinstance(blocks, list):
        raise PagedSimError(f"{place}: {shown(blocks)} is no list of block ids; {_FORM}")
    _check_number(step, "step", place)
    for block in blocks:
        _check_number(block, "block", place)
    number = request[0] if request else None
    if number is not None:
        _check_number(number, "request", place)
    return Record(step, kind, tuple(blocks), number)


def _check_number(value: object, what: str, place: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PagedSimError(f"{place}: {what} {shown(value)} is not a whole number; {REMEDY}")
    if value < 0:
        raise PagedSimError(f"{place}: {what} {value} is negative; {REMEDY}")
    if value > _LARGEST:
        raise PagedSimError(f"{place}: {what} {shown(value)} is more than {_LARGEST}; {REMEDY}")
