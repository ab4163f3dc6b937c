"""What a check expects of a number: at least, at most, or within a tolerance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
EXPRESSION_PATTERN = rf"^\s*(?:(?:>=|<=)\s*{_NUMBER}|{_NUMBER}(?:\s*\+-\s*{_NUMBER})?)\s*$"
_BOUND = re.compile(rf"(>=|<=)\s*({_NUMBER})")
_WITHIN = re.compile(rf"({_NUMBER})(?:\s*\+-\s*({_NUMBER}))?")


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`>= bound`."""

    bound: float

    def met_by(self, value: float) -> bool:
        return value >= self.bound


@dataclass(frozen=True, slots=True)
class AtMost:
    """`<= bound`."""

    bound: float

    def met_by(self, value: float) -> bool:
        return value <= self.bound


@dataclass(frozen=True, slots=True)
class Within:
    """`target +- tolerance`, both ends included; a number alone has no tolerance.

    Compared in decimal, digit by digit as printed, so that 0.224 is within 0.204 +- 0.02.
    """

    target: float
    tolerance: float = 0.0

    def met_by(self, value: float) -> bool:
        off = Decimal(repr(value)) - Decimal(repr(self.target))
        return abs(off) <= Decimal(repr(self.tolerance))


Expectation = AtLeast | AtMost | Within


def parse_expression(text: str) -> Expectation:
    """The expectation that `text` states: ">= x", "<= x", "x +- y" or "x" for exactly x.

    Raises ValueError with one line that says what to write.
    """
    stripped = text.strip()
    if bound := _BOUND.fullmatch(stripped):
        return (AtLeast if bound.group(1) == ">=" else AtMost)(float(bound.group(2)))
    if within := _WITHIN.fullmatch(stripped):
        tolerance = float(within.group(2) or 0)
        if tolerance < 0:
            raise ValueError(f"the tolerance in {text!r} is negative; write it without a sign")
        return Within(float(within.group(1)), tolerance)
    shown = text if len(text) <= 60 else text[:57] + "..."
    raise ValueError(f'{shown!r} is no expectation; write ">= 0.95", "<= 3" or "0.204 +- 0.02"')
