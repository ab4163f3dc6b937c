"""What sharing spares, as blocks: the credit beside the ledger, and the prefix caches. Nothing where there are none."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Entry

from .blocks import Block, Grid
from .numbers import count, percent_spread


def sharing_blocks(runs: Sequence[Entry]) -> list[Block]:
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
    title = "Sharing: means; pages saved are of those held without it"
    return [*([Grid(title, header, rows)] if rows else []), *cache_blocks(runs)]


def cache_blocks(runs: Sequence[Entry]) -> list[Block]:
    """One row per prefix cache: tokens asked for and found, at first and after preemptions."""
    rows = tuple(
        (
            run["name"],
            count(cache["query_tokens"]),
            count(cache["hit_tokens"]),
            percent_spread(run, "sharing.prefix_cache.hit_rate", cache["hit_rate"]),
            count(cache["preempted_query_tokens"]),
            count(cache["preempted_hit_tokens"]),
            count(cache["beyond_whole_pages"]),
        )
        for run in runs
        if (cache := run["sharing"].get("prefix_cache"))
    )
    header = ("policy", "asked", "found", "hit rate", "asked\nagain", "found\nagain", "beyond\nwhole pages")
    title = "Prefix cache: prompt tokens asked for and found; again is after a preemption"
    return [Grid(title, header, rows)] if rows else []
