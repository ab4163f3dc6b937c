"""Replaying KV events: the blocks that a prefix cache holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from paged_sim.oplog.kv_events import CLEARED, Batch, BlockHash, Event, read_events
from paged_sim.oplog.levels import Levels
from paged_sim.oplog.occupancy import Contradiction, Contradictions, Replay
from paged_sim.oplog.trtllm_events import REMOVED

_GPU = "GPU"
_NOTE = "KV events tell what the prefix cache holds, not which blocks are in use."


def replay_events(path: Path, lines: Iterable[tuple[int, bytes]]) -> Replay:
    """Replay the numbered lines of KV events: `BlockStored` adds blocks to the cache, `BlockRemoved` takes them out.

    A hash that is stored twice counts as two blocks until both are removed, as vLLM does not merge equal blocks. Only
    blocks on the GPU count. Time is that of the batches, from the first on, those of all ranks in one order; where the
    first line has none, each line takes as long as any other.

    Raises:
        PagedSimError: as `read_events`.
    """
    cache = _Cache()
    batches = list(read_events(path, lines))
    timed = batches[0].time is not None
    if timed:
        batches = _in_time(batches)
    first = batches[0].time or 0.0
    now = 0.0
    cached = Levels(width=1 / 1024) if timed else Levels()
    for batch in batches:
        at = max(now, batch.time - first) if timed and batch.time is not None else now
        if timed and batch.time is not None:
            cache.counts["set back"] += batch.time - first < now
        cached.hold(now, at, cache.blocks, cache.blocks)
        now = at
        cache.apply(batch, now if timed else batch.number)
        following = now if timed else now + 1
        cached.hold(now, following, cache.blocks, cache.blocks)
        now = following
    counts = {name: cache.counts[name] for name in ("lines", "stored", "evicted", "cleared")}
    axis, origin = ("second", 0) if timed else ("line", 1)
    return Replay(path, "KV events", axis, origin, now, counts, None, cached, cache.wrong, None, cache.notes())


def _in_time(batches: list[Batch]) -> list[Batch]:
    """The batches of all ranks in order of time, those of one rank in the order in which they were recorded."""
    latest: dict[int, float] = {}
    times = []
    for batch in batches:
        before = latest.get(batch.rank, -math.inf)
        latest[batch.rank] = before if batch.time is None else max(before, batch.time)
        times.append(latest[batch.rank])
    order = sorted(range(len(batches)), key=times.__getitem__)
    return [batches[index] for index in order]


class _Cache:
    """The cached blocks of every data-parallel rank, by layer group and hash."""

    def __init__(self) -> None:
        self.blocks = 0
        self.counts: Counter[str] = Counter()
        self.wrong = Contradictions()
        self._stores: dict[int, Counter[tuple[int | None, BlockHash]]] = {}
        self._elsewhere: Counter[str] = Counter()

    def apply(self, batch: Batch, at: float) -> None:
        """Carry out the events of one line."""
        self.counts["lines"] += 1
        store = self._stores.setdefault(batch.rank, Counter())
        for event in batch.events:
            if event.type == CLEARED:
                held = store.total()
                self.counts["cleared"] += held
                self.blocks -= held
                store.clear()
            elif event.medium not in (None, _GPU):
                self._elsewhere[str(event.medium)] += len(event.hashes)
            elif event.type == REMOVED:
                self._remove(store, event, batch.number, at)
            else:
                self._add(store, event)

    def _add(self, store: Counter[tuple[int | None, BlockHash]], event: Event) -> None:
        for each in event.hashes:
            self.counts["again"] += (event.group, each) in store
            store[event.group, each] += 1
        self.counts["stored"] += len(event.hashes)
        self.blocks += len(event.hashes)

    def _remove(self, store: Counter[tuple[int | None, BlockHash]], event: Event, line: int, at: float) -> None:
        for each in event.hashes:
            key = (event.group, each)
            if key not in store:
                self.wrong.add(Contradiction(line, at, each, "is removed, but is not stored"))
                continue
            self.counts["evicted"] += 1
            self.blocks -= 1
            store[key] -= 1
            if not store[key]:
                del store[key]

    def notes(self) -> tuple[str, ...]:
        """What a reader should know about the numbers."""
        notes = [_NOTE]
        if again := self.counts["again"]:
            notes.append(f"Blocks stored while their hash was: {again:,}; each counts as a block of its own.")
        if len(self._stores) > 1:
            notes.append(f"Blocks of {len(self._stores)} data-parallel ranks are counted together.")
        notes.extend(f"Blocks on {medium}, left out: {number:,}." for medium, number in self._elsewhere.items())
        if back := self.counts["set back"]:
            notes.append(f"Batches with an earlier time than the one before, taken as simultaneous: {back:,}.")
        return tuple(notes)
