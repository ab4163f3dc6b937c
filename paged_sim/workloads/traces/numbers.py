"""Columns of a block as arrays: whole columns at once, and one by one only to name the value that is at fault."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from paged_sim.errors import PagedSimError
from paged_sim.requests import Floats, Ints
from paged_sim.wording import shown
from paged_sim.workloads.limits import MOST_TOKENS
from paged_sim.workloads.traces.sources import MISSING, Block
from paged_sim.workloads.traces.text import TokenCounter
from paged_sim.workloads.traces.values import LATEST_SECONDS, REMEDY, number_in, time_in, token_count

DATE = "date"
"""The unit of times that are written as dates: they are read as nanoseconds since 1970."""

SINCE_2001 = 978_307_200
"""Seconds from 1970 to 2001: a larger time is likely to count from 1970."""

_SINCE_1970 = {"ns": 1e17, "us": 1e14, "ms": 1e11}
"""Times from here on count in this unit, if they count since 1970: seconds are below, until the year 5138."""

# Nanoseconds since 1970 fit 64 bits in these years only; NumPy wraps silently beyond.
_DATE = re.compile(
    r"((?:19[7-9]\d|20\d\d|21\d\d)[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?) ?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII
)
_LIMIT_DIGITS = len(str(MOST_TOKENS))
_Value = TypeVar("_Value")


def token_column(block: Block, name: str, counter: TokenCounter | None = None) -> Ints:
    """A column of whole token counts, or of text whose tokens the `counter` counts.

    Raises:
        PagedSimError: a value is none; the message says where.
    """
    values = block.column(name)
    if block.cells_are_text:
        joined = "".join(values)
        # Digits alone, none empty, none long enough to pass the limit: the usual file, converted at once.
        if joined.isascii() and joined.isdigit() and 0 < min(map(len, values)) <= max(map(len, values)) < _LIMIT_DIGITS:
            return np.array(list(map(int, values)), dtype=np.int64)
    elif set(map(type, values)) == {int} and min(values) >= 0 and max(values) <= MOST_TOKENS:
        return np.array(values, dtype=np.int64)
    convert = token_count if counter is None else lambda value: token_count(counter(value))
    return np.array(_one_by_one(block, name, convert), dtype=np.int64)


def optional_counts(block: Block, name: str, absent: int) -> Ints:
    """A column of whole numbers from 0, `absent` where a row has none. Raises as `token_column`."""
    count = _one_by_one(block, name, lambda value: absent if is_absent(value) else token_count(value))
    return np.array(count, dtype=np.int64)


def optional_seconds(block: Block, name: str, per_second: float) -> Floats:
    """A column of durations in seconds, nan where a row has none. Raises as `token_column`."""
    times = _one_by_one(block, name, lambda value: math.nan if is_absent(value) else time_in(value, per_second))
    return np.array(times, dtype=np.float64) / per_second


def holds_dates(block: Block, name: str) -> bool:
    """Whether the first time of a column is written as a date and time."""
    first = next((value for value in block.column(name) if not is_absent(value)), None)
    return isinstance(first, str) and bool(re.match(r"\s*\d{4}[-/]", first))


def unit_since_1970(block: Block, name: str) -> str | None:
    """The unit in which the first time of a column counts since 1970; None where it may be in seconds, or is none."""
    first = next((value for value in block.column(name) if not is_absent(value)), None)
    number = number_in(first) if block.cells_are_text and first is not None else first
    if not isinstance(number, int | float):
        return None
    return next((unit for unit, least in _SINCE_1970.items() if number >= least), None)


def time_column(block: Block, name: str, per_second: float, present: npt.NDArray[np.bool_]) -> Ints | Floats:
    """A column of times, in units of which a second has `per_second`, the units as they are; 0 where not `present`."""
    values = block.column(name)
    times = _whole_times(values, per_second) if present.all() else None
    if times is not None:
        return times
    kept = iter(present.tolist())
    converted = _one_by_one(block, name, lambda value: time_in(value, per_second) if next(kept) else 0)
    return _array(converted)


def date_column(block: Block, name: str, present: npt.NDArray[np.bool_]) -> Ints:
    """A column of dates as nanoseconds since 1970, such as `2023-11-16 18:17:03.97996`; in UTC if no zone is named."""
    values = block.column(name)
    matches = [_DATE.fullmatch(value) if isinstance(value, str) else None for value in values]
    if present.all() and all(matches) and {match[2] for match in matches if match} <= {None, "Z", "UTC", "+00:00"}:
        try:
            plain = [match[1].replace("/", "-") for match in matches if match]
            return np.array(plain, dtype="datetime64[ns]").astype(np.int64)
        except ValueError:  # a 13th month, a 25th hour
            pass
    kept = iter(present.tolist())
    return np.array(_one_by_one(block, name, lambda value: _date(value) if next(kept) else 0), dtype=np.int64)


def is_absent(value: object) -> bool:
    """Whether a row has nothing there."""
    return value is MISSING or value is None or (isinstance(value, str) and not value.strip())


def _whole_times(values: Sequence[Any], per_second: float) -> Ints | Floats | None:
    """All times at once, None where one of them is none."""
    kinds = set(map(type, values))
    try:
        if kinds == {str}:
            joined = "".join(values)
            if "_" in joined:
                return None
            values = list(map(int if joined.isdigit() and joined.isascii() else float, values))
        elif not kinds <= {int, float}:
            return None
        times = _array(values)
    except (ValueError, OverflowError):
        return None
    return times if np.all((times >= 0) & (times <= LATEST_SECONDS * per_second)) else None


def _array(times: Sequence[int | float]) -> Ints | Floats:
    """Times as whole numbers where all are."""
    if set(map(type, times)) <= {int}:
        return np.array(times, dtype=np.int64)
    return np.array(times, dtype=np.float64)


def _date(value: object) -> int:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match:
        try:
            instant = int(np.datetime64(match[1].replace("/", "-"), "ns").astype(np.int64))
        except ValueError:
            pass
        else:
            return instant - _offset(match[2])
    raise PagedSimError(f"{shown(value)} is not a date and time such as '2023-11-16 18:17:03.97'; {REMEDY}")


def _offset(zone: str | None) -> int:
    """How far a zone is ahead of UTC, in nanoseconds."""
    if zone is None or not zone.startswith(("+", "-")):
        return 0
    digits = zone[1:].replace(":", "")
    minutes = 60 * int(digits[:2]) + int(digits[2:])
    return (-minutes if zone[0] == "-" else minutes) * 60 * 10**9


def _one_by_one(block: Block, name: str, convert: Callable[[object], _Value]) -> list[_Value]:
    """Convert every value; the first bad one is an error with its place in front."""
    converted = []
    for row, value in enumerate(block.column(name)):
        try:
            converted.append(convert(number_in(value) if block.cells_are_text else value))
        except PagedSimError as error:
            raise PagedSimError(f"{block.place(row, name)}: {error}") from None
    return converted
