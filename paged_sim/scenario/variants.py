"""Values that can be said in several ways, and the helpers that write such ways down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.scenario.context import At, mistake, not_available, scalar_text
from paged_sim.scenario.misplaced import belongs
from paged_sim.scenario.models import Variant
from paged_sim.scenario.nodes import Node
from paged_sim.scenario.scalars import Number, Shape, Word
from paged_sim.scenario.shapes import Key, Section
from paged_sim.wording import show, suggestion


@dataclass(frozen=True, slots=True)
class Way:
    """One way of saying a thing that reads into `Variant(kind, params)`.

    A word has no params, a number has `value`, a section has its values; with `nested` the section has one key and
    that key's value holds the params.
    """

    kind: str
    form: Word | Number | Section
    help: str
    nested: bool = False

    def variant(self, value: Any) -> Variant:
        """The variant for a value that `form` read."""
        if isinstance(self.form, Word):
            return Variant(self.kind)
        if isinstance(self.form, Number):
            return Variant(self.kind, {"value": value})
        return Variant(self.kind, value[self.form.keys[0].value_name] if self.nested else value)

    def value(self, params: Mapping[str, Any]) -> Any:
        """What `form` would have read for a variant with these params."""
        if isinstance(self.form, Word):
            return self.kind
        if isinstance(self.form, Number):
            return params["value"]
        return {self.form.keys[0].value_name: params} if self.nested else params


@dataclass(frozen=True, slots=True)
class Variants:
    """A value that can be said in several ways; a mapping's way is told by the first key of each way's section."""

    ways: tuple[Way, ...]
    later: tuple[str, ...] = ()

    def read(self, node: Node, at: At) -> Variant:
        way = self._by_mapping(node.data, node, at) if isinstance(node.data, Mapping) else self._by_text(node, at)
        return way.variant(way.form.read(node, at))

    def sections(self) -> list[tuple[Way, Section]]:
        """The ways that are said with a mapping."""
        return [(way, way.form) for way in self.ways if isinstance(way.form, Section)]

    def way_of(self, keys: Mapping[str, Any]) -> list[Way]:
        """The ways that a mapping with these keys may mean: by their first keys, else the one that knows most keys."""
        named = [way for way, section in self.sections() if section.keys[0].name in keys]
        if named:
            return named
        known = [(sum(name in section.spellings() for name in keys), way) for way, section in self.sections()]
        best = max(count for count, _ in known)
        return [way for count, way in known if best and count == best][:1]

    def _by_mapping(self, entries: Mapping[str, Node], node: Node, at: At) -> Way:
        first_keys = [section.keys[0].name for _, section in self.sections()]
        for name, entry in entries.items():
            if name in self.later:
                raise mistake(entry.where, at.child(name).path, not_available(name))
        ways = self.way_of(entries)
        if len(ways) == 1:
            self._check_of(ways[0], entries, at)
            return ways[0]
        if ways:
            given = [name for name in first_keys if name in entries]
            raise mistake(node.where, at.path, f"{' and '.join(given)} are different ways to say it; give one of them")
        for name, entry in entries.items():
            hint = suggestion(name, first_keys, f"give {self.describe()}")
            problem = belongs(name, entry, at.path) or f"unknown key {show(name)}; {hint}"
            raise mistake(entry.where, at.path, problem)
        raise mistake(node.where, at.path, f"the mapping is empty; give {self.describe()}")

    def _check_of(self, way: Way, entries: Mapping[str, Node], at: At) -> None:
        """No key may be one that only another way knows."""
        sections = {other.kind: section for other, section in self.sections()}
        first = sections[way.kind].keys[0].name
        for name, entry in entries.items():
            known = {kind: section.keys[0].name for kind, section in sections.items() if name in section.spellings()}
            if known and way.kind not in known:
                problem = f"{show(name)} goes with {' or '.join(known.values())}, not with {first}"
                raise mistake(entry.where, at.child(name).path, f"{problem}; leave one of them out")

    def _by_text(self, node: Node, at: At) -> Way:
        text = scalar_text(node, at, self.describe())
        words = [way for way in self.ways if isinstance(way.form, Word) and text in way.form.words]
        others = [
            way
            for way in self.ways
            if isinstance(way.form, Number) or (isinstance(way.form, Section) and way.form.bare)
        ]
        if text in self.later:
            raise mistake(node.where, at.path, not_available(text))
        if words:
            return words[0]
        if others and (text[:1] in "+-.0123456789" or not isinstance(others[0].form, Number)):
            return others[0]
        known = [way.kind for way in self.ways if isinstance(way.form, Word)]
        known += [section.keys[0].name for _, section in self.sections()]
        hint = suggestion(text, known, f"give {self.describe()}")
        raise mistake(node.where, at.path, f"{show(text)} will not do; {hint}")

    def dump(self, value: Variant) -> Any:
        way = [way for way in self.ways if way.kind == value.kind][-1]
        return way.form.dump(way.value(value.params))

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"description": way.help, **way.form.schema()} for way in self.ways]}

    def describe(self) -> str:
        forms = [
            f"{{{way.form.keys[0].name}: ...}}" if isinstance(way.form, Section) else way.form.describe()
            for way in self.ways
        ]
        return " or ".join(dict.fromkeys([*self._bare_forms(), *forms]))

    def _bare_forms(self) -> Iterator[str]:
        for _, section in self.sections():
            if section.bare:
                yield section.spellings()[section.bare].shape.describe()


def one_key(kind: str, shape: Shape, meaning: str, example: str, *, field: str = "") -> Way:
    """The way `{kind: value}`, whose one param is the value."""
    return Way(kind, Section((Key(kind, shape, meaning, example, required=True, field=field),)), meaning)


def nested(kind: str, shape: Shape, meaning: str, example: str) -> Way:
    """The way `{kind: params}`, whose value holds the params."""
    return Way(kind, Section((Key(kind, shape, meaning, example, required=True),)), meaning, nested=True)
