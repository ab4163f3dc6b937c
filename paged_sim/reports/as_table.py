"""Runs as the table report: the verdict, what decides it and where the bytes are; the rest where all is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Document

from .blocks import Screen
from .run_report import run_blocks
from .text import render_text


def as_table(documents: Sequence[Document], screen: Screen) -> str:
    """Text fitted to the screen, one report after the other."""
    return "\n\n".join(render_text(run_blocks(document, full=screen.full), screen) for document in documents)
