"""The accounts of the ledger, one row each: all that is said, drawn or summed by account comes from this table.

Their order is that of the ledger's row, which `paged_sim.ledger` numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from .entry import PaperView, Statistics

UP, DOWN, NEITHER = 1, -1, 0
"""Which way a number gets better."""

SEQUENCE, CACHE, FREE, NOBODY = "sequence", "cache", "free", "nobody"
"""Who has the slots of an account: a sequence, the prefix cache, whoever comes next, or nobody, ever."""


class Look(NamedTuple):
    """One account: its label in sentences, its colour, its hatch (plots) and its character (text bars).

    The colours extend the Okabe-Ito set, which stays apart for the common kinds of colour blindness; hatches and
    characters carry the same distinction where there is no colour. Free memory is grey, lost memory is warm, used
    memory is blue.
    """

    label: str
    colour: str
    hatch: str
    glyph: str


class Account(NamedTuple):
    """An account: who has its slots, whether more of them is better, its segment in the paper's view, how it looks.

    `meaning` goes on where "slots that" ends (`f` is what a sequence stores at its end), and `lost` where "loses" ends:
    an account that is better small is of slots that are lost, since nobody will write them, or nobody can get them.
    """

    name: str
    owner: str
    better: int
    segment: str
    look: Look
    meaning: str
    lost: str = ""


OTHERS: Literal["external_and_others"] = "external_and_others"

TABLE = (
    Account(
        "token_state",
        SEQUENCE,
        UP,
        "token_state",
        Look("token state", "#0072B2", "", "█"),
        "hold a token of a resident sequence",
    ),
    Account(
        "cached",
        CACHE,
        NEITHER,
        OTHERS,
        Look("cached", "#56B4E9", "..", "▓"),
        "hold tokens of a prefix that no resident sequence uses and the prefix cache keeps",
    ),
    Account(
        "reservation",
        SEQUENCE,
        NEITHER,
        "reservation",
        Look("reservation", "#009E73", "", "▒"),
        "are held, empty, and will be written by the sequence that holds them",
    ),
    Account(
        "over_reservation",
        SEQUENCE,
        DOWN,
        "internal",
        Look("over-reservation", "#D55E00", "", "░"),
        "were reserved beyond `f`: never written. The paper's internal fragmentation",
        "to reservations that are never written",
    ),
    Account(
        "tail",
        SEQUENCE,
        DOWN,
        "internal",
        Look("tail", "#E69F00", "\\\\\\", "t"),
        "are the rest of a sequence's last page, never written",
        "to the ends of last pages that are never written",
    ),
    Account(
        "rounding",
        SEQUENCE,
        DOWN,
        OTHERS,
        Look("rounding", "#CC79A7", "///", "r"),
        "were added by the placement to what was asked for: buddy blocks are powers of two",
        "to what placement rounds up",
    ),
    Account(
        "padding",
        SEQUENCE,
        DOWN,
        OTHERS,
        Look("padding", "#882255", "xx", "p"),
        "pad groups of layers (always 0 in this release)",
        "to padding",
    ),
    Account(
        "external",
        FREE,
        DOWN,
        OTHERS,
        Look("external", "#F0E442", "xxx", "x"),
        "are free while a request waits that needs no more than are free, but cannot be placed. "
        "Under a paged policy always 0",
        "to free memory in which a waiting request cannot be placed",
    ),
    Account(
        "short",
        FREE,
        NEITHER,
        OTHERS,
        Look("short", "#8C8C8C", "", "-"),
        "are free while a request waits that needs more: memory is full",
    ),
    Account(
        "withheld",
        FREE,
        NEITHER,
        OTHERS,
        Look("withheld", "#B8B8B8", "||", "w"),
        "are free while a request waits that would fit, but a rule holds it back",
    ),
    Account(
        "idle",
        FREE,
        NEITHER,
        OTHERS,
        Look("idle", "#E6E6E6", "", "·"),
        "are free, and nobody waits",
    ),
    Account(
        "metadata",
        NOBODY,
        DOWN,
        OTHERS,
        Look("metadata", "#404040", "", "m"),
        "nobody can ever get: the null page, the remainder below one page",
        "to slots that no request can ever get",
    ),
)

ACCOUNTS = tuple(account.name for account in TABLE)
LOST = tuple(account.name for account in TABLE if account.better == DOWN)


def owned_by(*owners: str) -> tuple[str, ...]:
    """The names of the accounts whose slots these have."""
    return tuple(account.name for account in TABLE if account.owner in owners)


def in_segment(segment: str) -> tuple[str, ...]:
    """The names of the accounts that the paper's view has in one segment."""
    return tuple(account.name for account in TABLE if account.segment == segment)


def paper_view(accounts: Mapping[str, Statistics]) -> PaperView:
    """Mean shares of the arena as the segments of PagedAttention's Fig. 2, which sum to 1; None without steps.

    The paper books what buddy placement rounds up as external.
    """
    means = {name: accounts[name]["mean"] for name in ACCOUNTS}
    if None in means.values():
        return {"token_state": None, "reservation": None, "internal": None, "external_and_others": None}
    token_state, reservation, internal = (
        sum(means[name] or 0.0 for name in in_segment(segment))
        for segment in ("token_state", "reservation", "internal")
    )
    others = 1.0 - token_state - reservation - internal
    return {"token_state": token_state, "reservation": reservation, "internal": internal, OTHERS: others}
