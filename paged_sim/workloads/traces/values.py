"""Values of a trace file: whole tokens and times, checked one by one. The caller puts the place before the message."""

from __future__ import annotations

import math

from paged_sim.errors import PagedSimError
from paged_sim.wording import shown
from paged_sim.workloads.limits import MOST_TOKENS
from paged_sim.workloads.traces.sources import MISSING

LATEST_SECONDS = 1e10
"""Three centuries: a later time is a mistake of units."""

REMEDY = "correct the row or remove it"
TEXT_REMEDY = (
    "give the model's tokenizer.json (tokenizer), or take the counts that a server logs (usage.prompt_tokens, "
    "usage.completion_tokens)"
)


def token_count(value: object) -> int:
    """`value` as a whole number of tokens from 0 to `MOST_TOKENS`; 12.0 counts as whole.

    Raises:
        PagedSimError: it is none; the message lacks the place.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is MISSING:
        raise PagedSimError(f"missing; {REMEDY}")
    if is_prose(value):
        raise PagedSimError(f"{shown(value)} is text, not a number of tokens; {TEXT_REMEDY}")
    if not isinstance(value, int) or isinstance(value, bool):
        raise PagedSimError(f"{shown(value)} is not a whole number; {REMEDY}")
    if value < 0:
        raise PagedSimError(f"{shown(value)} is negative; {REMEDY}")
    if value > MOST_TOKENS:
        raise PagedSimError(f"{shown(value)} is more than {MOST_TOKENS:,} tokens; {REMEDY}")
    return value


def time_in(value: object, per_second: float) -> int | float:
    """`value` as a time of `per_second` units a second, in its own units, from 0 to `LATEST_SECONDS`.

    Raises:
        PagedSimError: it is none; the message lacks the place.
    """
    if value is MISSING:
        raise PagedSimError(f"missing; {REMEDY}")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise PagedSimError(f"{shown(value)} is not a number; {REMEDY}")
    if isinstance(value, float) and not math.isfinite(value):
        raise PagedSimError(f"{value} is not a finite time; {REMEDY}")
    if value < 0:
        raise PagedSimError(f"{shown(value)} is negative; times count from the start; {REMEDY}")
    if value > LATEST_SECONDS * per_second:
        raise PagedSimError(f"{shown(value)} is more than three centuries; {REMEDY}")
    return value


def is_number(cell: str) -> bool:
    """Whether a cell of a first line is data: a column may well be called Infinity or nan."""
    number = number_in(cell)
    return isinstance(number, int | float) and math.isfinite(number)


def number_in(text: str) -> object:
    """The number that a cell of a table holds, or the text itself where it holds none."""
    if "_" in text:
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def is_prose(value: object) -> bool:
    """Whether a value is words where a number should be: a prompt itself, or a list of messages."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict)
    return isinstance(value, str) and len(value.split()) > 2 and any(letter.isalpha() for letter in value)
