"""Runs as Markdown: the parts of the table report as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Document

from .blocks import Screen
from .markdown import render_markdown
from .run_report import run_blocks


def as_markdown(documents: Sequence[Document], screen: Screen) -> str:
    """One section of level 2 per run."""
    return "\n".join(render_markdown(run_blocks(document, full=screen.full)) for document in documents)
