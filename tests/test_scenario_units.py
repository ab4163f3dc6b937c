"""Numbers with units: exact values, and what is refused."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.scenario.units import DURATION, INTEGER, NUMBER, RATE, SIZE, Unit


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        (SIZE, "12GiB", 12 * 2**30),
        (SIZE, "12 GiB", 12 * 2**30),
        (SIZE, "800KiB", 819200),
        (SIZE, "1GB", 10**9),
        (SIZE, "0.5KiB", 512),
        (SIZE, "819200", 819200),
        (SIZE, "7B", 7),
        (SIZE, "1.5e3", 1500),
        (DURATION, "0.29ms", 0.00029),
        (DURATION, "100us", 0.0001),
        (DURATION, "250ns", 2.5e-7),
        (DURATION, "1min", 60.0),
        (DURATION, "1.5h", 5400.0),
        (DURATION, "0", 0.0),
        (RATE, "2/s", 2.0),
        (RATE, "30/min", 0.5),
        (RATE, "36 / h", 0.01),
        (RATE, "1/ms", 1000.0),
        (INTEGER, "1e6", 1_000_000),
        (INTEGER, "1_000_000", 1_000_000),
        (INTEGER, "4.0", 4),
        (INTEGER, "-3", -3),
        (INTEGER, "0", 0),
        (NUMBER, ".5", 0.5),
        (NUMBER, "0.9", 0.9),
        (NUMBER, "1e-3", 0.001),
    ],
)
def test_value_in_the_base_unit(unit: Unit, text: str, value: float) -> None:
    parsed = unit.parse(text)
    assert parsed == value
    assert isinstance(parsed, int) == unit.whole


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (SIZE, "12gb"),
        (SIZE, "12G"),
        (SIZE, "1.5B"),
        (SIZE, ""),
        (SIZE, "GiB"),
        (DURATION, "5"),
        (DURATION, "5 seconds"),
        (RATE, "2"),
        (RATE, "2s"),
        (INTEGER, "1.5"),
        (INTEGER, "1:30"),
        (INTEGER, "08"),
        (INTEGER, "1e99"),
        (INTEGER, "٣"),
        (NUMBER, "nan"),
        (NUMBER, ".inf"),
        (NUMBER, "1e300"),
    ],
)
def test_refused(unit: Unit, text: str) -> None:
    with pytest.raises(ValueError, match=r"write|leave it out"):
        unit.parse(text)


@given(st.integers(0, 2**40), st.sampled_from(["B", "KiB", "MiB", "KB", "MB"]))
def test_sizes_are_exact(count: int, suffix: str) -> None:
    assert SIZE.parse(f"{count}{suffix}") == count * SIZE.factors[suffix]
    assert re.match(SIZE.pattern, f"{count}{suffix}")


@given(st.decimals(0, 10**6, places=4), st.sampled_from(["ns", "us", "ms", "s", "min", "h"]))
def test_durations_round_once(number: object, suffix: str) -> None:
    assert DURATION.parse(f"{number}{suffix}") == float(Fraction(str(number)) * DURATION.factors[suffix])
