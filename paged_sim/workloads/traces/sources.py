"""A trace file as blocks of rows, whatever it is: a table of text cells or JSON objects; each can name its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

EMPTY_PROMPT = "empty prompt"
FAILED = "failed"
"""Why a row is no request."""

MISSING = object()
"""What a row holds where it has no such column."""


class Block(Protocol):
    """Rows that lie together in the file."""

    @property
    def cells_are_text(self) -> bool:
        """Whether values are text that stands for numbers: cells of a table."""

    def __len__(self) -> int: ...

    def column(self, name: str) -> list[Any]:
        """The value of each row under a name, `MISSING` where it has none."""

    def place(self, row: int, name: str) -> str:
        """Where a value stands, for the front of a message: `file:line: column NAME`."""


class Source(Protocol):
    """A file whose rows can be read."""

    path: Path
    skipped: Counter[str]

    @property
    def names(self) -> list[str]:
        """The names of its columns, nested keys with dots, in the order of the file."""

    def resolve(self, wanted: str) -> str | None:
        """The name in `names` that a user's `wanted` means, None where none does."""

    def blocks(self) -> Iterator[Block]:
        """The rows in the order of the file, at least one block."""
