"""Blocks as text for a terminal or a pipe: rich draws, the width is given, nothing is read from the environment."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .blocks import Bars, Block, Cell, Grid, Heading, Paragraph, Screen, bar_cells, plain, printed
from .numbers import NO_STEP
from .palette import LOOKS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 2
_PROSE_WIDTH = 14
_NAME_SHARE = 0.6


def render_text(blocks: Sequence[Block], screen: Screen) -> str:
    """All blocks, one empty line between them, no trailing blanks, one newline at the end."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=screen.width,
        force_terminal=screen.colour,
        color_system="truecolor" if screen.colour else None,
        no_color=not screen.colour,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
        _environ={},
    )
    parts = []
    for block in blocks:
        with console.capture() as capture:
            _draw(console, printed(block), screen)
        parts.append("\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n"))
    return "\n\n".join(parts) + "\n"


def _draw(console: Console, block: Block, screen: Screen) -> None:
    from rich.text import Text

    if isinstance(block, Heading):
        _draw_heading(console, block, screen)
    elif isinstance(block, Paragraph):
        console.print(Text(block.text, style=block.style))
    elif isinstance(block, Bars):
        console.print(Text(block.title, style="bold"))
        _draw_bars(console, block, screen)
    else:
        if block.title:
            console.print(Text(block.title, style="bold"))
        grid = with_room(block, screen)
        for number, columns in enumerate(column_groups(grid, screen.width)):
            if number:
                console.print()
            _draw_columns(console, grid, columns, screen.width)


def _draw_heading(console: Console, heading: Heading, screen: Screen) -> None:
    """The name and, beside it where there is room, else below, the note about it."""
    from rich.text import Text

    name, note = Text(f"━━ {heading.text}", style="bold cyan"), Text(heading.note, style="dim")
    if heading.note and name.cell_len + 2 + note.cell_len <= screen.width:
        console.print(name.append(": ").append_text(note))
        return
    console.print(name)
    if heading.note:
        console.print(note)


def _draw_columns(console: Console, grid: Grid, columns: Sequence[int], width: int) -> None:
    from rich.box import Box
    from rich.table import Table

    rule = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
    table = Table(box=rule, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False, header_style="bold")
    long_names = any(len(line) > _name_limit(width) for row in grid.rows for line in plain(row[0]).split("\n"))
    for column in columns:
        left = column == 0 or column in grid.prose | grid.names
        table.add_column(
            _text(grid.header[column]),
            justify="left" if left else "right",
            overflow="fold",
            no_wrap=column not in grid.prose and not (column == 0 and long_names),
            max_width=_name_limit(width) if column == 0 else None,
        )
    for row in grid.rows:
        table.add_row(*(_text(row[column]) for column in columns))
    console.print(table)


def _text(cell: Cell) -> Text:
    from rich.text import Text

    return Text(cell) if isinstance(cell, str) else Text(cell.text, style=cell.style)


def _name_limit(width: int) -> int:
    return int(width * _NAME_SHARE)


def with_room(grid: Grid, screen: Screen) -> Grid:
    """The grid as it fits the screen as one table, if it can.

    That is with each header on one line, else with no word of it hyphenated, else as it is, else without spreads that
    may be left out: from the left, and no more of them than must be.
    """
    whole = replace(grid, header=tuple(head.replace("-\n", "") for head in grid.header))
    flat = replace(whole, header=tuple(head.replace("\n", " ") for head in whole.header))
    shorter = range(1, len(grid.header)) if grid.spreads and not screen.full else ()
    fewer = (_without_spreads(choice, column) for column in shorter for choice in (whole, grid))
    choices = (flat, whole, grid, *fewer)
    return next((choice for choice in choices if len(column_groups(choice, screen.width)) == 1), grid)


def _without_spreads(grid: Grid, last: int) -> Grid:
    """The grid without the spreads of its columns up to `last`."""
    rows = tuple((row[0], *_means(row[1 : last + 1]), *row[last + 1 :]) for row in grid.rows)
    return replace(grid, rows=rows)


def _means(cells: Sequence[Cell]) -> Iterator[Cell]:
    for cell in cells:
        mean = plain(cell).partition(" ±")[0]
        yield mean if isinstance(cell, str) else cell._replace(text=mean)


def column_groups(grid: Grid, width: int) -> list[list[int]]:
    """The columns of each table that `grid` is cut into so that it fits `width`; column 0 leads every one."""
    from rich.cells import cell_len

    def natural(column: int) -> int:
        cells = [grid.header[column], *(plain(row[column]) for row in grid.rows)]
        widest = max(cell_len(line) for cell in cells for line in (cell.split("\n") or [""]))
        limit = _PROSE_WIDTH if column in grid.prose else _name_limit(width) if column == 0 else width
        return min(widest, limit)

    lead = natural(0)
    groups: list[list[int]] = [[0]]
    used = lead
    for column in range(1, len(grid.header)):
        wanted = natural(column) + _GAP
        if used + wanted > width and len(groups[-1]) > 1:
            groups.append([0])
            used = lead
        groups[-1].append(column)
        used += wanted
    return groups


def _draw_bars(console: Console, bars: Bars, screen: Screen) -> None:
    from rich.text import Text

    names = [name for name, _ in bars.rows]
    label = min(max(map(len, names), default=0), max(screen.width // 3, 8))
    width = max(screen.width - label - 1, 10)
    drawn: set[str] = set()
    for name, shares in bars.rows:
        line = Text(f"{_cut(name, label):<{label}} ")
        line.append("" if shares else NO_STEP, style="dim")
        for account, cells in bar_cells(shares, width):
            drawn.update([account] if cells else [])
            line.append(LOOKS[account].glyph * cells, style=LOOKS[account].colour)
        console.print(line, no_wrap=True)
    console.print(Text(" " * (label + 1) + _scale(width)), no_wrap=True)
    if bars.legend:
        _draw_legend(console, drawn, screen)


def _draw_legend(console: Console, drawn: Collection[str], screen: Screen) -> None:
    """The character and name of each account that was drawn, as many as fit a line."""
    from rich.text import Text

    line = Text()
    for account in [account for account in LOOKS if account in drawn]:
        entry = Text(f"{LOOKS[account].glyph} ", style=LOOKS[account].colour).append(account, style="default")
        if line and line.cell_len + _GAP + entry.cell_len > screen.width:
            console.print(line, no_wrap=True)
            line = Text()
        line = line.append(" " * _GAP).append_text(entry) if line else entry
    console.print(line, no_wrap=True)


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}…"


def _scale(width: int) -> str:
    """Percent marks under the bars, each ending at its place."""
    line = [" "] * width
    for mark in _marks(width):
        text = f"{mark}%"
        end = max(round(width * mark / 100), len(text))
        line[end - len(text) : end] = text
    return "".join(line)


def _marks(width: int) -> Iterator[int]:
    yield from range(0, 101, 25 if width >= 30 else 50)
