"""Shapes made of others: sections with keys, lists, and values that can be said in several ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.scenario.context import At, did_you_mean, mistake, not_available, scalar_text
from paged_sim.scenario.models import Variant
from paged_sim.scenario.nodes import Node
from paged_sim.scenario.scalars import Number, Shape, Word
from paged_sim.scenario.units import show


_LABEL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section.

    `default`: the value when the key is absent; None leaves the value out, and with `implied` an absent section is read
    as if it were empty. `default_text` words a default that is worked out. `example` is YAML. `aliases` are other
    spellings. `field` is the name of the value in the models where it is not `name`. `when=(key, word)`: the key is for
    sections whose earlier `key` has this value. `excludes` are keys of the same section that this one replaces.
    `like` is the key path whose rows in the reference hold for this key too.
    """

    name: str
    shape: Shape
    help: str
    example: str = ""
    default: Any = None
    default_text: str = ""
    implied: bool = False
    required: bool = False
    aliases: tuple[str, ...] = ()
    field: str = ""
    when: tuple[str, str] | None = None
    excludes: tuple[str, ...] = ()
    like: str = ""

    @property
    def value_name(self) -> str:
        """The name of the value in the models."""
        return self.field or self.name

    def missing(self) -> str:
        """The problem when the key should be there."""
        return f"missing; give {self.shape.describe()}, for example {self.name}: {self.example}"

    def used(self, values: Mapping[str, Any]) -> bool:
        """Whether a section with these `values` (by value name) uses this key at all."""
        return self.when is None or values.get(self.when[0]) == self.when[1]


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with these keys and no others; reads into a dict by value name.

    A single value stands for the key `bare`. Keys of `later` releases are refused by name.
    """

    keys: tuple[Key, ...]
    bare: str = ""
    later: tuple[str, ...] = ()

    def read(self, node: Node, at: At) -> dict[str, Any]:
        entries = self.entries(node, at)
        at.mark(node)
        for name, entry in entries.items():
            self._check_known(name, entry, at)
        values: dict[str, Any] = {}
        for key in self.keys:
            self._read_key(key, entries, values, node, at)
        return values

    def entries(self, node: Node, at: At) -> Mapping[str, Node]:
        """The entries of `node`, or the one that a single value stands for."""
        if isinstance(node.data, Mapping):
            return node.data
        if self.bare and isinstance(node.data, str) and not node.empty:
            return {self.bare: node}
        if node.empty:
            raise mistake(node.where, at.path, "no value; give its keys below it, or leave it out")
        raise mistake(node.where, at.path, f"expected a mapping with {self.describe()}, found {node.kind}")

    def spellings(self) -> dict[str, Key]:
        """Every name a key may be written with."""
        return {name: key for key in self.keys for name in (key.name, *key.aliases)}

    def _check_known(self, name: str, entry: Node, at: At) -> None:
        if name in self.later:
            raise mistake(entry.where, at.child(name).path, not_available(name))
        known = self.spellings()
        if name not in known:
            path = at.child(name).path if name.isprintable() and name else at.path
            raise mistake(entry.where, path, f"unknown key {show(name)}; {did_you_mean(name, known)}")

    def _read_key(
        self, key: Key, entries: Mapping[str, Node], values: dict[str, Any], section: Node, at: At
    ) -> None:
        here = at.child(key.name)
        given = [name for name in (key.name, *key.aliases) if name in entries]
        if len(given) > 1:
            raise mistake(entries[given[1]].where, here.path, f"{' and '.join(given)} mean the same; give one of them")
        if given and not key.used(values):
            assert key.when is not None
            raise mistake(entries[given[0]].where, here.path, f"only {': '.join(key.when)} uses it; remove it")
        if given:
            for rival in key.excludes:
                if rival in entries:
                    problem = f"given beside {rival}, which it replaces; leave one of them out"
                    raise mistake(entries[given[0]].where, here.path, problem)
            values[key.value_name] = key.shape.read(entries[given[0]], here)
        elif key.required:
            raise mistake(section.where, here.path, key.missing())
        elif key.used(values):
            self._default(key, values, section, here)

    def _default(self, key: Key, values: dict[str, Any], section: Node, here: At) -> None:
        if key.default is not None:
            values[key.value_name] = key.default
            here.default()
        elif key.implied:
            values[key.value_name] = key.shape.read(Node({}, section.where, "default"), here)

    def dump(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key.name: key.shape.dump(value[key.value_name])
            for key in self.keys
            if value.get(key.value_name) is not None and key.used(value)
        }

    def schema(self) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        dependent: dict[str, Any] = {}
        for key in self.keys:
            shape = {"description": key.help, **key.shape.schema()}
            if key.default is not None:
                shape["default"] = key.shape.dump(key.default)
            for name in (key.name, *key.aliases):
                properties[name] = shape
                others = [other for other in (key.name, *key.aliases) if other != name] + list(key.excludes)
                if others:
                    dependent[name] = {"not": {"anyOf": [{"required": [other]} for other in others]}}
                if key.when:
                    sibling, word = key.when
                    condition = {"properties": {sibling: {"const": word}}, "required": [sibling]}
                    dependent[name] = {**dependent.get(name, {}), **condition}
        mapping: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        if required := [key.name for key in self.keys if key.required]:
            mapping["required"] = required
        if dependent:
            mapping["dependentSchemas"] = dependent
        if not self.bare:
            return mapping
        return {"anyOf": [self.spellings()[self.bare].shape.schema(), mapping]}

    def describe(self) -> str:
        return "the keys " + ", ".join(key.name for key in self.keys) if len(self.keys) > 1 else f"key {self.keys[0].name}"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least one item; reads into a tuple.

    Items are known by the value of their key `label` where one is named, and by their index (from 0).
    """

    item: Shape
    label: str = ""

    def read(self, node: Node, at: At) -> tuple[Any, ...]:
        if not isinstance(node.data, tuple):
            raise mistake(node.where, at.path, f"expected {self.describe()}, found {node.kind}")
        if not node.data:
            raise mistake(node.where, at.path, f"the list is empty; give {self.describe()}")
        if self.label:
            at.mark(node)
        else:
            at.note(node)
        if not self.label:
            return tuple(self.item.read(item, at.child(index).unnoted()) for index, item in enumerate(node.data))
        labels = self.labels(node.data)
        return tuple(self.item.read(item, at.child(label)) for item, label in zip(node.data, labels, strict=True))

    def labels(self, items: tuple[Node, ...]) -> list[str]:
        """What the items are called in key paths: their label where it is there and unique, their index otherwise."""
        names = []
        for item in items:
            entry = item.data.get(self.label) if isinstance(item.data, Mapping) else None
            names.append(entry.data if entry and isinstance(entry.data, str) else "")
        usable = {name for name in names if names.count(name) == 1 and _LABEL.fullmatch(name)}
        return [name if name in usable else str(index) for index, name in enumerate(names)]

    def dump(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.item.dump(item) for item in value]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "minItems": 1}

    def describe(self) -> str:
        return f"a list of {self.item.describe()}"


@dataclass(frozen=True, slots=True)
class ScalarOrList:
    """A single value or a list, whichever stands there."""

    scalar: Shape
    list: Shape

    def read(self, node: Node, at: At) -> Any:
        return (self.list if isinstance(node.data, tuple) else self.scalar).read(node, at)

    def dump(self, value: Any) -> Any:
        return (self.list if isinstance(value, tuple) else self.scalar).dump(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.scalar.schema(), self.list.schema()]}

    def describe(self) -> str:
        return f"{self.scalar.describe()}, or {self.list.describe()}"


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
            return ways[0]
        if ways:
            given = [name for name in first_keys if name in entries]
            raise mistake(node.where, at.path, f"{' and '.join(given)} are different ways to say it; give one of them")
        for name, entry in entries.items():
            raise mistake(entry.where, at.path, f"unknown key {show(name)}; {did_you_mean(name, first_keys)}")
        raise mistake(node.where, at.path, f"the mapping is empty; give {self.describe()}")

    def _by_text(self, node: Node, at: At) -> Way:
        text = scalar_text(node, at, self.describe())
        words = [way for way in self.ways if isinstance(way.form, Word) and text in way.form.words]
        others = [way for way in self.ways if isinstance(way.form, Number) or getattr(way.form, "bare", "")]
        if text in self.later:
            raise mistake(node.where, at.path, not_available(text))
        if words:
            return words[0]
        if others and (text[:1] in "+-.0123456789" or not isinstance(others[0].form, Number)):
            return others[0]
        known = [way.kind for way in self.ways if isinstance(way.form, Word)]
        known += [section.keys[0].name for _, section in self.sections()]
        hint = did_you_mean(text, known) if "did you mean" in did_you_mean(text, known) else f"give {self.describe()}"
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


def one_key(kind: str, shape: Shape, help: str, example: str, *, field: str = "") -> Way:
    """The way `{kind: value}`, whose one param is the value."""
    return Way(kind, Section((Key(kind, shape, help, example, required=True, field=field),)), help)


def nested(kind: str, shape: Shape, help: str, example: str) -> Way:
    """The way `{kind: params}`, whose value holds the params."""
    return Way(kind, Section((Key(kind, shape, help, example, required=True),)), help, nested=True)
