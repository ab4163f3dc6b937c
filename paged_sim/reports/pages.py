"""The pages of a small run, step by step, as text."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.pictures import Pictures

from .blocks import Block, Grid, Heading, Screen
from .text import render_text

FILLED, EMPTY = "█", "·"


def as_pages(name: str, pictures: Sequence[Pictures], screen: Screen) -> str:
    """One grid a step: each page that is or just was held or idle, its slots, its owners, and what happened to it."""
    blocks: list[Block] = [Heading(name)]
    for picture in pictures:
        for step in picture.steps:
            held = sum(1 for look in step.pages if look.owners)
            rows = tuple(
                (
                    f"page {look.page}",
                    FILLED * look.filled + EMPTY * (picture.page_size - look.filled),
                    " ".join(look.owners) or ("idle" if look.idle else "free"),
                    ", ".join(look.events),
                )
                for look in step.pages
            )
            title = f"{picture.name}, step {step.step}: {held} of {picture.num_pages} pages held"
            blocks.append(Grid(title, (picture.name, "slots", "owners", "what happens"), rows, prose=frozenset({2, 3})))
    return render_text(blocks, screen)
