"""Blocks as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import Bars, Block, Grid, Heading, Paragraph, Screen, plain, printed
from .text import render_text


def render_markdown(blocks: Sequence[Block]) -> str:
    """Grids become tables, bars a code block, headings are of level 2, titles of level 3."""
    return "\n\n".join(_render(printed(block)) for block in blocks) + "\n"


def _render(block: Block) -> str:
    if isinstance(block, Heading):
        return f"## {_escape(block.text)}" + (f"\n\n{_escape(block.note)}" if block.note else "")
    if isinstance(block, Paragraph):
        return _escape(block.text).replace("\n", "  \n")
    if isinstance(block, Bars):
        drawn = render_text([Bars("", block.rows, block.legend)], Screen()).strip("\n")
        return f"### {_escape(block.title)}\n\n```text\n{drawn}\n```"
    return _table(block)


def _table(grid: Grid) -> str:
    lines = [f"### {_escape(grid.title)}", ""] if grid.title else []
    lines.append(_row(grid.header))
    lines.append(_row(["---" if i == 0 or i in grid.prose | grid.names else "---:" for i in range(len(grid.header))]))
    lines.extend(_row([plain(cell) for cell in row]) for row in grid.rows)
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escape(cell.replace("-\n", "").replace("\n", " ")) for cell in cells) + " |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
