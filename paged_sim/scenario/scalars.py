"""Shapes of single values: numbers with or without a unit, words, flags, names and paths.

Every shape (here, in `shapes`, `variants` and `compound`) reads a node into a value, dumps a value as JSON in the
file's own form, describes itself in words and as a JSON Schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from paged_sim.scenario.catalogues import instead, is_known, known_names
from paged_sim.scenario.context import At, did_you_mean, mistake, not_available, scalar_text
from paged_sim.scenario.nodes import Node
from paged_sim.scenario.units import INTEGER, Unit
from paged_sim.wording import show

_ANY_TEXT = r".*\S.*"
_LONGEST_TEXT = 1000
_MOST_FILES = 10_000


class Shape(Protocol):
    """What a value of a scenario may look like."""

    def read(self, node: Node, at: At) -> Any:
        """The value in base units; notes origins; raises PagedSimError with the place and what to write instead."""

    def dump(self, value: Any) -> Any:
        """The JSON of a value that `read` made, in the file's own form, quantities as numbers in base units."""

    def schema(self) -> dict[str, Any]:
        """A JSON Schema of everything `read` accepts."""

    def describe(self) -> str:
        """The type in a few words."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of some unit within bounds (`above` and `below` exclude the bound itself).

    `beyond` replaces the message for a value over `maximum`.
    """

    unit: Unit = INTEGER
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    multiple_of: int | None = None
    beyond: str = ""

    def read(self, node: Node, at: At) -> int | float:
        text = scalar_text(node, at, self.describe()).strip()
        if node.quoted and self.unit.plain and text[-1:].isdigit():
            raise mistake(node.where, at.path, f"{show(text)} is quoted text; write {self.unit.name} without quotes")
        try:
            value = self.unit.parse(text)
        except ValueError as error:
            raise mistake(node.where, at.path, str(error)) from None
        if problem := self._out_of_bounds(value, text):
            raise mistake(node.where, at.path, problem)
        at.note(node)
        return value

    def _out_of_bounds(self, value: float, text: str) -> str:
        if self.maximum is not None and value > self.maximum:
            return self.beyond or f"{text} is too large; write at most {_plain(self.maximum)}"
        if self.below is not None and value >= self.below:
            return f"{text} is too large; write less than {_plain(self.below)}"
        if self.minimum is not None and value < self.minimum:
            return f"{text} is too small; write at least {_plain(self.minimum)}"
        if self.above is not None and value <= self.above:
            return f"{text} is too small; write more than {_plain(self.above)}"
        if self.multiple_of and value % self.multiple_of:
            return f"{text} is not a multiple of {self.multiple_of}; write one"
        return ""

    def dump(self, value: float) -> int | float:
        return value

    def schema(self) -> dict[str, Any]:
        bounds = {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "exclusiveMinimum": self.above,
            "exclusiveMaximum": self.below,
            "multipleOf": self.multiple_of,
        }
        number = {"type": "integer" if self.unit.whole else "number"}
        plain = {**number, **{key: bound for key, bound in bounds.items() if bound is not None}}
        text = {"type": "string", "pattern": self.unit.pattern}
        if "" in self.unit.factors:
            return {"anyOf": [plain, text]}
        return {"anyOf": [text, {"const": 0}]} if self.unit.bare_zero and self.above is None else text

    def describe(self) -> str:
        bounds = [
            f"{sign} {_plain(bound)}"
            for sign, bound in ((">=", self.minimum), (">", self.above), ("<=", self.maximum), ("<", self.below))
            if bound is not None
        ]
        if self.multiple_of:
            bounds.append(f"multiple of {self.multiple_of}")
        return " ".join([self.unit.name, ", ".join(bounds)]).strip()


def _plain(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words, or a `number` where one is given.

    Spellings in `also` are read but not advertised; words of `later` releases are refused by name.
    """

    words: tuple[str, ...]
    later: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    number: Number | None = None

    def read(self, node: Node, at: At) -> str | int | float:
        text = scalar_text(node, at, self.describe())
        if text in self.words or text in self.also:
            at.note(node)
            return text
        if text in self.later:
            raise mistake(node.where, at.path, not_available(text, f"write {' or '.join(self.words)}"))
        if self.number and text[:1] in "+-.0123456789":
            return self.number.read(node, at)
        also = f", or {self.number.unit.accepts}" if self.number else ""
        raise mistake(node.where, at.path, f"unknown {show(text)}; {did_you_mean(text, self.words)}{also}")

    def dump(self, value: str | float) -> str | float:
        return value

    def schema(self) -> dict[str, Any]:
        words = {"enum": [*self.words, *self.also]}
        return {"anyOf": [words, self.number.schema()]} if self.number else words

    def describe(self) -> str:
        return " or ".join([*self.words, *([self.number.describe()] if self.number else [])])


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false and nothing else."""

    def read(self, node: Node, at: At) -> bool:
        text = scalar_text(node, at, self.describe())
        if node.quoted or text not in ("true", "True", "TRUE", "false", "False", "FALSE"):
            raise mistake(node.where, at.path, f"{show(text)} is neither true nor false; write true or false")
        at.note(node)
        return text.lower() == "true"

    def dump(self, value: bool) -> bool:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def describe(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a form: `pattern` must match all of it, `accepts` says so in words."""

    accepts: str
    pattern: str = _ANY_TEXT

    def read(self, node: Node, at: At) -> str:
        text = scalar_text(node, at, self.accepts)
        if len(text) > _LONGEST_TEXT:
            raise mistake(node.where, at.path, f"{len(text):,} characters; write at most {_LONGEST_TEXT:,}")
        if not re.fullmatch(self.pattern, text):
            raise mistake(node.where, at.path, f"{show(text)} will not do; write {self.accepts}")
        at.note(node)
        return text

    def dump(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, Any]:
        form: dict[str, Any] = {"type": "string", "pattern": f"^(?:{self.pattern})$"}
        return form if self.pattern != _ANY_TEXT else {**form, "type": ["string", "number", "boolean"]}

    def describe(self) -> str:
        return self.accepts


@dataclass(frozen=True, slots=True)
class Name:
    """A name from one of the project's catalogues ("model", "histogram")."""

    catalogue: str

    def read(self, node: Node, at: At) -> str:
        text = scalar_text(node, at, self.describe())
        if not is_known(self.catalogue, text):
            raise mistake(
                node.where, at.path, f"unknown {self.catalogue} {show(text)}; {instead(self.catalogue, text)}"
            )
        at.note(node)
        return text

    def dump(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, Any]:
        return {"enum": known_names(self.catalogue)}

    def describe(self) -> str:
        return f"the name of a {self.catalogue}"


@dataclass(frozen=True, slots=True)
class FilePath:
    """A file that is there. A relative path starts from the scenario's folder, in a flag from the current one.

    A folder that has the file `inside` will do as well.
    """

    inside: str = ""

    def read(self, node: Node, at: At) -> Path:
        text = scalar_text(node, at, self.describe())
        path = node.base / text
        try:
            found = path.is_file() or (self.inside and (path / self.inside).is_file())
            folder = f"is a directory without {self.inside}" if self.inside else "is a directory"
            other = "is a device or a pipe, and no regular file" if path.exists() else "is not there"
            problem = "" if found else folder if path.is_dir() else other
        except (OSError, ValueError):
            problem = "is no possible file name"
        if problem:
            raise mistake(node.where, at.path, f"the file {show(str(path))} {problem}; check the path")
        at.note(node)
        return path

    def dump(self, value: Path) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}

    def describe(self) -> str:
        return f"the path of a file or of a folder with {self.inside}" if self.inside else "the path of a file"


@dataclass(frozen=True, slots=True)
class FilePaths:
    """One file, a list of files, or a pattern such as `conversations/*.json`; reads into a tuple, patterns sorted."""

    def read(self, node: Node, at: At) -> tuple[Path, ...]:
        if isinstance(node.data, tuple):
            if not node.data:
                raise mistake(node.where, at.path, f"the list is empty; give {self.describe()}")
            at.note(node)
            return tuple(path for item in node.data for path in self._read_one(item, at.unnoted()))
        return self._read_one(node, at)

    def _read_one(self, node: Node, at: At) -> tuple[Path, ...]:
        text = scalar_text(node, at, self.describe())
        if not any(sign in text for sign in "*?[") or (node.base / text).is_file():
            return (FilePath().read(node, at),)
        pattern = node.base / text
        try:
            folder = Path(pattern.anchor)
            every = (path for path in folder.glob(str(pattern.relative_to(folder))) if path.is_file())
            found = tuple(sorted(islice(every, _MOST_FILES + 1)))
        except (OSError, ValueError):
            found = ()
        if len(found) > _MOST_FILES:
            raise mistake(node.where, at.path, f"more than {_MOST_FILES:,} files are called like {show(text)}")
        if not found:
            raise mistake(node.where, at.path, f"no file is called like {show(text)}; check the pattern")
        at.note(node)
        return found

    def dump(self, value: tuple[Path, ...]) -> str | list[str]:
        return str(value[0]) if len(value) == 1 else [str(path) for path in value]

    def schema(self) -> dict[str, Any]:
        one = FilePath().schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    def describe(self) -> str:
        return "the path of a file, a list of paths, or a pattern"
