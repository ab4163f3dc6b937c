"""KV events as JSON lines: blocks put into the prefix cache and taken out of it.

The events are those of `vllm.distributed.kv_events`: `BlockStored`, `BlockRemoved` and `AllBlocksCleared`, in batches
with a time. A line is a batch or an event, each as an object (events with their name under `type`) or as an array in
the order of the fields (events with their name first). SGLang publishes the same events; recordings of others call the
time of a batch `batch_ts` and the rank `attn_dp_rank`. TensorRT-LLM's own events are read by `trtllm_events`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from paged_sim.errors import PagedSimError
from paged_sim.oplog.lines import REMEDY, numbered_lines, parse_line, shown
from paged_sim.oplog.trtllm_events import REMOVED, STORED, TrtllmBlocks, is_trtllm

CLEARED = "AllBlocksCleared"
EVENT_TYPES = (STORED, REMOVED, CLEARED)

# Where a field stands in an event that is an array; the name of the event is at 0.
_PLACES = {STORED: {"medium": 6, "group_idx": 9}, REMOVED: {"medium": 2, "group_idx": 3}}
_TIMES = ("ts", "batch_ts")
_RANKS = ("data_parallel_rank", "attn_dp_rank")
_BATCH = "a line is a batch with `ts` and `events`, or one event with its `type`"

BlockHash = int | str


class Event(NamedTuple):
    """One event; `hashes` is empty for `AllBlocksCleared`.

    `medium` is where the blocks lie, as the engine calls it (None: on the GPU); `group` the number of the group of
    layers they belong to, None in engines with one group.
    """

    type: str
    hashes: tuple[BlockHash, ...]
    medium: str | None = None
    group: int | None = None


class Batch(NamedTuple):
    """The events of one line in order, with the number of the line and the engine's data-parallel rank (0 where none is
    given); `time` in seconds, where it is given."""

    number: int
    time: float | None
    rank: int
    events: tuple[Event, ...]


def read_events(path: Path, lines: Iterable[tuple[int, bytes]] | None = None) -> Iterator[Batch]:
    """Every batch of a recording, plain or gzipped; fields that are not needed here are ignored.

    `lines` are the numbered lines of the file where the caller has begun to read it.

    Raises:
        PagedSimError: the file cannot be read, or a line is no batch and no event; the message has file and line.
    """
    blocks = TrtllmBlocks()
    for number, line in numbered_lines(path) if lines is None else lines:
        place = f"{path}:{number}"
        value = parse_line(line, path, number)
        if is_trtllm(value):
            yield Batch(number, None, 0, tuple(Event(*each) for each in blocks.read(value, place)))
        else:
            yield _batch(value, number, place)


def looks_like_events(value: object) -> bool:
    """Whether the first line of a file is meant as KV events rather than as an operation."""
    if not isinstance(value, list) or not value:
        return isinstance(value, dict)
    return is_trtllm(value) or isinstance(value[0], str) or (len(value) > 1 and isinstance(value[1], list))


def _batch(value: Any, number: int, place: str) -> Batch:
    if isinstance(value, dict) and "events" in value:
        time, events, rank = _first_of(value, _TIMES), value["events"], _first_of(value, _RANKS)
    elif isinstance(value, list) and len(value) > 1 and isinstance(value[1], list) and not isinstance(value[0], str):
        time, events, rank = value[0], value[1], value[2] if len(value) > 2 else None
    elif isinstance(value, dict) and "type" in value:
        time, events, rank = _first_of(value, _TIMES), [value], _first_of(value, _RANKS)
    elif isinstance(value, list) and value and isinstance(value[0], str):
        time, events, rank = None, [value], None
    else:
        raise PagedSimError(f"{place}: {shown(value)} is no KV event; {_BATCH}")
    if not isinstance(events, list):
        raise PagedSimError(f"{place}: events: {shown(events)} is not a list; {_BATCH}")
    found = tuple(_event(event, place) for event in events)
    return Batch(number, _time(time, place), _number(rank, "data_parallel_rank", place) or 0, found)


def _first_of(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    """What a batch has under the first of these names that it has."""
    return next((value[name] for name in names if value.get(name) is not None), None)


def _event(value: Any, place: str) -> Event:
    if isinstance(value, dict):
        name, fields = value.get("type"), value
    elif isinstance(value, list) and value:
        name, fields = value[0], _fields(value)
    else:
        raise PagedSimError(f"{place}: {shown(value)} is no KV event; {_BATCH}")
    if name not in EVENT_TYPES:
        raise PagedSimError(f"{place}: unknown type of event {shown(name)}; there are {', '.join(EVENT_TYPES)}")
    if name == CLEARED:
        return Event(name, ())
    medium = fields.get("medium")
    if medium is not None and not isinstance(medium, str):
        raise PagedSimError(f"{place}: {name}: medium {shown(medium)} is not a name; {REMEDY}")
    hashes = _hashes(fields.get("block_hashes"), f"{place}: {name}")
    return Event(name, hashes, medium, _number(fields.get("group_idx"), "group_idx", place))


def _fields(event: list[Any]) -> dict[str, Any]:
    """The fields of an event that is an array, as far as they are needed."""
    places = {"block_hashes": 1, **_PLACES.get(str(event[0]), {})}
    return {name: event[place] for name, place in places.items() if place < len(event)}


def _hashes(value: object, place: str) -> tuple[BlockHash, ...]:
    if not isinstance(value, list):
        raise PagedSimError(f"{place}: block_hashes {shown(value)} is not a list; {REMEDY}")
    for each in value:
        if not isinstance(each, int | str) or isinstance(each, bool):
            raise PagedSimError(f"{place}: block hash {shown(each)} is neither a whole number nor a text; {REMEDY}")
    return tuple(value)


def _time(value: object, place: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise PagedSimError(f"{place}: ts {shown(value)} is not a time in seconds; {REMEDY}")
    return float(value)


def _number(value: object, what: str, place: str) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise PagedSimError(f"{place}: {what} {shown(value)} is not a whole number; {REMEDY}")
    return value
