"""Reports that are no runs (lists, explanations, a trace, this machine): blocks to read and data for JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .as_json import to_json
from .blocks import Block, Grid, Screen
from .markdown import render_markdown
from .text import render_text


@dataclass(frozen=True, slots=True)
class Listing:
    """One such report."""

    blocks: Sequence[Block]
    data: object


LISTING_FORMATS: dict[str, Callable[[Listing, Screen], str]] = {
    "table": lambda listing, screen: render_text(listing.blocks, screen),
    "json": lambda listing, screen: to_json(listing.data),
    "markdown": lambda listing, screen: render_markdown(listing.blocks),
}


def grid_of(title: str, rows: Sequence[Mapping[str, str]], prose: Sequence[str] = ()) -> Grid:
    """Rows with the same keys as a grid; columns named in `prose` hold text, empty columns are left out."""
    columns = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    cells = tuple(tuple(row[name] for name in columns) for row in rows)
    return Grid(title, tuple(columns), cells, frozenset(columns.index(name) for name in prose if name in columns))
