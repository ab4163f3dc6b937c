"""What a report is made of: headings, paragraphs, grids and stacked bars, before anyone decides how they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from paged_sim.wording import printable


class Styled(NamedTuple):
    """A cell with a style (a colour or weight name of rich) that a plain renderer may ignore."""

    text: str
    style: str


Cell = str | Styled


@dataclass(frozen=True, slots=True)
class Heading:
    """The name of what follows, and a line about it."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain sentences, wrapped to the screen; `style` is for terminals."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. The first column names the row; columns in `prose` hold text to wrap, columns in `names` what is never
    broken, all others are numbers.

    A grid wider than the screen is cut into several, each beginning with the first column. One with `spreads` rather
    loses those of its cells (what stands behind ±) than that it is cut, unless all is wanted.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    prose: frozenset[int] = frozenset()
    names: frozenset[int] = frozenset()
    spreads: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal stacked bars of one length: for each name, (account, share 0..1) in the order they are drawn.

    Where a name has no shares, there was no step to take them over, and a word says so in place of the bar.
    With `legend` a line below says which character stands for which account.
    """

    title: str
    rows: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    legend: bool = False


Block = Heading | Paragraph | Grid | Bars


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a report goes and how much of it is wanted.

    `width` is in columns of text; `colour` says whether colour escapes may be written, `full` whether every table is
    shown; `csv_columns` are names or patterns of the columns of CSV, all of them where there are none.
    """

    width: int = 80
    colour: bool = False
    full: bool = False
    csv_columns: tuple[str, ...] = ()


def plain(cell: Cell) -> str:
    """The text of a cell without its style."""
    return cell if isinstance(cell, str) else cell.text


def printed(block: Block) -> Block:
    """The block as it may be shown: what names hold to order a terminal or a reader about is written as escapes.

    Lines of their own have only paragraphs and headers of tables.
    """
    if isinstance(block, Heading):
        return Heading(printable(block.text), printable(block.note))
    if isinstance(block, Paragraph):
        return replace(block, text=printable(block.text, kept="\n"))
    if isinstance(block, Bars):
        return replace(
            block, title=printable(block.title), rows=tuple((printable(name), of) for name, of in block.rows)
        )
    header = tuple(printable(head, kept="\n") for head in block.header)
    rows = tuple(tuple(_printed(cell) for cell in row) for row in block.rows)
    return replace(block, title=printable(block.title), header=header, rows=rows)


def _printed(cell: Cell) -> Cell:
    return printable(cell) if isinstance(cell, str) else cell._replace(text=printable(cell.text))


def bar_cells(shares: Sequence[tuple[str, float]], width: int) -> list[tuple[str, int]]:
    """Cut `width` character cells among the accounts in proportion to their shares, exactly.

    Cumulative rounding keeps every boundary within half a cell of its true place, and the cells of shares that sum
    to 1 sum to `width`.
    """
    cells = []
    total = 0.0
    drawn = 0
    for account, share in shares:
        total += share
        end = min(round(total * width), width)
        cells.append((account, max(end - drawn, 0)))
        drawn = max(end, drawn)
    return cells
