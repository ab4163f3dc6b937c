"""How each account of the ledger looks: one colour, one hatch and one character, in text and in plots alike.

The colours extend the Okabe-Ito set, which stays apart for the common kinds of colour blindness; hatches and characters
carry the same distinction where there is no colour. Free memory is grey, lost memory is warm, used memory is blue.
"""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """One account: its label in sentences, its colour, its hatch (plots) and its character (text bars)."""

    label: str
    colour: str
    hatch: str
    glyph: str


LOOKS: dict[str, Look] = {
    "token_state": Look("token state", "#0072B2", "", "█"),
    "cached": Look("cached", "#56B4E9", "..", "▓"),
    "reservation": Look("reservation", "#009E73", "", "▒"),
    "over_reservation": Look("over-reservation", "#D55E00", "", "░"),
    "tail": Look("tail", "#E69F00", "\\\\\\", "t"),
    "rounding": Look("rounding", "#CC79A7", "///", "r"),
    "padding": Look("padding", "#882255", "xx", "p"),
    "external": Look("external", "#F0E442", "xxx", "x"),
    "short": Look("short", "#8C8C8C", "", "-"),
    "withheld": Look("withheld", "#B8B8B8", "||", "w"),
    "idle": Look("idle", "#E6E6E6", "", "·"),
    "metadata": Look("metadata", "#404040", "", "m"),
}

POLICY_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#404040", "#882255")
POLICY_DASHES = ("-", "--", "-.", ":")

ASCII = str.maketrans({"█": "#", "▓": "%", "▒": "=", "░": ":", "·": ".", "─": "-", "━": "=", "±": "~", "…": "."})
"""For streams that cannot show the characters above."""
