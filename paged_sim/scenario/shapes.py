"""Shapes made of others: sections with keys, and lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.scenario.context import At, did_you_mean, mistake, not_available
from paged_sim.scenario.misplaced import belongs
from paged_sim.scenario.mistakes import MOST_SHOWN, UNSOUND, UnsoundError
from paged_sim.scenario.nodes import MOST_VALUES, Node
from paged_sim.scenario.scalars import Shape
from paged_sim.wording import close_names, show

_LONGEST_KEY = 60
_LABEL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section.

    `default`: the value when the key is absent; None leaves the value out, and with `implied` an absent section is read
    as if it were empty. `default_text` words a default that is worked out. `example` is YAML. `aliases` are other
    spellings. `field` is the name of the value in the models where it is not `name`. `when=(key, word, ...)`: the key
    is for sections whose earlier `key` has one of these values. `excludes` are keys of the same section that this one
    replaces. `like` is the key path whose rows in the reference hold for this key too.
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
    when: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    like: str = ""

    @property
    def value_name(self) -> str:
        """The name of the value in the models."""
        return self.field or self.name

    def missing(self) -> str:
        """The problem when the key should be there."""
        return f"missing; give it, for example {self.name}: {self.example}"

    def used(self, values: Mapping[str, Any]) -> bool:
        """Whether a section with these `values` (by value name) uses this key at all."""
        return not self.when or values.get(self.when[0]) in self.when[1:]

    def condition(self) -> str:
        """What `when` asks for, as it is written."""
        return f"{self.when[0]}: {' or '.join(self.when[1:])}"


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
        meant = self._say_unknown(entries, at)
        values: dict[str, Any] = {}
        for key in self.keys:
            if (key.name in meant and key.name not in entries) or at.notes.mistakes.tried(
                self._read_key, key, entries, values, node, at
            ) is UNSOUND:
                values[key.value_name] = UNSOUND
        return values

    def entries(self, node: Node, at: At) -> Mapping[str, Node]:
        """The entries of `node`, or the one that a single value stands for."""
        if isinstance(node.data, Mapping):
            return node.data
        if self.bare and isinstance(node.data, str) and not node.empty:
            return {self.bare: node}
        if node.empty:
            raise mistake(node.where, at.path, "no value; give its keys below it, or leave it out")
        raise mistake(node.where, at.path, f"expected {self.describe()}, found {node.kind}")

    def spellings(self) -> dict[str, Key]:
        """Every name a key may be written with."""
        return {name: key for key in self.keys for name in (key.name, *key.aliases)}

    def _say_unknown(self, entries: Mapping[str, Node], at: At) -> set[str]:
        """Note the keys that are not known; the keys of the section that they may be slips of."""
        known = self.spellings()
        unknown = [name for name in entries if name not in known]
        for name in unknown[:MOST_SHOWN]:
            at.notes.mistakes.add(self._unknown(name, entries[name], known, at))
        at.notes.mistakes.count(len(unknown[MOST_SHOWN:]))
        return {known[slip].name for name in unknown[:MOST_SHOWN] for slip in close_names(name, known, 1)}

    def _unknown(self, name: str, entry: Node, known: Mapping[str, Key], at: At) -> PagedSimError:
        if name in self.later:
            return mistake(entry.where, at.child(name).path, not_available(name))
        path = at.child(name).path if name.isprintable() and 0 < len(name) <= _LONGEST_KEY else at.path
        problem = belongs(name, entry, at.path) or f"unknown key {show(name)}; {did_you_mean(name, known)}"
        return mistake(entry.where, path, problem)

    def _read_key(self, key: Key, entries: Mapping[str, Node], values: dict[str, Any], section: Node, at: At) -> None:
        here = at.child(key.name)
        given = [name for name in (key.name, *key.aliases) if name in entries]
        if len(given) > 1:
            raise mistake(entries[given[1]].where, here.path, f"{' and '.join(given)} mean the same; give one of them")
        if given and not self._uses(key, values):
            raise mistake(entries[given[0]].where, here.path, f"only {key.condition()} uses it; remove it")
        if given:
            for rival in key.excludes:
                if rival in entries:
                    problem = f"given beside {rival}, which it replaces; leave one of them out"
                    raise mistake(entries[given[0]].where, here.path, problem)
            values[key.value_name] = here.read(key.shape, entries[given[0]])
        elif key.required:
            raise mistake(section.where, here.path, key.missing())
        elif self._uses(key, values):
            self._default(key, values, section, here)

    def _uses(self, key: Key, values: Mapping[str, Any]) -> bool:
        """Whether the section uses a key; where that cannot be known it does."""
        try:
            return key.used(values)
        except UnsoundError:
            return True

    def _default(self, key: Key, values: dict[str, Any], section: Node, here: At) -> None:
        if key.default is not None:
            values[key.value_name] = key.default
            here.default()
        elif key.implied:
            values[key.value_name] = here.read(key.shape, Node({}, section.where, "default"))

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
                    sibling, *words = key.when
                    allowed = {"const": words[0]} if len(words) == 1 else {"enum": words}
                    condition = {"properties": {sibling: allowed}, "required": [sibling]}
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
        names = [key.name for key in self.keys]
        mapping = (
            f"a mapping with {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else f"{{{names[0]}: ...}}"
        )
        return f"{self.spellings()[self.bare].shape.describe()}, or {mapping}" if self.bare else mapping


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least one item, and of at most `most`; reads into a tuple.

    Items are known by the value of their key `label` where one is named, and by their index (from 0).
    """

    item: Shape
    label: str = ""
    most: int = MOST_VALUES

    def read(self, node: Node, at: At) -> tuple[Any, ...]:
        if not isinstance(node.data, tuple):
            raise mistake(node.where, at.path, f"expected {self.describe()}, found {node.kind}")
        if not node.data:
            raise mistake(node.where, at.path, f"the list is empty; give {self.describe()}")
        if len(node.data) > self.most:
            raise mistake(node.where, at.path, f"{len(node.data):,} items; give at most {self.most:,}")
        if self.label:
            at.mark(node)
        else:
            at.note(node)
        if self.label:
            labels = self.labels(node.data)
            return tuple(at.child(label).read(self.item, item) for item, label in zip(node.data, labels, strict=True))
        places = [at.child(index) for index in range(len(node.data))]
        for place, item in zip(places, node.data, strict=True):
            place.mark(item)
        return tuple(place.unnoted().read(self.item, item) for place, item in zip(places, node.data, strict=True))

    def labels(self, items: tuple[Node, ...]) -> list[str]:
        """What the items are called in key paths: their label where it is there and unique, their index otherwise."""
        names = []
        for item in items:
            entry = item.data.get(self.label) if isinstance(item.data, Mapping) else None
            names.append(entry.data if entry and isinstance(entry.data, str) else "")
        usable = {name for name, count in Counter(names).items() if count == 1 and _LABEL.fullmatch(name)}
        return [name if name in usable else str(index) for index, name in enumerate(names)]

    def dump(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.item.dump(item) for item in value]

    def schema(self) -> dict[str, Any]:
        most = {} if self.most == MOST_VALUES else {"maxItems": self.most}
        return {"type": "array", "items": self.item.schema(), "minItems": 1, **most}

    def describe(self) -> str:
        return f"a list, each item {self.item.describe()}"


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
