"""What is true of a value beyond its type: each rule is given a value of it and says what is wrong, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_PAYLOAD = re.compile("none|tag|full|[1-9][0-9]{0,8}")
_NEEDED_IN_A_ROW = ("step", "batch", "waiting")


def above_zero(value: float) -> str:
    """For a size."""
    return "" if value > 0 else f"a number above 0 was expected, not {value}"


def not_empty(value: Sequence[Any]) -> str:
    """For a list of which at least the first element is read."""
    return "" if value else "it is empty"


def named_differently(value: Sequence[Mapping[str, Any]]) -> str:
    """For things that go by their names."""
    names = [each["name"] for each in value]
    twice = [name for name in names if names.count(name) > 1]
    return f"two are called {twice[0]}" if twice else ""


def payload(value: str) -> str:
    """For what is written in each slot."""
    return "" if _PAYLOAD.fullmatch(value) else f"none, tag, full or a number of bytes was expected, not {value!r:.40}"


def row_of_the_ledger(row: Mapping[str, float]) -> str:
    """For the ledger at one step: an account that is not there is empty."""
    missing = [name for name in _NEEDED_IN_A_ROW if name not in row]
    return f"{missing[0]} is missing" if missing else ""


def accounts_of_an_arena(accounts: Mapping[str, Mapping[str, float | None]]) -> str:
    """For the accounts of one side: every slot is in one of them, where there was a step.

    An account that is not there is empty, as those are in older files that came later.
    """
    means = [statistics["mean"] for statistics in accounts.values()]
    known = [mean for mean in means if mean is not None]
    if not means:
        return "it has no accounts"
    if known and abs(sum(known) - 1) > 1e-6:
        return f"the means of the accounts sum to {sum(known):.6g}, not to 1: one is missing or wrong"
    return ""
