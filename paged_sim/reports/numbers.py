"""How numbers are written: one place for digits, units and the spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paged_sim.result import value_at

MISSING = "-"
NO_STEP = "no step"
"""What stands in place of a bar of shares over no steps."""
_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1))


def percent(share: float | None, digits: int = 1) -> str:
    """A share 0..1 as a percentage."""
    return MISSING if share is None else f"{100 * share:.{digits}f}%"


def count(value: float | None) -> str:
    """A whole number with thousands separated."""
    return MISSING if value is None else f"{round(value):,}"


def mean(value: float | None) -> str:
    """A mean of counts, two decimals."""
    return MISSING if value is None else f"{value:,.2f}"


def byte_unit(num_bytes: float) -> tuple[str, int]:
    """The largest unit of which `num_bytes` is at least one (to two decimals), as (name, bytes)."""
    return next((unit for unit in _UNITS if round(abs(num_bytes) / unit[1], 2) >= 1), _UNITS[-1])


def amount(num_bytes: float | None) -> str:
    """Bytes in the unit that suits them: 12 GiB, 6.83 GiB, 800 KiB, 17 B."""
    if num_bytes is None:
        return MISSING
    name, size = byte_unit(num_bytes)
    return f"{num_bytes / size:,.2f}".removesuffix(".00") + f" {name}"


def duration(value: float | None, unit: str) -> str:
    """A time in seconds ("s") in the unit that suits it, or a number of steps ("steps")."""
    if value is None:
        return MISSING
    if unit != "s":
        number = f"{value:,.0f}" if value >= 100 else f"{value:.1f}".removesuffix(".0")
        return f"{number} {unit.removesuffix('s') if number == '1' else unit}"
    if value >= 100 or value == 0:
        return f"{value:,.0f} s"
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def seconds(value: float | None) -> str:
    """A time in seconds (or steps) for a column of them: three digits, but no fewer than the whole number has."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.3g}"


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign; what rounds to zero has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def spread_of(summary: Mapping[str, Any], path: str) -> float | None:
    """The sample standard deviation over the seeds of the number at `path`, None for one seed."""
    spreads: Mapping[str, float] = summary.get("spread") or {}
    return spreads.get(path)


def with_spread(text: str, spread: str | None) -> str:
    """`mean ± spread`, or the mean alone."""
    return text if spread is None or text == MISSING else f"{text} ±{spread}"


def percent_spread(summary: Mapping[str, Any], path: str, share: float | None) -> str:
    """A share with the spread of `path`."""
    spread = spread_of(summary, path)
    return with_spread(percent(share), None if spread is None else f"{100 * spread:.1f}")


def mean_spread(summary: Mapping[str, Any], path: str, value: float | None) -> str:
    """A mean with the spread of `path`."""
    spread = spread_of(summary, path)
    return with_spread(mean(value), None if spread is None else f"{spread:.2f}")


def flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted paths, in the order of the document; lists of plain values joined by spaces."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{path}."))
        elif not isinstance(value, list):
            flat[path] = value
        elif not any(isinstance(item, Mapping | list) for item in value):
            flat[path] = " ".join(str(item) for item in value)
    return flat


def seconds_spread(summary: Mapping[str, Any], path: str) -> str:
    """The time at `path` with its spread."""
    spread = spread_of(summary, path)
    short = None if spread is None else f"{spread:,.0f}" if spread >= 9.95 else f"{spread:.2g}"
    return with_spread(seconds(value_at(summary, path)), short)
