"""Runs as Markdown: the parts of the table report as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import Screen
from .markdown import render_markdown
from .run_report import run_blocks


def as_markdown(documents: Sequence[Mapping[str, Any]], screen: Screen) -> str:
    """One section of level 2 per run."""
    return "\n".join(render_markdown(run_blocks(document, full=screen.full)) for document in documents)
