"""The placements of contiguous allocation, a file each; `placement.py` has the table and says what each is asked."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Placement:
    """A placement: its word and what it means, its functions, and what `explain` calls what it rounds a demand to."""

    word: str
    meaning: str
    functions: ModuleType
    block: str = ""
