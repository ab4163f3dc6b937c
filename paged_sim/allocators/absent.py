"""The answers of a family that lacks an ability: nothing is shared, kept for later, moved or cut into pages.

What a family's module does not define is answered here, in plain Python as in compiled code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paged_sim import allocators
from paged_sim.allocators.contract import KEPT, NO_ROOM, Copied, Evictable, Listed, Matched

if TYPE_CHECKING:
    from paged_sim.allocators import State


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


def match(state: State, request: int, tokens: int) -> int:
    """Nothing is kept for later."""
    return 0


def matched(state: State) -> Matched:
    """Nothing is ever found."""
    return Matched(0, 0)


def copied(state: State) -> Copied:
    """Nothing is ever found."""
    return Copied(0, 0)


def insert(state: State, row: int, tokens: int, comes_back: bool) -> None:
    """Nothing is kept for later."""


def evictable(state: State) -> Evictable:
    """Nothing is kept for later."""
    return Evictable(0, 0)
