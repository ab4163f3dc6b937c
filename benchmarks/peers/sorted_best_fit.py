"""Best fit in plain Python: free extents in a sorted list, as one would write it with `sortedcontainers`."""

from __future__ import annotations

from typing import Any


class SortedBestFit:
    """The free extents of an arena, by (length, start) and by both of their ends."""

    def __init__(self, capacity: int, sorted_list: Any) -> None:
        """`sorted_list` is the class `sortedcontainers.SortedList`, which may not be installed."""
        self.by_size = sorted_list([(capacity, 0)])
        self.length_at: dict[int, int] = {0: capacity}
        self.start_before: dict[int, int] = {capacity: 0}

    def take(self, length: int) -> int:
        """Take the front of the shortest extent that is long enough; its start, or -1."""
        place = self.by_size.bisect_left((length, 0))
        if place == len(self.by_size):
            return -1
        found: int
        start: int
        found, start = self.by_size[place]
        self._drop(start)
        if found > length:
            self._add(start + length, found - length)
        return start

    def give_back(self, start: int, length: int) -> None:
        """Free an extent and merge it with its free neighbours."""
        if start + length in self.length_at:
            length += self._drop(start + length)
        if start in self.start_before:
            start = self.start_before[start]
            length += self._drop(start)
        self._add(start, length)

    def _add(self, start: int, length: int) -> None:
        self.by_size.add((length, start))
        self.length_at[start] = length
        self.start_before[start + length] = start

    def _drop(self, start: int) -> int:
        length: int = self.length_at.pop(start)
        del self.start_before[start + length]
        self.by_size.remove((length, start))
        return length
