"""Recorded agent conversations of kv-cache-tester: one JSON object a file, with sub-agents nested in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.workloads.traces.opening import open_text
from paged_sim.workloads.traces.records import Records, parse_object
from paged_sim.workloads.traces.rows import Rows
from paged_sim.workloads.traces.values import REMEDY, shown, time_in

_KEYS = ("in", "out", "t")


def read_conversation(path: Path) -> Rows:
    """All requests of the conversation and its sub-agents, in the order of their absolute times.

    `t` counts in seconds from the start of the conversation; inside a sub-agent it counts from the sub-agent's own
    start, which is the `t` of the entry that nests it. Each of `hash_ids` stands for `block_size` tokens.

    Raises:
        PagedSimError: the file is no such conversation, or a value is missing or wrong.
    """
    with open_text(path) as text:
        conversation = parse_object(text.read(), str(path))
    block = conversation.get("block_size", 64)
    if not isinstance(block, int) or block < 1:
        raise PagedSimError(f"{path}: block_size: {shown(block)} is not a whole number of tokens; {REMEDY}")
    records = Records(block)
    # A stack in place of recursion: how deep sub-agents nest is up to the file.
    pending: list[tuple[Any, float, str]] = [(conversation, 0.0, f"{path}: ")]
    while pending:
        entry, start, place = pending.pop()
        if not isinstance(entry, dict):
            raise PagedSimError(f"{place.rstrip('.')}: {shown(entry)} is not a JSON object; {REMEDY}")
        if entry is conversation or entry.get("type") == "subagent":
            start = start if entry is conversation else start + _start_of(entry, place)
            nested = [(item, start, f"{place}requests[{i}].") for i, item in enumerate(_requests_of(entry, place))]
            pending.extend(reversed(nested))
        else:
            records.add(entry, _KEYS, place, start)
    rows = records.rows(timed=True)
    return rows.take(rows.order_of_time())


def _start_of(entry: dict[str, Any], place: str) -> float:
    try:
        return time_in(entry.get("t"), 1.0)
    except PagedSimError as error:
        raise PagedSimError(f"{place}t: {error}") from None


def _requests_of(entry: dict[str, Any], place: str) -> list[Any]:
    requests = entry.get("requests")
    if not isinstance(requests, list):
        raise PagedSimError(f"{place}requests: {shown(requests)} is not a list of requests; {REMEDY}")
    return requests
