"""What the replay of a log found: blocks over time, counts, and where the log contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from paged_sim.oplog.digest import LogDigest
from paged_sim.oplog.kv_events import BlockHash
from paged_sim.oplog.levels import Levels

MOST_KEPT = 100
"""Contradictions that are kept with their place; any further ones are counted only."""


class Contradiction(NamedTuple):
    """A line that cannot be true after the lines before it: where, which block (id or hash), and why."""

    line: int
    at: float
    block: BlockHash
    what: str


@dataclass(slots=True)
class Contradictions:
    """All contradictions of a log: their number, and the first of them."""

    number: int = 0
    first: list[Contradiction] = field(default_factory=list)

    def add(self, found: Contradiction) -> None:
        """Count one, and keep it if there is room."""
        self.number += 1
        if len(self.first) < MOST_KEPT:
            self.first.append(found)


@dataclass(frozen=True, slots=True)
class Replay:
    """A replayed log.

    `format` is `operations` or `KV events`; `axis` is `step`, `second` or, for events without times, `line`, and begins
    at `origin` (the first step, second 0, line 1); `length` is in its unit. `counts` are numbers of blocks, except
    `lines`. `in_use` counts blocks that somebody holds, which KV events do not tell (None); `cached` those of the
    prefix cache as the format tells them. `digest` is None for KV events. `notes` are sentences for the reader.
    """

    path: Path
    format: str
    axis: str
    origin: int
    length: float
    counts: Mapping[str, int]
    in_use: Levels | None
    cached: Levels
    contradictions: Contradictions
    digest: LogDigest | None
    notes: tuple[str, ...]
