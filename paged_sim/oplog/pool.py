"""Replaying operations: the reference count of every block, from which follows what was in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from paged_sim.oplog.digest import Digester
from paged_sim.oplog.levels import Levels
from paged_sim.oplog.occupancy import Contradiction, Contradictions, Replay
from paged_sim.oplog.records import KINDS, LogLine, read_log

_NOTE = (
    "An operation log does not say which blocks carry a hash: cached counts the idle blocks that a hit has touched "
    "since they were allocated, evicted those of them that were allocated again; both are lower bounds."
)


def replay_operations(path: Path, lines: Iterable[tuple[int, bytes]]) -> Replay:
    """Replay the numbered lines of an operation log, of which there is at least one.

    A gives a block one reference, T one more, F takes one back. A step is read after its last allocation or touch,
    before what is freed behind it; steps without a line keep what the one before left. Peaks are those of any moment.

    Raises:
        PagedSimError: as `read_log`.
    """
    pool = _Pool()
    digester = Digester()
    in_use, cached = Levels(), Levels()
    origin = step = -1
    reading = highest = (0, 0)
    for line in read_log(path, lines):
        digester.add(line.compact)
        if line.step != step:
            left = pool.in_use, pool.cached
            if step < 0:
                origin = line.step
            else:
                _book(in_use, step - origin, line.step - origin, highest[0], reading[0], left[0])
                _book(cached, step - origin, line.step - origin, highest[1], reading[1], left[1])
            step = line.step
            reading = highest = left
        pool.apply(line)
        if line.kind != "F":
            reading = pool.in_use, pool.cached
        highest = (max(highest[0], pool.in_use), max(highest[1], pool.cached))
    length = step - origin + 1
    _book(in_use, length - 1, length, highest[0], reading[0], pool.in_use)
    _book(cached, length - 1, length, highest[1], reading[1], pool.cached)
    counts = {"lines": digester.operations, **{name: pool.counts[name] for name in (*KINDS.values(), "evicted")}}
    notes = (_NOTE,) if pool.counts["touched"] else ()
    return Replay(
        path, "operations", "step", origin, length, counts, in_use, cached, pool.wrong, digester.digest(), notes
    )


def _book(levels: Levels, step: int, following: int, highest: int, reading: int, left: int) -> None:
    """Enter one step, and what it `left` up to the `following` one with a line."""
    levels.hold(step, step + 1, reading, highest)
    levels.hold(step + 1, following, left, left)


class _Pool:
    """Blocks and their references.

    `in_use` counts the blocks that somebody holds, `cached` the idle ones among `hashed`: those that a hit has touched
    since they were allocated.
    """

    def __init__(self) -> None:
        self.in_use = 0
        self.cached = 0
        self.counts: Counter[str] = Counter()
        self.wrong = Contradictions()
        self._references: dict[int, int] = {}
        self._hashed: set[int] = set()

    def apply(self, line: LogLine) -> None:
        """Carry out one operation; what contradicts the log so far is noted, and the log believed from then on."""
        kind, blocks = line.kind, line.blocks
        self.counts[KINDS[kind]] += len(blocks)
        change = {"A": self._allocate, "T": self._touch, "F": self._free}[kind]
        for block in blocks:
            if what := change(block, self._references.get(block)):
                self.wrong.add(Contradiction(line.number, line.step, block, what))

    def _allocate(self, block: int, references: int | None) -> str:
        self._references[block] = 1
        if references:
            return f"is allocated while it is held ({references} reference{'s' if references > 1 else ''})"
        self.in_use += 1
        if block in self._hashed:
            self._hashed.discard(block)
            self.cached -= 1
            self.counts["evicted"] += 1
        return ""

    def _touch(self, block: int, references: int | None) -> str:
        self._references[block] = (references or 0) + 1
        if not references:
            self.in_use += 1
            self.cached -= block in self._hashed
        self._hashed.add(block)
        return "is touched, but was never allocated" if references is None else ""

    def _free(self, block: int, references: int | None) -> str:
        if not references:
            return "is freed while nobody holds it" if references == 0 else "is freed, but was never allocated"
        self._references[block] = references - 1
        if references == 1:
            self.in_use -= 1
            self.cached += block in self._hashed
        return ""
