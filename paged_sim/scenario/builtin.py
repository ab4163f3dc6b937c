"""The scenarios that ship with the package, by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import NamedTuple


class Builtin(NamedTuple):
    """A built-in scenario: its name, what it shows (the first comment line of the file), and the file."""

    name: str
    description: str
    path: Path


def builtin_scenarios() -> list[Builtin]:
    """The built-in scenarios in order of name."""
    folder = Path(str(resources.files("paged_sim"))) / "data" / "scenarios"
    return [Builtin(path.stem, _first_comment(path), path) for path in sorted(folder.glob("*.yaml"))]


def _first_comment(path: Path) -> str:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and (text := line.lstrip("#").strip()):
            return text
    return ""
