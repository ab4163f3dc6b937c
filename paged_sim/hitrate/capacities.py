"""Capacities as users write them: numbers of blocks, or shares of the blocks that a trace has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from paged_sim.errors import PagedSimError
from paged_sim.wording import show

DEFAULT_CAPACITIES = "1%,2%,5%,10%,20%,30%,50%,75%"
MOST_BLOCKS = 10**15

_FACTORS = {"": 1, "k": 10**3, "M": 10**6}
_REMEDY = "give blocks (500, 10k, 2M) or a share of the trace's blocks (10%, 0.1), separated by commas"


@dataclass(frozen=True, slots=True)
class Capacity:
    """How large a cache is: `blocks`, or, where that is None, `share` of the blocks of a trace.

    Both None: without end. `label` is how reports call it.
    """

    label: str
    blocks: int | None = None
    share: Fraction | None = None

    def of(self, num_blocks: int) -> int:
        """Blocks in the cache for a trace of `num_blocks` blocks (at least 1): 1 to `num_blocks`.

        A share is rounded to whole blocks, halves up. More than the trace has would make no difference.
        """
        wanted = num_blocks
        if self.blocks is not None:
            wanted = self.blocks
        elif self.share is not None:
            wanted = int(self.share * num_blocks + Fraction(1, 2))
        return min(max(wanted, 1), num_blocks)


INFINITE = Capacity("infinite")


def parse_capacities(text: str) -> tuple[Capacity, ...]:
    """Capacities from a list such as "1k,10%,0.5", in its order and each once; an infinite one at the end.

    Raises:
        PagedSimError: an entry is no capacity.
    """
    capacities = [_capacity(entry.strip()) for entry in text.split(",")]
    return tuple(dict.fromkeys([*(one for one in capacities if one != INFINITE), INFINITE]))


def _capacity(text: str) -> Capacity:
    if text in ("inf", INFINITE.label):
        return INFINITE
    parts = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*(k|M|%|)", text)
    if parts is None:
        raise PagedSimError(f"--capacity: {show(text)} is no capacity; {_REMEDY}")
    number, unit = Fraction(parts[1]), parts[2]
    if number == 0:
        raise PagedSimError(f"--capacity: {show(text)} is no room at all; {_REMEDY}")
    if unit == "%":
        return Capacity(f"{_plain(number)}%", share=number / 100)
    if not unit and "." in parts[1]:
        if number > 1:
            raise PagedSimError(f"--capacity: {show(text)} is neither whole blocks nor a share up to 1; {_REMEDY}")
        return Capacity(f"{_plain(100 * number)}%", share=number)
    blocks = number * _FACTORS[unit]
    if blocks.denominator != 1 or blocks > MOST_BLOCKS:
        raise PagedSimError(f"--capacity: {show(text)} is no whole number of blocks up to 10^15; {_REMEDY}")
    return Capacity(f"{int(blocks):,}", blocks=int(blocks))


def _plain(number: Fraction) -> str:
    """A decimal number without trailing zeros; it has at most 17 decimals."""
    return f"{float(number):.12g}"
