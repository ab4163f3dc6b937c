"""The four segments of PagedAttention's Fig. 2, under both bookings of what placement rounds up.

The paper books buddy rounding with free memory, as external; a textbook books it as internal, since it lies inside an
allocated block. Token state and reservation are the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.basis import value_over
from paged_sim.result import Entry, Steps, mean_share

from .blocks import Cell, Grid
from .numbers import MISSING, percent


def paper_view_grid(runs: Sequence[Entry]) -> Grid:
    """A row per policy over its own steps, and one more over all steps where a printed digit differs."""
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        first, over_all = _shares(run, run["over"]), _shares(run, "all")
        rows.append((run["name"], run["over"], *first))
        if over_all != first:
            rows.append((run["name"], "all", *over_all))
    header = (
        "policy",
        "over",
        "token\nstate",
        "reser-\nvation",
        "internal\n(paper)",
        "external\n+ others\n(paper)",
        "internal\n(text-\nbook)",
        "external\n+ others\n(text-\nbook)",
    )
    title = "Paper view (paper: buddy rounding counted as external; textbook: rounding counted as internal)"
    return Grid(title, header, tuple(rows))


def _shares(run: Entry, over: Steps) -> tuple[str, ...]:
    """The segments as the paper books them, then the last two as a textbook does."""
    rounding = mean_share(run, over, "rounding")
    if rounding is None:
        return (MISSING,) * 6
    token_state, reservation, internal, others = (
        value_over(run, f"paper_view.{segment}", over) or 0.0
        for segment in ("token_state", "reservation", "internal", "external_and_others")
    )
    shares = (token_state, reservation, internal, others, internal + rounding, others - rounding)
    return tuple(percent(max(share, 0.0)) for share in shares)
