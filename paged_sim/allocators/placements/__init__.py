"""The placements of contiguous allocation, a file each; `placement.py` has the table and says what each is asked."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from paged_sim.allocators.space import Space


@dataclass(frozen=True, slots=True)
class Placement:
    """A placement: its word and what it means, and its functions.

    `block` is what `explain` calls what it rounds a demand to; only a placement that has one books `rounding`. `exact`:
    a demand takes its `placed_length` wherever it is placed, and that again if it is asked for.
    `ordered`: what is shorter than a demand that fits does so, too. `space`: the type of what it keeps; placements of
    one type are compiled together, whichever of them a scenario has.
    """

    word: str
    meaning: str
    functions: ModuleType
    block: str = ""
    exact: bool = True
    ordered: bool = True
    space: type[Space] = Space
