"""Tables: text cells between separators, with a line of column names or without."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, TextIO

from paged_sim.errors import PagedSimError
from paged_sim.workloads.traces.opening import empty_file, open_text
from paged_sim.workloads.traces.values import REMEDY

BLOCK_ROWS = 65_536
_SEPARATORS = ",;|"
_IN_NAMES = " _-.'\"()/"


@dataclass(frozen=True, slots=True)
class TableBlock:
    """Rows of a table that lie together; `first_row` counts data rows from 0."""

    table: Table
    first_row: int
    rows: list[list[str]]

    @property
    def cells_are_text(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """The cells of one column."""
        return list(map(itemgetter(self.table.names.index(name)), self.rows))

    def place(self, row: int, name: str) -> str:
        """File, line and column of a cell."""
        return f"{self.table.path}:{self.table.line_of(self.first_row + row)}: column {name}"


class Table:
    """A file of rows; without a header its columns are called by their numbers, from 1."""

    def __init__(self, path: Path, *, has_header: bool = True) -> None:
        self.path = path
        self.has_header = has_header
        self.skipped: Counter[str] = Counter()

    @cached_property
    def _first_line(self) -> str:
        with open_text(self.path) as text:
            return _first_line(text, self.path)[0]

    @cached_property
    def separator(self) -> str:
        """What stands between the cells: a tab wherever there is one, else what is most frequent in the first line.

        Rarer signs and spaces count only where there is no comma, semicolon or bar.
        """
        line = self._first_line
        if "\t" in line:
            return "\t"
        best = max(_SEPARATORS, key=line.count)
        if best in line:
            return best
        others = Counter(sign for sign in line.strip() if not sign.isalnum() and sign not in _IN_NAMES)
        return others.most_common(1)[0][0] if others else " " if " " in line.strip() else best

    @cached_property
    def first_cells(self) -> list[str]:
        """The cells of the first line, without the spaces and quotes around them."""
        return _cells(self._first_line, self.separator)

    @cached_property
    def names(self) -> list[str]:
        """The names in the first line, or numbers from 1; a name that stands there before gets its number."""
        cells = self.first_cells
        if not self.has_header:
            return [str(number + 1) for number in range(len(cells))]
        return [
            cell if cell not in cells[:number] else f"{cell} (column {number + 1})" for number, cell in enumerate(cells)
        ]

    def resolve(self, wanted: str) -> str | None:
        """The column that a user means: by name, by name in another spelling, or by number."""
        if wanted in self.names:
            return wanted
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self.names):
            return self.names[int(wanted) - 1]
        plain = {plainly(name): name for name in reversed(self.names)}
        return plain.get(plainly(wanted))

    def blocks(self) -> Iterator[TableBlock]:
        """The data rows, a block at a time; at least one block, blank lines left out.

        Raises:
            PagedSimError: a row has too few or too many cells, or quotes that do not match.
        """
        with open_text(self.path) as text:
            header_line, reader = self._reader(text)
            present = filter(None, reader)
            first_row = 0
            try:
                while (rows := list(islice(present, BLOCK_ROWS))) or not first_row:
                    block = TableBlock(self, first_row, rows)
                    self._check_widths(block)
                    yield block
                    if not rows:
                        return
                    first_row += len(rows)
            except csv.Error as error:
                line = header_line + reader.line_num
                raise PagedSimError(f"{self.path}:{line}: not a table ({error}); {REMEDY}") from None

    def line_of(self, row: int) -> int:
        """Line of a row, found by reading the file again: nothing counts lines while all goes well."""
        with open_text(self.path) as text:
            header_line, reader = self._reader(text)
            next(islice(filter(None, reader), row, None))
            return header_line + int(reader.line_num)

    def header_line(self) -> int:
        """Line of the column names."""
        with open_text(self.path) as text:
            return _first_line(text, self.path)[1]

    def _reader(self, text: TextIO) -> tuple[int, Any]:
        """A reader of the data rows, and the number of lines before what it reads."""
        first, number = _first_line(text, self.path)
        lines = text if self.has_header else chain([first], text)
        before = number if self.has_header else number - 1
        separator = self.separator
        return before, csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=separator == " ")

    def _check_widths(self, block: TableBlock) -> None:
        width = len(self.names)
        if set(map(len, block.rows)) <= {width}:
            return
        for row, cells in enumerate(block.rows):
            if len(cells) != width:
                raise PagedSimError(
                    f"{self.path}:{self.line_of(block.first_row + row)}: {len(cells)} columns where the first line "
                    f"{'names' if self.has_header else 'has'} {width}; complete the row or remove it"
                )


def plainly(name: str) -> str:
    """A name without what differs between spellings: case, spaces, dashes and underscores."""
    return "".join(letter for letter in name.lower() if letter not in " -_")


def _cells(line: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([line.strip("\r\n")], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration):
        cells = line.split(separator)
    return [cell.strip().strip('"') for cell in cells]


def _first_line(text: TextIO, path: Path) -> tuple[str, int]:
    """The first line that is neither blank nor a comment, and its number."""
    for number, line in enumerate(text, start=1):
        if line.strip() and not line.startswith("# "):
            return line, number
    raise empty_file(path)
