"""YAML text as a tree that knows where every value stands. Values stay text: what is expected decides how to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from paged_sim.errors import PagedSimError
from paged_sim.scenario.units import show

_STANDARD_TAGS = tuple(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
)
_NULLS = ("", "~", "null", "Null", "NULL")
_UNQUOTED_COMPARISON = re.compile(r":\s+>=?\s*(?:[-+.0-9]|baseline)")
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a scenario: text, a list or a mapping, and where it stands.

    `where` opens a message ("file.yaml:12", "--set seed=x"); `origin` is what reports print ("file.yaml:12", "--set").
    Relative paths in the value start from `base`.
    """

    data: str | tuple[Node, ...] | Mapping[str, Node]
    where: str
    origin: str
    base: Path = field(default_factory=Path)
    quoted: bool = False

    @property
    def empty(self) -> bool:
        """No value at all: `key:` with nothing behind it, or null."""
        return not self.quoted and isinstance(self.data, str) and self.data in _NULLS

    @property
    def kind(self) -> str:
        """What stands here, in words."""
        if self.empty:
            return "nothing"
        return "text" if isinstance(self.data, str) else "a list" if isinstance(self.data, tuple) else "a mapping"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a text is: a file called `label` (`flag` None), or the value of a flag."""

    label: str
    base: Path
    flag: str | None = None

    def where(self, line: int) -> str:
        """The opening of a message about `line` (from 0)."""
        return self.label if self.flag else f"{self.label}:{line + 1}"

    def node(self, data: str | tuple[Node, ...] | Mapping[str, Node], line: int, quoted: bool = False) -> Node:
        """A node of this text."""
        where = self.where(line)
        return Node(data, where, self.flag or where, self.base, quoted)


def compose(text: str, origin: Origin) -> Node | None:
    """The tree of one YAML document, None when it holds nothing.

    Raises PagedSimError with the line for broken YAML, a key given twice, an unknown tag or a value inside itself.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, loader)
        return None if root is None else _convert(root, origin, {}, 0)
    except yaml.MarkedYAMLError as error:
        raise _broken(error, text, origin) from None
    except (yaml.YAMLError, UnicodeEncodeError):
        raise PagedSimError(f"{origin.label}: a character that YAML does not allow in text; remove it") from None
    except RecursionError:
        raise PagedSimError(f"{origin.label}: lists or mappings are nested too deeply; a scenario is flat") from None


def _broken(error: yaml.MarkedYAMLError, text: str, origin: Origin) -> PagedSimError:
    lines = text.splitlines()
    line_number = min(error.problem_mark.line if error.problem_mark else 0, len(lines) - 1)
    line = lines[line_number]
    where = origin.where(line_number)
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return PagedSimError(f"{where}: a tab at the start of the line; indent with spaces")
    if _UNQUOTED_COMPARISON.search(line):
        return PagedSimError(f'{where}: YAML reads > as the start of a text block; quote the expression: ">= 0.9"')
    if line.startswith("---"):
        return PagedSimError(f"{where}: a second document begins here; a file holds one scenario")
    problem = " ".join(str(error.problem or error.context).split())
    return PagedSimError(f"{where}: broken YAML: {problem}; check brackets, quotes, colons and indentation near here")


def _convert(node: yaml.Node, origin: Origin, done: dict[int, Node], depth: int) -> Node:
    line = node.start_mark.line
    if id(node) in done:
        return done[id(node)]
    if depth > _MAX_DEPTH:
        raise PagedSimError(f"{origin.where(line)}: nested too deeply, or a value inside itself; a scenario is flat")
    if node.tag not in _STANDARD_TAGS:
        raise PagedSimError(f"{origin.where(line)}: the tag {show(node.tag)} is not supported; remove it")
    if isinstance(node.value, str):
        made = origin.node(node.value, line, quoted=bool(getattr(node, "style", None)))
    elif isinstance(node, yaml.SequenceNode):
        made = origin.node(tuple(_convert(item, origin, done, depth + 1) for item in node.value), line)
    else:
        made = origin.node(_entries(node, origin, done, depth + 1), line)
    done[id(node)] = made
    return made


def _entries(node: yaml.Node, origin: Origin, done: dict[int, Node], depth: int) -> dict[str, Node]:
    """The entries of a mapping, each standing on the line of its key; `<<` fills in what is not given."""
    own: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    for key, value in node.value:
        line = key.start_mark.line
        if not isinstance(key.value, str):
            raise PagedSimError(f"{origin.where(line)}: a key must be a plain word, not a list or a mapping")
        child = _convert(value, origin, done, depth)
        if key.tag.endswith(":merge"):
            for source in _merge_sources(child):
                merged = {**source, **merged}
        elif key.value in own:
            first = own[key.value].where
            raise PagedSimError(f"{origin.where(line)}: key {show(key.value)} is given twice (first at {first})")
        else:
            at_key = origin.node("", line)
            own[key.value] = replace(child, where=at_key.where, origin=at_key.origin)
    return {**merged, **own}


def _merge_sources(node: Node) -> Iterator[Mapping[str, Node]]:
    for source in node.data if isinstance(node.data, tuple) else (node,):
        if not isinstance(source, Node) or not isinstance(source.data, Mapping):
            raise PagedSimError(
                f"{node.where}: << takes a mapping or a list of mappings; give it an alias such as *base"
            )
        yield source.data
