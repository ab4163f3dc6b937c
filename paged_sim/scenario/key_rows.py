"""Every key of a scenario file as rows, for the reference page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from paged_sim.scenario.compound import Histogram
from paged_sim.scenario.keys import SCENARIO
from paged_sim.scenario.lognormal import LogNormal
from paged_sim.scenario.scalars import Shape
from paged_sim.scenario.shapes import Key, ListOf, ScalarOrList, Section
from paged_sim.scenario.variants import Variants


class Row(NamedTuple):
    """One key: its path ([]: any item of a list), type, default ("" for one of several), meaning and an example."""

    path: str
    type: str
    default: str
    description: str
    example: str


def reference() -> list[Row]:
    """One row for each key, in the order of the file."""
    return list(_section_rows(SCENARIO, ""))


def _section_rows(section: Section, prefix: str) -> Iterator[Row]:
    for key in section.keys:
        path = prefix + key.name
        yield Row(path, _type(key), _default(key), _description(key), f"{key.name}: {key.example}")
        if not key.like:
            yield from _rows_below(key.shape, path)


def _rows_below(shape: Shape, path: str) -> Iterator[Row]:
    if isinstance(shape, Section):
        yield from _section_rows(shape, f"{path}.")
    elif isinstance(shape, ListOf):
        yield from _rows_below(shape.item, f"{path}[]")
    elif isinstance(shape, ScalarOrList):
        yield from _rows_below(shape.list, path)
    elif isinstance(shape, Histogram):
        yield from _rows_below(shape.bins, path)
    elif isinstance(shape, LogNormal):
        yield from _section_rows(shape.keys, f"{path}.")
    elif isinstance(shape, Variants):
        seen: set[str] = set()
        for _, section in shape.sections():
            first = f"{path}.{section.keys[0].name}"
            rows = [row for row in _section_rows(section, f"{path}.") if row.path not in seen]
            rows = [row._replace(default="") if row.path == first else row for row in rows]
            seen |= {row.path for row in rows}
            yield from rows


def _type(key: Key) -> str:
    if key.like:
        return f"as {key.like}"
    return "a mapping" if isinstance(key.shape, Section) and not key.shape.bare else key.shape.describe()


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.default is None:
        return "as its keys" if key.implied else key.default_text
    value = key.shape.dump(key.default)
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _description(key: Key) -> str:
    also = f" Also written {' or '.join(key.aliases)}." if key.aliases else ""
    only = f" Only with {key.condition()}." if key.when else ""
    without = f" Not beside {', '.join(key.excludes)}." if key.excludes else ""
    return key.help + also + only + without
