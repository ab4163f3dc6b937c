"""TensorRT-LLM's KV events, as its `KVCacheEventSerializer` and its `/kv_cache_events` write them, as stored and
removed blocks on a medium.

An event has an `event_id` and `data` of a `type`: `created` (the sizes of the pools), `stored` (`blocks` with their
`block_hash` and `cache_level`), `removed` (`block_hashes`) and `updated` (a block whose `cache_level` changes). Level 0
is the GPU. There are no times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from paged_sim.errors import PagedSimError
from paged_sim.oplog.lines import REMEDY, shown

STORED, REMOVED = "BlockStored", "BlockRemoved"
TYPES = ("created", "stored", "removed", "updated")

BlockHash = int | str


class Move(NamedTuple):
    """Blocks that came to a medium or left it; the medium is None on the GPU."""

    type: str
    hashes: tuple[BlockHash, ...]
    medium: str | None


def is_trtllm(value: object) -> bool:
    """Whether the value of a line is an event of TensorRT-LLM, or a list of them."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and "event_id" in first and isinstance(first.get("data"), dict)


class TrtllmBlocks:
    """The level of every block, which the event of its removal does not say."""

    def __init__(self) -> None:
        self._level: dict[BlockHash, int] = {}

    def read(self, value: Any, place: str) -> Iterator[Move]:
        """What the events of one line did.

        Raises:
            PagedSimError: an event is none of TensorRT-LLM's; `place` is in front.
        """
        for event in value if isinstance(value, list) else [value]:
            found = event.get("data") if isinstance(event, dict) else None
            data: dict[str, Any] = found if isinstance(found, dict) else {}
            kind = data.get("type")
            if kind not in TYPES:
                raise PagedSimError(f"{place}: unknown type of event {shown(kind)}; there are {', '.join(TYPES)}")
            if kind == "stored":
                for block in _list(data, "blocks", place):
                    yield self._move(STORED, _hash(block, place), _level(block.get("cache_level", 0), place))
            elif kind == "removed":
                for each in _list(data, "block_hashes", place):
                    yield self._move(REMOVED, _hash({"block_hash": each}, place), None)
            elif kind == "updated" and isinstance(change := data.get("cache_level"), dict):
                block = _hash(data, place)
                yield self._move(REMOVED, block, _level(change.get("old_value"), place))
                yield self._move(STORED, block, _level(change.get("new_value"), place))

    def _move(self, kind: str, block: BlockHash, level: int | None) -> Move:
        if kind == STORED and level is not None:
            self._level[block] = level
        elif level is None:
            level = self._level.pop(block, 0)
        return Move(kind, (block,), None if level == 0 else f"cache level {level}")


def _list(data: dict[str, Any], key: str, place: str) -> list[Any]:
    if not isinstance(data.get(key), list):
        raise PagedSimError(f"{place}: {data['type']}: {key} {shown(data.get(key))} is not a list; {REMEDY}")
    values: list[Any] = data[key]
    return values


def _hash(block: Any, place: str) -> BlockHash:
    value = block.get("block_hash") if isinstance(block, dict) else None
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise PagedSimError(f"{place}: block_hash {shown(value)} is neither a whole number nor a text; {REMEDY}")
    return value


def _level(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PagedSimError(f"{place}: cache_level {shown(value)} is not a whole number; {REMEDY}")
    return value
