"""The cells of a table: read in blocks of rows, turned into columns of numbers.

Whole columns are converted at once. Only when one does not convert are its cells looked at one by one, and lines
counted, to name the cell that is at fault.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Floats, Ints
from paged_sim.workloads.limits import MOST_TOKENS
from paged_sim.workloads.traces.opening import empty_file, open_text
from paged_sim.workloads.traces.values import LATEST_SECONDS, REMEDY, number_in, shown, time_in, token_count

_BLOCK_ROWS = 65_536
# Nanoseconds since 1970 fit 64 bits in these years only; NumPy wraps silently beyond.
_DATE = re.compile(r"(19[7-9]\d|20\d\d|21\d\d)-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)?", re.ASCII)
_LIMIT_DIGITS = len(str(MOST_TOKENS))
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a table that lie together; `first_row` counts data rows from 0."""

    path: Path
    header: list[str]
    header_line: int
    first_row: int
    rows: list[list[str]]

    def cells(self, column: str) -> list[str]:
        """The cells of one column."""
        index = self.header.index(column)
        return [row[index] for row in self.rows]


def column_names(first_line: str) -> list[str]:
    """The names in the first line of a table, without the spaces and quotes around them."""
    return [name.strip().strip('"') for name in first_line.split(_delimiter(first_line))]


def read_blocks(path: Path) -> Iterator[Block]:
    """The data rows, a block at a time; at least one block, blank lines left out.

    Raises:
        PagedSimError: a row has too few or too many cells, or quotes that do not match.
    """
    with open_text(path) as text:
        first_line, header_line = _first_line(text, path)
        header = column_names(first_line)
        reader = csv.reader(text, delimiter=_delimiter(first_line), strict=True)
        present = filter(None, reader)
        first_row = 0
        try:
            while (rows := list(islice(present, _BLOCK_ROWS))) or not first_row:
                block = Block(path, header, header_line, first_row, rows)
                _check_widths(block)
                yield block
                if not rows:
                    return
                first_row += len(rows)
        except csv.Error as error:
            line = header_line + reader.line_num
            raise PagedSimError(f"{path}:{line}: not a table ({error}); correct the row or remove it") from None


def token_column(block: Block, column: str) -> Ints:
    """A column of whole token counts."""
    cells = block.cells(column)
    joined = "".join(cells)
    # Digits alone, none empty, none long enough to pass the limit: the usual file, converted at once.
    if joined.isascii() and joined.isdigit() and 0 < min(map(len, cells)) <= max(map(len, cells)) < _LIMIT_DIGITS:
        return np.array(list(map(int, cells)), dtype=np.int64)
    return np.array(_one_by_one(block, column, lambda cell: token_count(number_in(cell))), dtype=np.int64)


def time_column(block: Block, column: str, per_second: float) -> Floats:
    """A column of times, in units of which a second has `per_second`; the units stay."""
    cells = block.cells(column)
    try:
        times = np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        times = np.array([np.nan])
    if np.all((times >= 0) & (times <= LATEST_SECONDS * per_second)) and "_" not in "".join(cells):
        return times
    return np.array(_one_by_one(block, column, lambda cell: time_in(number_in(cell), per_second)), dtype=np.float64)


def date_column(block: Block, column: str) -> Ints:
    """A column of dates as nanoseconds since 1970, such as `2023-11-16 18:17:03.9799600`, in UTC if a zone is named."""
    cells = block.cells(column)
    if all(map(_DATE.fullmatch, cells)):
        plain = [cell.removesuffix("Z").removesuffix("+00:00") for cell in cells]
        try:
            return np.array(plain, dtype="datetime64[ns]").astype(np.int64)
        except ValueError:  # a 13th month, a 25th hour
            pass
    return np.array(_one_by_one(block, column, _date), dtype=np.int64)


def _date(cell: str) -> int:
    plain = cell.removesuffix("Z").removesuffix("+00:00")
    if _DATE.fullmatch(cell):
        try:
            return int(np.datetime64(plain, "ns").astype(np.int64))
        except ValueError:
            pass
    raise PagedSimError(f"{shown(cell)} is not a date and time such as '2023-11-16 18:17:03.97'; {REMEDY}")


def _one_by_one(block: Block, column: str, convert: Callable[[str], _Number]) -> list[_Number]:
    """Convert every cell; the first bad one is an error with its line and column in front."""
    numbers = []
    for row, cell in enumerate(block.cells(column)):
        try:
            numbers.append(convert(cell))
        except PagedSimError as error:
            line = _line_of(block, row)
            raise PagedSimError(f"{block.path}:{line}: column {column}: {error}") from None
    return numbers


def _check_widths(block: Block) -> None:
    width = len(block.header)
    for row, cells in enumerate(block.rows):
        if len(cells) != width:
            raise PagedSimError(
                f"{block.path}:{_line_of(block, row)}: {len(cells)} columns where the first line names {width}; "
                "complete the row or remove it"
            )


def _line_of(block: Block, row: int) -> int:
    """Line of a row of the block, found by reading the file again: nothing counts lines while all goes well."""
    with open_text(block.path) as text:
        first_line, header_line = _first_line(text, block.path)
        reader = csv.reader(text, delimiter=_delimiter(first_line))
        next(islice(filter(None, reader), block.first_row + row, None))
        return header_line + reader.line_num


def _first_line(text: TextIO, path: Path) -> tuple[str, int]:
    """The first line that is not blank, and its number."""
    for number, line in enumerate(text, start=1):
        if line.strip():
            return line, number
    raise empty_file(path)


def _delimiter(first_line: str) -> str:
    return "\t" if "\t" in first_line else ","
