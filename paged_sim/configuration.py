"""What differs between the resolved scenarios of two runs: values by their key paths, allocators by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

Resolved = Mapping[str, Any]

_NO_SETTING = frozenset({"version", "name", "checks", "origins"})
_FILES = frozenset({"workload.trace.file", "model.hf_config"})
"""Keys that name a file: where it lies is the user's affair, what it is called is not."""

_REQUESTS = ("workload", "seed", "repeats", "max_model_len", "measure.warmup_requests")


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two scenarios have differently; None where one of them has none.

    `source` is what gave the value to both, "default" or "preset NAME", and has changed itself; "" where a file or a
    flag gave it.
    """

    path: str
    before: object
    after: object
    source: str = ""


def differences(before: Resolved, after: Resolved) -> list[Difference]:
    """Where `after` differs from `before`, in the order of a scenario file.

    Left out is what says nothing: names, checks, the folders of files, a default that only one of the two programs
    knows, and a default that follows another value. An allocator with the same settings under another name is renamed.
    """
    origins = before.get("origins") or {}, after.get("origins") or {}
    found = [
        Difference(path, old, new, _common_source(path, *origins))
        for path, old, new in _walk("", _settings(before), _settings(after))
        if not _is_new_default(path, old, new, *origins) and not _is_same_file(path, old, new)
    ]
    given = [(each.before, each.after) for each in found if not each.source and not _holds_more(each)]
    return _with_renamed([each for each in found if not (each.source and (each.before, each.after) in given)])


def serve_the_same(found: Sequence[Difference]) -> bool:
    """Whether scenarios with these differences are asked to serve the same requests."""
    return not any(each.path == key or each.path.startswith(f"{key}.") for each in found for key in _REQUESTS)


def _holds_more(each: Difference) -> bool:
    return any(isinstance(value, Mapping | list) for value in (each.before, each.after))


def _settings(scenario: Resolved) -> dict[str, Any]:
    settings = {key: value for key, value in scenario.items() if key not in _NO_SETTING}
    allocators = scenario.get("allocators") or ()
    return {**settings, "allocators": {entry["name"]: _without_name(entry) for entry in allocators}}


def _without_name(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "name"}


def _walk(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """The paths whose values differ; of two ways to say a thing, such as `slots` and `pages`, the whole."""
    if before == after:
        return
    both = isinstance(before, Mapping) and isinstance(after, Mapping)
    if not both or (path not in ("", "allocators") and before.keys().isdisjoint(after)):
        yield path, before, after
        return
    for key in dict.fromkeys([*before, *after]):
        yield from _walk(f"{path}.{key}" if path else key, before.get(key), after.get(key))


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """The origin of a path, or of the nearest key above it that has one."""
    parts = path.split(".")
    above = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((origins[key] for key in above if key in origins), "")


def _common_source(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    old, new = _origin(path, before), _origin(path, after)
    return old if old == new and (old == "default" or old.startswith("preset ")) else ""


def _is_new_default(path: str, old: Any, new: Any, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether only one side has the value, and nobody gave it: the other program did not know the key."""
    if old is not None and new is not None:
        return False
    return _origin(path, after if old is None else before) == "default"


def _is_same_file(path: str, old: Any, new: Any) -> bool:
    named = path in _FILES and isinstance(old, str) and isinstance(new, str)
    return named and PurePath(old).name == PurePath(new).name


def _with_renamed(found: Sequence[Difference]) -> list[Difference]:
    """An allocator that is gone and one that is new, with the same settings, as one with another name."""
    told = list(found)
    for gone in [each for each in found if _is_allocator(each) and each.after is None]:
        new = next((each for each in told if _is_allocator(each) and each.after == gone.before), None)
        if new is not None:
            told.remove(new)
            names = (each.path.partition(".")[2] for each in (gone, new))
            told[told.index(gone)] = Difference(f"{gone.path}.name", *names)
    return told


def _is_allocator(each: Difference) -> bool:
    return each.path.count(".") == 1 and each.path.startswith("allocators.")
