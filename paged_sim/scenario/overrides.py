"""`--set path=value`: changing one value of a file's tree before it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.scenario.compound import Expectations
from paged_sim.scenario.context import At, did_you_mean, mistake
from paged_sim.scenario.keys import SCENARIO
from paged_sim.scenario.nodes import Node, Origin, compose
from paged_sim.scenario.scalars import Shape
from paged_sim.scenario.shapes import ListOf, ScalarOrList, Section
from paged_sim.scenario.variants import Variants, Way
from paged_sim.wording import one_line


def apply_set(root: Node, assignment: str) -> Node:
    """The tree with `path=value` set; raises PagedSimError that names the flag."""
    path, equals, text = assignment.partition("=")
    flag = f"--set {one_line(assignment)}"
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise PagedSimError(f"{flag}: expected path=value, such as scheduler.max_num_seqs=64")
    if text.lstrip().startswith(">"):  # an expression; YAML would take it for a block of text
        value = Node(text, flag, "--set", quoted=True)
    else:
        value = compose(text, Origin(flag, Path(), "--set")) or Node("", flag, "--set")
    return _put(SCENARIO, root, keys, value, At())


def apply_flag(root: Node, flag: str, path: str, text: str) -> Node:
    """The tree with the value `text` of the option `flag` at `path`."""
    value = Node(text, f"{flag} {one_line(text)}", flag)
    return _put(SCENARIO, root, path.split("."), value, At())


def _put(shape: Shape | None, node: Node | None, keys: list[str], value: Node, at: At) -> Node:
    """`node`, of the given shape, with `value` put below it at `keys`."""
    if not keys:
        return value
    if isinstance(shape, ScalarOrList):
        shape = shape.list
    if isinstance(shape, Expectations):
        keys = [".".join(keys)]
    if isinstance(shape, ListOf):
        return _put_in_list(shape, node, keys, value, at)
    if isinstance(shape, Variants):
        section, node = _way(shape, node, keys[0], value, at)
        return _put_in_mapping(section, node, keys, value, at)
    return _put_in_mapping(shape if isinstance(shape, Section) else None, node, keys, value, at)


def _way(shape: Variants, node: Node | None, key: str, value: Node, at: At) -> tuple[Section | None, Node | None]:
    """The section that knows `key`, and `node` if it says the thing in this way already: one way replaces another.

    Only the first key of a way can begin it: any other, which the way that `node` takes does not know, is a mistake.
    """
    ways = [(way, section) for way, section in shape.sections() if key in section.spellings()]
    for way, section in ways:
        entries = _entries(section, node)
        if entries and way in shape.way_of(entries):
            return section, node
    begun = [section for _, section in ways if key in (section.keys[0].name, *section.keys[0].aliases)]
    if ways and not begun and node is not None and isinstance(node.data, Mapping) and node.data:
        said = " and ".join(node.data)
        raise mistake(value.where, at.child(key).path, f"what {said} says has no {key}; {_takers(ways)}")
    return (ways[0][1], None) if ways else (None, node)


def _takers(ways: list[tuple[Way, Section]]) -> str:
    """The ways that have a key, by their first ones."""
    return f"it goes with {', '.join(section.keys[0].name for _, section in ways)}"


def _entries(section: Section | None, node: Node | None) -> dict[str, Node]:
    if node is None or node.empty:
        return {}
    if isinstance(node.data, Mapping):
        return dict(node.data)
    return {section.bare: node} if section and section.bare and isinstance(node.data, str) else {}


def _put_in_mapping(section: Section | None, node: Node | None, keys: list[str], value: Node, at: At) -> Node:
    entries = _entries(section, node)
    name, here = keys[0], at.child(keys[0])
    key = section.spellings().get(name) if section else None
    changed = _put(key.shape if key else None, entries.get(name), keys[1:], value, here)
    if section and key:
        for other in (key.name, *key.aliases, *key.excludes, *_unused(section, key.name, value)):
            entries.pop(other, None)
    entries[name] = changed
    return replace(node, data=entries) if node and isinstance(node.data, Mapping) else replace(value, data=entries)


def _unused(section: Section, name: str, value: Node) -> list[str]:
    """The keys that a section has no use for once its key `name` is `value`."""
    gone: list[str] = []
    for key in section.keys:
        if key.when and ((key.when[0] == name and value.data not in key.when[1:]) or key.when[0] in gone):
            gone += [key.name, *key.aliases]
    return gone


def _put_in_list(shape: ListOf, node: Node | None, keys: list[str], value: Node, at: At) -> Node:
    items = node.data if node and isinstance(node.data, tuple) else ()
    labels = shape.labels(items) if shape.label else [str(index) for index in range(len(items))]
    name = keys[0]
    if not node or not items:
        raise mistake(value.where, at.path, "there is no list to change; set the whole list")
    if name not in labels and not (name.isdecimal() and int(name) < len(items)):
        hint = did_you_mean(name, labels) if shape.label else f"write 0 to {len(items) - 1}"
        raise mistake(value.where, at.path, f"there is no item {name!r}; {hint}")
    index = labels.index(name) if name in labels else int(name)
    changed = _put(shape.item, items[index], keys[1:], value, at.child(name))
    return replace(node, data=(*items[:index], changed, *items[index + 1 :]))
