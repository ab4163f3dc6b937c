"""Numbers as a scenario writes them, plain or with a unit (12GiB, 5ms, 2/s), read exactly into base units."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from paged_sim.wording import show

LARGEST = 2**63 - 1
_LONGEST = 200
"""Characters of a number; more digits than that say nothing, and take long to read."""

_NUMBER = r"[+-]?(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
_WRITTEN = re.compile(rf"({_NUMBER})(.*)", re.DOTALL)
_OCTAL = re.compile(r"[+-]?0[0-9_]")


@dataclass(frozen=True, slots=True)
class Unit:
    """A kind of number: its suffixes and their factors to the base unit.

    `factors[""]` is there where a number may stand without a suffix; a bare zero is read where `bare_zero` says so.
    `whole` numbers are read as int, others as float; with `rounds_down` a fraction of the base unit that a suffix
    leaves over is dropped (5.16GiB is what a log prints of a size). `accepts` completes "write ..." in a message.
    """

    name: str
    accepts: str
    factors: Mapping[str, Fraction]
    whole: bool = False
    bare_zero: bool = False
    rounds_down: bool = False

    def parse(self, text: str) -> int | float:
        """The value of `text` in the base unit; ValueError (a message without the place) when it is none."""
        written = _WRITTEN.fullmatch(text.strip())
        if len(text) > _LONGEST:
            raise ValueError(f"{show(text)} has {len(text):,} characters; write a shorter number")
        if written is None:
            raise ValueError(f"{show(text)} is not {self.name}; write {self.accepts}")
        digits, suffix = written.group(1).replace("_", ""), written.group(2).replace(" ", "")
        if _OCTAL.match(digits):
            raise ValueError(f"{show(text)} begins with a zero, which some readers take for octal; leave it out")
        number = Fraction(digits)
        value = number * self._factor(text, suffix, number)
        if abs(value) > LARGEST:
            raise ValueError(f"{show(text)} is too large; write a smaller number")
        if not self.whole:
            return float(value)
        if self.rounds_down and suffix not in ("", "B"):
            return math.floor(value)
        if value.denominator != 1:
            of_bytes = " of bytes" if suffix == "B" else ""
            raise ValueError(f"{show(text)} is no whole number{of_bytes}; write {self.accepts}")
        return int(value)

    def _factor(self, text: str, suffix: str, number: Fraction) -> Fraction:
        if suffix in self.factors:
            return self.factors[suffix]
        if not suffix and not number and self.bare_zero:
            return Fraction(1)
        if not suffix:
            raise ValueError(f"{show(text)} has no unit; write {self.accepts}")
        alike = [known for known in self.factors if known and known.lower() == suffix.lower()]
        hint = f"did you mean {text.strip()[: -len(suffix)]}{alike[0]}? " if alike and text.endswith(suffix) else ""
        raise ValueError(f"{show(text)} is not {self.name}; {hint}write {self.accepts}")

    @property
    def plain(self) -> bool:
        """Whether a value is a number first of all, whose suffixes only abbreviate: no quotes around it then."""
        return "" in self.factors and "B" not in self.factors

    @property
    def pattern(self) -> str:
        """A regular expression of the values as text, with a suffix and, where it may be left out, without."""
        suffixes = "|".join(suffix.replace("/", r"/\s*") for suffix in self.factors if suffix)
        optional = "?" if "" in self.factors else ""
        return rf"^\s*{_NUMBER}\s*(?:{suffixes}){optional}\s*$" if suffixes else rf"^{_NUMBER}$"


_SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
}
_BYTES = {"": Fraction(1), "B": Fraction(1)}
for _power, _letter in enumerate("KMGT", start=1):
    _BYTES[f"{_letter}B"] = Fraction(1000**_power)
    _BYTES[f"{_letter}iB"] = Fraction(1024**_power)

# As vLLM reads them: small letters are powers of 1000, capitals of 1024.
_COUNTS = {"": Fraction(1)}
for _power, _letter in enumerate("kmgt", start=1):
    _COUNTS[_letter] = Fraction(1000**_power)
    _COUNTS[_letter.upper()] = Fraction(1024**_power)

INTEGER = Unit("an integer", "an integer such as 16 or 1_000_000", _COUNTS, whole=True)
NUMBER = Unit("a number", "a number such as 0.9", {"": Fraction(1)})
SHARE = Unit("a number", "a number such as 0.9, or 90%", {"": Fraction(1), "%": Fraction(1, 100)})
SIZE = Unit(
    "a size",
    "bytes as a number, or a number with B, KiB, MiB, GiB, TiB (powers of 1024) or KB, MB, GB, TB (powers of 1000), "
    "such as 12GiB",
    _BYTES,
    whole=True,
    rounds_down=True,
)
DURATION = Unit("a duration", "a number with ns, us, ms, s, min or h, such as 5ms", _SECONDS, bare_zero=True)
RATE = Unit(
    "a rate",
    "a number per s, min or h, such as 2/s",
    {f"/{name}": 1 / seconds for name, seconds in _SECONDS.items()},
)
