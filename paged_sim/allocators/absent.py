"""The answers of a family that lacks an ability: nothing is shared, kept for later, moved or cut into pages.

What a family's module does not define is answered here, in plain Python as in compiled code.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from paged_sim import allocators
from paged_sim.allocators.contract import KEPT, NO_ROOM, CachedSlots, Copied, Found, Listed

if TYPE_CHECKING:
    from paged_sim.allocators import State


def completed(module: ModuleType) -> ModuleType:
    """The module of a family, after it was given these answers for what it says nothing about."""
    for name, answer in ANSWERS.items():
        if not hasattr(module, name):
            setattr(module, name, answer)
    return module


def expect(state: State, row: int) -> None:
    """It has nothing to bring closer."""


def list_pages(state: State, row: int, position: int, count: int, into: Listed, place: int) -> None:
    """There are none."""


def moved_from(state: State) -> int:
    """Rows stay where they are."""
    return -1


def shares(state: State) -> bool:
    """Rows never share slots."""
    return False


def own_part(state: State, request: int, prompt: int, tokens: int) -> int:
    """Each sample is stored separately: as much as the first."""
    return allocators.want(state, request, tokens)


def fits_all(state: State, whole: int, part: int, others: int) -> bool:
    """As much as if all of them lay in one piece: never too much said."""
    return allocators.fits(state, (others + 1) * allocators.footprint(state, whole))


def fork(state: State, row: int, child: int) -> int:
    """Nothing can be shared."""
    return NO_ROOM


def unshare(state: State, row: int, position: int) -> int:
    """A row has its slots to itself."""
    return KEPT


def exclusive_from(state: State, row: int) -> int:
    """A row has all of its slots to itself."""
    return 0


def find(state: State, request: int, tokens: int) -> int:
    """Nothing is kept for later."""
    return 0


def found(state: State) -> Found:
    """Nothing is ever found."""
    return Found(0, 0)


def copied(state: State) -> Copied:
    """Nothing is ever found."""
    return Copied(0, 0)


def enter(state: State, row: int, tokens: int, comes_back: bool) -> None:
    """Nothing is kept for later."""


def cached_slots(state: State) -> CachedSlots:
    """Nothing is kept for later."""
    return CachedSlots(0, 0)


ANSWERS = {
    answer.__name__: answer
    for answer in (
        *(expect, list_pages),
        moved_from,
        *(shares, own_part, fits_all, fork, unshare, exclusive_from),
        *(find, found, copied, enter, cached_slots),
    )
}
