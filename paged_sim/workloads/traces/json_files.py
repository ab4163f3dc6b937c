"""JSON traces: one object a line, a list of objects, or one object that holds the requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from paged_sim.errors import PagedSimError
from paged_sim.json_text import parse_json
from paged_sim.wording import shown
from paged_sim.workloads.traces.opening import open_text
from paged_sim.workloads.traces.sources import FAILED, MISSING
from paged_sim.workloads.traces.values import REMEDY

BLOCK_RECORDS = 8192
_SAMPLED = 100
_DEPTH = 3
_OF_MESSAGES = {"role", "content", "from"}


class Placed(NamedTuple):
    """An object and where it stands: the number of its line, or its path in the document with a dot behind it."""

    place: int | str
    record: dict[str, Any]


Unpack = Callable[[Path, Iterator[Placed]], Iterator[Placed]]
"""From the objects of a file to those that are requests."""

SKIPPED = "(skipped)"
"""The key under which an object that is no request says why; what has an `error` failed."""


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Objects that lie together."""

    path: Path
    records: list[Placed]

    @property
    def cells_are_text(self) -> bool:
        return False

    def __len__(self) -> int:
        return len(self.records)

    def column(self, name: str) -> list[Any]:
        """The value of each object at a key, or at a path of keys with dots between them."""
        if "." not in name:
            return [record.get(name, MISSING) for _, record in self.records]
        return [value_at(record, name) for _, record in self.records]

    def place(self, row: int, name: str) -> str:
        """File, line or path in it, and key of a value."""
        return at(self.path, self.records[row].place, name)


class JsonFile:
    """A file of JSON objects, told apart by its first lines; `unpack` makes requests of them."""

    def __init__(self, path: Path, unpack: Unpack | None = None, most: int | None = None) -> None:
        self.path = path
        self.unpack = unpack
        self.skipped: Counter[str] = Counter()
        self._first = BLOCK_RECORDS if most is None else min(most, BLOCK_RECORDS)

    @cached_property
    def _first_lines(self) -> tuple[str, str]:
        """The first two lines that are not blank, or empty ones."""
        with open_text(self.path) as text:
            lines = (line for line in text if line.strip())
            return next(lines, ""), next(lines, "")

    @cached_property
    def is_lines(self) -> bool:
        """Whether each line is an object of its own."""
        first, second = self._first_lines
        try:
            return isinstance(json.loads(first), dict) or second.lstrip().startswith("[")
        except (ValueError, RecursionError):
            return second.lstrip().startswith("{") and first.strip() not in ("[", "{")

    @cached_property
    def document(self) -> Any:
        """The value of the whole file."""
        with open_text(self.path) as text:
            content = text.read()
        return parse_json(content, self.path, None, REMEDY)

    @cached_property
    def object_names(self) -> list[str]:
        """The keys of the first objects as they are in the file, by which its format is told."""
        return list(dict.fromkeys([*self._keys_of(self.objects()), *self._keys_of(self.requests())]))

    @cached_property
    def names(self) -> list[str]:
        """The keys of the first requests."""
        return self._keys_of(self.requests())

    def _keys_of(self, objects: Iterator[Placed]) -> list[str]:
        first = islice(objects, min(self._first, _SAMPLED))
        return list(dict.fromkeys(chain.from_iterable(key_paths(record) for _, record in first)))

    def resolve(self, wanted: str) -> str | None:
        """The key that a user means, which may be missing from the first objects."""
        return wanted if wanted in self.names else None

    def objects(self) -> Iterator[Placed]:
        """The objects of the file: of a list its items, of one object that only wraps a list of objects, those."""
        if self.is_lines:
            yield from self._lines()
            return
        document = self.document
        if isinstance(document, list):
            for index, item in enumerate(document):
                yield Placed(f"[{index}].", _object(item, f"{self.path}: [{index}]"))
            return
        yield Placed("", _object(document, str(self.path)))

    def requests(self) -> Iterator[Placed]:
        """The objects that are requests."""
        if self.unpack is not None:
            return self.unpack(self.path, self.objects())
        return _unwrapped(self.path, self.objects())

    def blocks(self) -> Iterator[RecordBlock]:
        """The requests, a block at a time; at least one block. What was skipped until then is in `skipped`."""
        self.skipped.clear()
        present = self._not_skipped()
        yield RecordBlock(self.path, list(islice(present, self._first)))
        while records := list(islice(present, BLOCK_RECORDS)):
            yield RecordBlock(self.path, records)

    def _not_skipped(self) -> Iterator[Placed]:
        for placed in self.requests():
            why = placed.record.get(SKIPPED) or (FAILED if placed.record.get("error") else None)
            if why is None:
                yield placed
            else:
                self.skipped[why] += 1

    def _lines(self) -> Iterator[Placed]:
        is_alone = not self._first_lines[1]
        with open_text(self.path) as text:
            for number, line in enumerate(text, start=1):
                if not line.isspace():
                    record = _object(parse_json(line, self.path, number, REMEDY), f"{self.path}:{number}")
                    is_document = is_alone and (self.unpack is not None or list_of_requests(record) is not None)
                    yield Placed("" if is_document else number, record)


def at(path: Path, place: int | str, name: str) -> str:
    """Where a key of an object stands, for the front of a message."""
    return f"{path}:{place}: key {name}" if isinstance(place, int) else f"{path}: {place}{name}"


def value_at(record: dict[str, Any], name: str) -> object:
    """The value at a key or at a path of keys, `MISSING` where there is none."""
    if name in record:
        return record[name]
    value: Any = record
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return MISSING
        value = value[key]
    return value


def key_paths(record: dict[str, Any], depth: int = _DEPTH) -> Iterator[str]:
    """The keys of an object, and of the objects in it with dots."""
    for key, value in record.items():
        yield key
        if isinstance(value, dict) and depth > 1:
            yield from (f"{key}.{inner}" for inner in key_paths(value, depth - 1))


def list_of_requests(record: dict[str, Any]) -> str | None:
    """The one key under which an object holds a list of objects that are no messages; None of none or of several."""
    keys = [key for key, value in record.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(keys) != 1 or _OF_MESSAGES & record[keys[0]][0].keys():
        return None
    return keys[0]


def _unwrapped(path: Path, objects: Iterator[Placed]) -> Iterator[Placed]:
    for place, record in objects:
        key = list_of_requests(record) if place == "" else None
        if key is None:
            yield Placed(place, record)
            continue
        for index, item in enumerate(record[key]):
            yield Placed(f"{key}[{index}].", _object(item, f"{path}: {key}[{index}]"))


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PagedSimError(f"{place}: {shown(value)} is not a JSON object; {REMEDY}")
    return value
