"""What sharing spares, as blocks: the credit beside the ledger. Nothing is shown where nothing was shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import Block, Grid
from .numbers import count, percent_spread

Document = Mapping[str, Any]


def sharing_blocks(runs: Sequence[Document]) -> list[Block]:
    """One row per policy that shared: tokens that sequences see and that are stored, slots saved, pages copied."""
    rows = tuple(
        (
            run["name"],
            count(round(run["sharing"]["logical_tokens_mean"])),
            count(round(run["sharing"]["physical_tokens_mean"])),
            percent_spread(run, "sharing.pages_saved_fraction", run["sharing"]["pages_saved_fraction"]),
            count(run["pages"]["cow_copies"]),
        )
        for run in runs
        if run["sharing"]["pages_saved_fraction"]
    )
    header = ("policy", "tokens\nseen", "tokens\nstored", "pages\nsaved", "pages\ncopied")
    return [Grid("Sharing: means; pages saved are of those held without it", header, rows)] if rows else []
