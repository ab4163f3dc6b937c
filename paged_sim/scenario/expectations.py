"""What a check expects of a number: a comparison with a limit that is given or comes from a baseline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

STATISTICS = ("mean", "peak", "p50", "p99")

_DIGITS = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
_NUMBER = rf"[+-]?{_DIGITS}"
_LIMIT = rf"(?:{_NUMBER}|baseline(?:\s*[*+-]\s*{_DIGITS})?)"
EXPRESSION_PATTERN = (
    rf"^\s*(?:(?:{'|'.join(STATISTICS)})\s+)?(?:(?:>=|<=|==|>|<)\s*{_LIMIT}|{_LIMIT}(?:\s*\+-\s*{_NUMBER})?)\s*$"
)
_PARTS = re.compile(
    rf"(?:(?P<statistic>{'|'.join(STATISTICS)})\s+)?(?P<comparison>>=|<=|==|>|<)?\s*"
    rf"(?:(?P<number>{_NUMBER})|baseline(?:\s*(?P<operator>[*+-])\s*(?P<operand>{_DIGITS}))?)"
    rf"(?:\s*\+-\s*(?P<tolerance>{_NUMBER}))?"
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One comparison: the number `statistic` of a path (None: the path itself) against a limit.

    The limit is `factor * baseline + offset`; `factor` is 0 where no baseline is named. `+-` means within `tolerance`
    of the limit, both ends included.
    """

    comparison: str
    offset: float
    factor: float = 0.0
    tolerance: float = 0.0
    statistic: str | None = None

    @property
    def needs_baseline(self) -> bool:
        """Whether the limit comes from a baseline."""
        return self.factor != 0

    def limit(self, baseline: float | None = None) -> Decimal:
        """The limit, computed in decimal from the digits as printed, so that 0.1 * 3 is 0.3."""
        if not self.needs_baseline:
            return _exact(self.offset)
        assert baseline is not None, "a limit that names the baseline needs one"
        return _exact(self.factor) * _exact(baseline) + _exact(self.offset)

    def met_by(self, value: float, spread: float = 0.0, baseline: float | None = None) -> bool:
        """Whether any number of the interval `value - spread` to `value + spread` is as expected.

        `==` asks for `value` itself: the same seeds give the same mean, to the last digit.
        """
        limit, middle, margin = self.limit(baseline), _exact(value), _exact(spread)
        if self.comparison == ">=":
            return middle + margin >= limit
        if self.comparison == "<=":
            return middle - margin <= limit
        if self.comparison == ">":
            return middle + margin > limit
        if self.comparison == "<":
            return middle - margin < limit
        if self.comparison == "==":
            return middle == limit
        return abs(middle - limit) <= _exact(self.tolerance) + margin


def parse_expression(text: str) -> Expectation:
    """The expectation that `text` states.

    A comparison (`>=`, `>`, `<=`, `<`, `==`) and a limit; a limit alone for exactly that; or `limit +- tolerance`. A
    limit is a number, `baseline`, or `baseline` times, plus or minus a number. In front may stand `mean`, `peak`, `p50`
    or `p99`. Raises ValueError with one line that says what to write.
    """
    parts = _PARTS.fullmatch(text.strip())
    if parts is None or (parts["comparison"] and parts["tolerance"]):
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise ValueError(
            f'{shown!r} is no expectation; write ">= 0.95", "p99 < 0.06", "0.204 +- 0.02" or "<= baseline * 1.02"'
        )
    tolerance = float(parts["tolerance"] or 0)
    if tolerance < 0:
        raise ValueError(f"the tolerance in {text!r} is negative; write it without a sign")
    comparison = parts["comparison"] or ("+-" if parts["tolerance"] else "==")
    offset, factor = _limit(parts)
    return Expectation(comparison, offset, factor, tolerance, parts["statistic"])


def _limit(parts: re.Match[str]) -> tuple[float, float]:
    """(offset, factor) of a limit."""
    if parts["number"]:
        return float(parts["number"]), 0.0
    operand = float(parts["operand"] or 0)
    if parts["operator"] == "*":
        return 0.0, operand
    return (-operand if parts["operator"] == "-" else operand), 1.0


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
