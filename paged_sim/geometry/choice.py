"""Reading one way of saying a thing: a kind and its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from paged_sim.errors import PagedSimError
from paged_sim.wording import suggestion


class Choice(Protocol):
    """What `resolve_model` and `resolve_capacity` read: `paged_sim.scenario.models.Variant` is one."""

    @property
    def kind(self) -> str: ...

    @property
    def params(self) -> Mapping[str, Any]: ...


def positive_int(params: Mapping[str, Any], key: str, where: str, default: int | None = None) -> int:
    """`params[key]` as a whole number of at least 1, or `default` when the key is absent.

    `where` is the part of the scenario the key stands in, for the message of the PagedSimError.
    """
    value = params.get(key, default)
    if value is None:
        raise PagedSimError(f"{where}.{key} is missing: give a whole number of at least 1")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise PagedSimError(f"{where}.{key}: {value!r} is not a whole number of at least 1")
    return value


def unknown_name(what: str, name: object, known: Iterable[str]) -> PagedSimError:
    """The error for a name that is in no table, with the names closest to it."""
    names = sorted(known)
    hint = suggestion(str(name), names, f"known: {', '.join(names)}", most=3)
    return PagedSimError(f"{what} {name!r} is unknown; {hint}")
