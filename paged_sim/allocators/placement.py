"""Placement of extents: where a contiguous policy puts a reservation, and what becomes of freed memory.

A placement is a file in `placements/` and a line in `PLACEMENTS`. The functions below are what it is asked, over a
`Space`: it defines those that it answers in its own way, the rest is that of rules over free extents
(`placements/extents.py`) or, where memory is cut differently, of `placements/apart.py`.
"""

from __future__ import annotations

from paged_sim.allocators.placements import (
    best_fit,
    buddy,
    first_fit,
    next_fit,
    size_classes,
    tlsf,
    tlsf_headerless,
    worst_fit,
)
from paged_sim.allocators.space import RULE, Space
from paged_sim.compiled import numbered

PLACEMENTS = {
    placement.word: placement
    for placement in (
        first_fit.PLACEMENT,
        best_fit.PLACEMENT,
        worst_fit.PLACEMENT,
        next_fit.PLACEMENT,
        buddy.PLACEMENT,
        tlsf.PLACEMENT,
        tlsf_headerless.PLACEMENT,
        size_classes.PLACEMENT,
    )
}
"""All of them, as a scenario names them. The place here is the number by which compiled code knows one."""

FUNCTIONS = [placement.functions for placement in PLACEMENTS.values()]
TYPES = [placement.space for placement in PLACEMENTS.values()]


def create(word: str, capacity: int) -> Space:
    """A wholly free space of a placement. Only what it uses takes memory."""
    placement = PLACEMENTS[word]
    space: Space = placement.functions.create(list(PLACEMENTS).index(word), capacity)
    return placement.space(*space)


def compiled_with(word: str) -> str:
    """The first of the placements that are compiled together with this one."""
    return next(other for other, placement in PLACEMENTS.items() if placement.space is PLACEMENTS[word].space)


def is_new(space: Space) -> bool:
    """Whether all slots are free and as little cut up as at the start."""
    answer: bool = FUNCTIONS[space.numbers[RULE]].is_new(space)
    return answer


@numbered(FUNCTIONS, TYPES)
def fits(space: Space, length: int) -> bool:
    """Whether `place` of `length` slots would succeed now."""
    answer: bool = FUNCTIONS[space.numbers[RULE]].fits(space, length)
    return answer


@numbered(FUNCTIONS, TYPES)
def longest(space: Space) -> int:
    """The longest extent that could be placed now."""
    answer: int = FUNCTIONS[space.numbers[RULE]].longest(space)
    return answer


@numbered(FUNCTIONS, TYPES)
def how_many(space: Space, length: int, enough: int) -> int:
    """Extents of `length` slots that could be placed now, one after the other; counting stops at `enough`."""
    answer: int = FUNCTIONS[space.numbers[RULE]].how_many(space, length, enough)
    return answer


@numbered(FUNCTIONS, TYPES)
def placed_length(space: Space, length: int) -> int:
    """Slots that placing `length` takes at least, after rounding."""
    answer: int = FUNCTIONS[space.numbers[RULE]].placed_length(space, length)
    return answer


@numbered(FUNCTIONS, TYPES)
def place(space: Space, length: int) -> int:
    """Take an extent of `length` slots, or the block that holds them; its start, or NO_ROOM and nothing has changed."""
    answer: int = FUNCTIONS[space.numbers[RULE]].place(space, length)
    return answer


@numbered(FUNCTIONS, TYPES)
def length_at(space: Space, start: int, length: int) -> int:
    """Slots that were taken when `length` were last placed at `start`."""
    answer: int = FUNCTIONS[space.numbers[RULE]].length_at(space, start, length)
    return answer


@numbered(FUNCTIONS, TYPES)
def extend(space: Space, start: int, length: int, extra: int) -> bool:
    """Take `extra` slots right behind the `length` slots that were taken at `start`; False if they are not free."""
    answer: bool = FUNCTIONS[space.numbers[RULE]].extend(space, start, length, extra)
    return answer


@numbered(FUNCTIONS, TYPES)
def give_back(space: Space, start: int, length: int) -> None:
    """Free what was taken at `start`, `length` slots, and merge it with what is free beside it."""
    FUNCTIONS[space.numbers[RULE]].give_back(space, start, length)


@numbered(FUNCTIONS, TYPES)
def find(space: Space, length: int) -> int:
    """Start of the free extent that a rule chooses for `length` slots, or NO_ROOM."""
    answer: int = FUNCTIONS[space.numbers[RULE]].find(space, length)
    return answer


@numbered(FUNCTIONS, TYPES)
def note(space: Space, start: int, length: int) -> None:
    """Learn of a free extent that has just been entered."""
    FUNCTIONS[space.numbers[RULE]].note(space, start, length)


@numbered(FUNCTIONS, TYPES)
def forget(space: Space, start: int) -> None:
    """Learn that a free extent is struck out: it is taken, or part of a larger one."""
    FUNCTIONS[space.numbers[RULE]].forget(space, start)
