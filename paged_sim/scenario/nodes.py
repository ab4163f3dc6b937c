"""YAML text as a tree that knows where every value stands. Values stay text: what is expected decides how to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from paged_sim.errors import PagedSimError
from paged_sim.scenario.mistakes import Mistakes
from paged_sim.wording import show

_STANDARD_TAGS = tuple(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
)
_NULLS = ("", "~", "null", "Null", "NULL")
_UNQUOTED_COMPARISON = re.compile(r":\s+>=?\s*(?:[-+.0-9]|baseline)")
_MAX_DEPTH = 32

MOST_VALUES = 50_000
"""Values of a scenario. What has more is a trace, and as YAML would take seconds to read."""


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


def compose(text: str, origin: Origin, mistakes: Mistakes | None = None) -> Node | None:
    """The tree of one YAML document, None when it holds nothing.

    A key given twice, an unknown tag or a value inside itself goes to `mistakes`, if they are gathered. Raises
    PagedSimError with the line for broken YAML, and for text with more than `MOST_VALUES` values.
    """
    if sum(map(text.count, ",\n[{")) > MOST_VALUES:
        raise PagedSimError(
            f"{origin.label}: more than {MOST_VALUES:,} values; put long lists of requests into a trace"
        )
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, loader)
    except yaml.MarkedYAMLError as error:
        raise _broken(error, text, origin) from None
    except (yaml.YAMLError, UnicodeEncodeError):
        raise PagedSimError(f"{origin.label}: a character that YAML does not allow in text; remove it") from None
    except RecursionError:
        raise PagedSimError(f"{origin.label}: lists or mappings are nested too deeply; a scenario is flat") from None
    if root is None:
        return None
    tree = _Tree(origin)
    node = tree.convert(root, 0)
    if mistakes is None:
        tree.mistakes.raise_any()
    else:
        mistakes.add_all(tree.mistakes)
    return node


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


class _Tree:
    """What YAML composed, as nodes of a scenario."""

    def __init__(self, origin: Origin) -> None:
        self.mistakes = Mistakes()
        self._origin = origin
        self._done: dict[int, Node] = {}
        self._entered = 0

    def convert(self, node: yaml.Node, depth: int) -> Node:
        """The node and everything in it; what an alias stands for is one node, however often it appears."""
        line = node.start_mark.line
        where = self._origin.where(line)
        if id(node) in self._done:
            return self._done[id(node)]
        if depth > _MAX_DEPTH:
            raise PagedSimError(f"{where}: nested too deeply, or a value inside itself; a scenario is flat")
        if node.tag not in _STANDARD_TAGS:
            self.mistakes.add(PagedSimError(f"{where}: the tag {show(node.tag)} is not supported; remove it"))
        if isinstance(node.value, str):
            made = self._origin.node(node.value, line, quoted=bool(getattr(node, "style", None)))
        elif isinstance(node, yaml.SequenceNode):
            made = self._origin.node(tuple(self.convert(item, depth + 1) for item in node.value), line)
        else:
            made = self._origin.node(self._entries(node, depth + 1), line)
        self._done[id(node)] = made
        return made

    def _entries(self, node: yaml.Node, depth: int) -> dict[str, Node]:
        """The entries of a mapping, each standing on the line of its key; `<<` fills in what is not given."""
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in node.value:
            where = self._origin.where(key.start_mark.line)
            if not isinstance(key.value, str):
                self.mistakes.add(PagedSimError(f"{where}: a key must be a plain word, not a list or a mapping"))
                continue
            child = self.convert(value, depth)
            if key.tag.endswith(":merge"):
                for source in self._merge_sources(child):
                    merged = {**source, **merged}
                    self._enter(len(merged), where)
            elif key.value in own:
                first = own[key.value].where
                self.mistakes.add(PagedSimError(f"{where}: key {show(key.value)} is given twice (first at {first})"))
            else:
                at_key = self._origin.node("", key.start_mark.line)
                own[key.value] = replace(child, where=at_key.where, origin=at_key.origin)
        return {**merged, **own}

    def _enter(self, number: int, where: str) -> None:
        """Count what `<<` copies, which is more than stands in the text."""
        self._entered += number
        if self._entered > MOST_VALUES:
            raise PagedSimError(f"{where}: << makes more than {MOST_VALUES:,} values; write less of them")

    def _merge_sources(self, node: Node) -> Iterator[Mapping[str, Node]]:
        for source in node.data if isinstance(node.data, tuple) else (node,):
            if isinstance(source, Node) and isinstance(source.data, Mapping):
                yield source.data
            else:
                problem = "<< takes a mapping or a list of mappings; give it an alias such as *base"
                self.mistakes.add(PagedSimError(f"{node.where}: {problem}"))
