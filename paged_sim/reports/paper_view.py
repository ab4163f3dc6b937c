"""The four segments of PagedAttention's Fig. 2, under both bookings of what placement rounds up.

The paper books buddy rounding with free memory, as external; a textbook books it as internal, since it lies inside an
allocated block. Token state and reservation are the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .blocks import Cell, Grid
from .numbers import percent


class PaperView(NamedTuple):
    """Shares of the arena, each 0..1: `internal` and `external` as the paper books them, and `rounding` apart."""

    token_state: float
    reservation: float
    internal: float
    external_and_others: float
    rounding: float


def paper_view(run: Mapping[str, Any], over: str) -> PaperView:
    """Fold the mean ledger of one run over `over` ("saturated" or "all") into the paper's four segments."""
    ledger = {account: entry["mean"] or 0.0 for account, entry in run["ledger"][over].items()}
    token_state, reservation = ledger["token_state"], ledger["reservation"]
    internal = ledger["over_reservation"] + ledger["tail"]
    rest = sum(ledger.values()) - token_state - reservation - internal
    return PaperView(token_state, reservation, internal, rest, ledger["rounding"])


def paper_view_grid(runs: Sequence[Mapping[str, Any]]) -> Grid:
    """A row per policy over its own steps, and one more over all steps where a printed digit differs."""
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        first, over_all = _shares(paper_view(run, run["over"])), _shares(paper_view(run, "all"))
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


def _shares(view: PaperView) -> tuple[str, ...]:
    shares = (
        view.token_state,
        view.reservation,
        view.internal,
        view.external_and_others,
        view.internal + view.rounding,
        view.external_and_others - view.rounding,
    )
    return tuple(percent(max(share, 0.0)) for share in shares)
