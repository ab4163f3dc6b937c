"""A number of blocks over steps or seconds, in memory that does not grow with the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

BINS = 512
"""Bins at most. An axis that outgrows them gets bins of twice the width, each made of two."""


class Level(NamedTuple):
    """A number of blocks over the whole log: its mean over the axis (None where that has no length), its highest value
    and where it was first reached, and its value at the end."""

    mean: float | None
    peak: int
    peak_at: float
    end: int


class Bin(NamedTuple):
    """One stretch of the axis; `mean` is None where nothing was held over any length of it."""

    begin: float
    end: float
    mean: float | None
    peak: int


@dataclass(slots=True)
class Levels:
    """Integral and peak of a number of blocks, in bins of equal width that begin at 0.

    Means are exact: a level that is held over parts of several bins adds to each its part.
    """

    width: float = 1.0
    peak: int = 0
    peak_at: float = 0.0
    last: int = 0
    _length: float = 0.0
    _areas: list[float] = field(default_factory=lambda: [0.0] * BINS)
    _weights: list[float] = field(default_factory=lambda: [0.0] * BINS)
    _peaks: list[int] = field(default_factory=lambda: [0] * BINS)

    def hold(self, begin: float, end: float, level: int, peak: int) -> None:
        """`level` blocks from `begin` to `end`, and `peak` for a moment at its begin.

        `begin` is where the last one ended. Over no length, it is a peak only.
        """
        self.last = level
        while end > BINS * self.width or begin >= BINS * self.width:
            self._widen()
        if peak > self.peak:
            self.peak, self.peak_at = peak, begin
        at = int(begin / self.width)
        if peak > self._peaks[at]:
            self._peaks[at] = peak
        while begin < end:
            edge = min(end, (at + 1) * self.width)
            self._areas[at] += level * (edge - begin)
            self._weights[at] += edge - begin
            if level > self._peaks[at]:
                self._peaks[at] = level
            begin, at = edge, at + 1
        self._length = end

    def _widen(self) -> None:
        half = [0.0] * (BINS // 2)
        self._areas = [a + b for a, b in zip(self._areas[::2], self._areas[1::2], strict=True)] + half
        self._weights = [a + b for a, b in zip(self._weights[::2], self._weights[1::2], strict=True)] + half
        self._peaks = [max(pair) for pair in zip(self._peaks[::2], self._peaks[1::2], strict=True)] + [0] * len(half)
        self.width *= 2

    def level(self) -> Level:
        """All of it in four numbers."""
        weight = sum(self._weights)
        return Level(sum(self._areas) / weight if weight else None, self.peak, self.peak_at, self.last)

    def bins(self, most: int = BINS) -> list[Bin]:
        """The axis from 0 to its end in at most `most` stretches of nearly equal length."""
        used = min(int(-(-self._length // self.width)) or 1, BINS)
        number = min(used, most)
        edges = [*(used * each // number for each in range(number)), BINS]
        return [self._bin(begin, end) for begin, end in pairwise(edges)]

    def _bin(self, begin: int, end: int) -> Bin:
        """Bins `begin` to `end` as one; the last of all reaches to the end, where there may be a peak of no length."""
        area, weight = sum(self._areas[begin:end]), sum(self._weights[begin:end])
        last = min(end * self.width, self._length)
        return Bin(begin * self.width, last, area / weight if weight else None, max(self._peaks[begin:end]))
