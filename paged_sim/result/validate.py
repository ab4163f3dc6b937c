"""JSON against the types of `entry`: the first place that is not what its type says."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from paged_sim.wording import shown

MOST = 2**63
"""Every number of a run is smaller."""
LEAST = -1e-9
"""No number of a run is negative, but by rounding."""

_NAMES = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
_PLAIN_KEY = re.compile(r"[\w-]+", re.ASCII)


def mistake_in(value: object, kind: Any) -> str:
    """The first mistake in parsed JSON that should be of `kind`, as `path: what is wrong`; "" where there is none."""
    return next(_mistakes(value, kind, ""), "")


def _mistakes(value: object, kind: Any, path: str) -> Iterator[str]:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        yield from _of_anything(value, path)
    elif origin is Annotated:
        yield from _by_rules(value, inner[0], inner[1:], path)
    elif origin in (Union, UnionType):
        yield from _of_one(value, inner, path)
    elif origin is Literal:
        if value not in inner:
            yield _unexpected(path, " or ".join(map(str, inner)), value)
    elif is_typeddict(kind):
        yield from _of_fields(value, kind, path)
    elif origin is dict:
        yield from _inside(value, dict, path, lambda key: inner[1])
    elif origin is list:
        yield from _inside(value, list, path, lambda key: inner[0])
    elif kind in (int, float):
        yield from _of_number(value, kind, path)
    else:
        yield from _of_plain(value, kind, path)


def _by_rules(value: Any, kind: Any, rules: tuple[Callable[[Any], str], ...], path: str) -> Iterator[str]:
    """The mistakes of the type itself; where it has none, those by its rules."""
    yield from list(_mistakes(value, kind, path)) or [f"{path}: {said}" for rule in rules if (said := rule(value))]


def _of_one(value: object, kinds: tuple[Any, ...], path: str) -> Iterator[str]:
    """Something or null, or one of several plain kinds."""
    others = [kind for kind in kinds if kind is not NoneType]
    if value is None and len(others) < len(kinds):
        return
    fitting = [kind for kind in others if len(others) == 1 or type(value) is kind]
    if fitting:
        yield from _mistakes(value, fitting[0], path)
    else:
        yield _unexpected(path, " or ".join(_NAMES[kind] for kind in others), value)


def _of_fields(value: object, kind: Any, path: str) -> Iterator[str]:
    """An object with known keys; what else it has came with another version, and has only to be JSON."""
    known = _hints(kind)
    yield from _inside(value, dict, path, lambda key: known.get(key, Any))
    if isinstance(value, dict):
        yield from (
            f"{_below(path, key)}: it is missing" for key in known if key in kind.__required_keys__ - value.keys()
        )


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _inside(value: object, container: type, path: str, kind_of: Callable[[Any], Any]) -> Iterator[str]:
    """What an object or a list holds; `kind_of` gives the type of what is at a key, or at a place."""
    if not isinstance(value, container):
        yield _unexpected(path, "an object" if container is dict else "a list", value)
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from _of_plain(key, str, path)
            yield from _mistakes(held, kind_of(key), _below(path, key))
    elif isinstance(value, list):
        for place, held in enumerate(value):
            yield from _mistakes(held, kind_of(place), f"{path}[{place}]")


def _of_number(value: object, kind: type, path: str) -> Iterator[str]:
    """A number; a whole one may be written as 5.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (kind is int and value % 1):
        yield _unexpected(path, _NAMES[kind], value)
    elif not LEAST <= value < MOST:
        yield _unexpected(path, f"{_NAMES[kind]} from 0 to 2^63", value)


def _of_plain(value: object, kind: type, path: str) -> Iterator[str]:
    if not isinstance(value, kind):
        yield _unexpected(path, _NAMES[kind], value)
    elif isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        yield f"{path}: a text was expected that UTF-8 can write"


def _of_anything(value: object, path: str) -> Iterator[str]:
    """Whatever it is, it can be written again."""
    if isinstance(value, dict | list):
        yield from _inside(value, type(value), path, lambda key: Any)
    elif isinstance(value, float) and not math.isfinite(value):
        yield _unexpected(path, "a number", value)
    elif isinstance(value, str):
        yield from _of_plain(value, str, path)


def _below(path: str, key: str) -> str:
    """The path of what is at a key of an object."""
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{shown(key, json.dumps)}]"
    return f"{path}.{key}" if path else key


def _unexpected(path: str, expected: str, value: object) -> str:
    return f"{path}{': ' if path else ''}{expected} was expected, not {shown(value, json.dumps)}"
