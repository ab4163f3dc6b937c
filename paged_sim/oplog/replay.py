"""Replaying any recorded log: what is in the file decides how."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.oplog.cache import replay_events
from paged_sim.oplog.kv_events import looks_like_events
from paged_sim.oplog.lines import numbered_lines, parse_line
from paged_sim.oplog.occupancy import Replay
from paged_sim.oplog.pool import replay_operations


def replay_log(path: Path) -> Replay:
    """Replay an operation log or recorded KV events; the first line tells which it is.

    Raises:
        PagedSimError: as `replay_operations` and `replay_events`, or the file is empty.
    """
    lines = numbered_lines(path)
    first = next(lines, None)
    if first is None:
        raise PagedSimError(f"{path}: empty file; give a log with at least one operation or event")
    number, line = first
    replay = replay_events if looks_like_events(parse_line(line, path, number)) else replay_operations
    return replay(path, chain([first], lines))
