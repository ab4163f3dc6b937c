"""What reading a scenario carries along: the key path, where each value came from, and how a mistake is worded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from paged_sim.errors import PagedSimError
from paged_sim.scenario.mistakes import Mistakes
from paged_sim.scenario.nodes import Node
from paged_sim.wording import show, suggestion


@dataclass(frozen=True, slots=True)
class Notes:
    """By key path: the origin of each value, and the opening of a message about each value or section that is given.

    And, beside them, what is wrong so far.
    """

    origins: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    mistakes: Mistakes = field(default_factory=Mistakes)


class Reads(Protocol):
    """A shape, as far as it is needed here."""

    def read(self, node: Node, at: At) -> Any:
        """The value that a node holds. Raises PagedSimError."""


@dataclass(frozen=True, slots=True)
class At:
    """A key path and the notes of the whole scenario."""

    path: str = ""
    notes: Notes = field(default_factory=Notes)

    def child(self, key: str | int) -> At:
        """The place of `key` below this one."""
        return At(f"{self.path}.{key}" if self.path else str(key), self.notes)

    def unnoted(self) -> At:
        """This place with notes of its own, for the items of a long list."""
        return At(self.path, Notes(mistakes=self.notes.mistakes))

    def read(self, shape: Reads, node: Node) -> Any:
        """The value of `shape` that stands here; `UNSOUND` where there is none, which is noted as a mistake."""
        return self.notes.mistakes.tried(shape.read, node, self)

    def note(self, node: Node) -> None:
        """Remember the origin of the value `node` and its place."""
        self.notes.origins[self.path] = node.origin
        self.notes.places[self.path] = node.where

    def mark(self, node: Node) -> None:
        """Remember the place of the section `node`."""
        self.notes.places[self.path] = node.where

    def default(self) -> None:
        """Remember that the value here is the default."""
        self.notes.origins[self.path] = "default"


def mistake(where: str, path: str, problem: str) -> PagedSimError:
    """The error for what is wrong at `path`; a flag that names the path already does not repeat it."""
    named = not path or (where.startswith("--") and (path in where or not where.startswith("--set ")))
    return PagedSimError(f"{where}: {problem}" if named else f"{where}: {path}: {problem}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion for a name that is not among `known`, or the list of them where nothing is close."""
    names = list(known)
    return suggestion(name, names, f"write {'one of ' * (len(names) > 1)}{', '.join(names)}")


def scalar_text(node: Node, at: At, expected: str) -> str:
    """The text of a single value; an error where there is none."""
    if node.empty:
        raise mistake(node.where, at.path, f"no value; give {expected}")
    if not isinstance(node.data, str):
        raise mistake(node.where, at.path, f"expected {expected}, found {node.kind}")
    return node.data


def not_available(name: str, advice: str = "remove it") -> str:
    """The problem with something of a later release."""
    return f"{show(name)} is not available in this version; {advice}"
