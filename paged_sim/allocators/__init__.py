"""Allocators: policies that decide which slots a sequence gets. They hold no token content and no statistics.

A family is a module with a state (a named tuple of arrays) and the functions below over it; rows are the engine's
numbers for resident sequences. Their docstrings are the contract: no slot has two owners (but for shared pages), a row
has room for all that was asked, NO_ROOM changes nothing, `fits` says exactly what `take` then does, held and free
slots are the capacity, after everything is released the state is as new, and the same calls give the same answers.

Tokens become slots where a function takes tokens or a position: in `want`, `locate`, `beyond`, `own_part`,
`list_pages` and those of a prefix cache, and in what a family's record says of requests (`demands`). All others count
slots. The families that there are store a token in one slot.

The first group every family answers. Of the others, which are abilities, it defines what it has: the rest is answered
in `absent`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from paged_sim.allocators.contract import KEPT, NO_ROOM, Beyond, Copied, Evictable, Listed, Matched, Span
from paged_sim.allocators.families import FAMILIES, WORDS, family_of, family_with, page_size_of
from paged_sim.allocators.layout import Layout, Residents
from paged_sim.compiled import dispatched

State: TypeAlias = Any
"""A family's state: a named tuple of arrays, of a type of its own."""

FUNCTIONS = {family.state: family.functions for family in FAMILIES}

__all__ = [
    "FAMILIES",
    "KEPT",
    "NO_ROOM",
    "WORDS",
    "Beyond",
    "Copied",
    "Evictable",
    "Matched",
    "Span",
    "State",
    "beyond",
    "capacity",
    "copied",
    "evictable",
    "exclusive_from",
    "expect",
    "family_of",
    "family_with",
    "fits",
    "fits_all",
    "footprint",
    "fork",
    "free_slots",
    "grow",
    "insert",
    "is_new",
    "largest",
    "layout",
    "list_pages",
    "locate",
    "match",
    "matched",
    "moved_from",
    "own_part",
    "page_size_of",
    "release",
    "shares",
    "take",
    "unshare",
    "want",
]


# What every family answers.


@dispatched(FUNCTIONS)
def want(state: State, request: int, tokens: int) -> int:
    """Slots the policy wants to hold for `request` (a number) once it has `tokens` tokens."""
    answer: int = FUNCTIONS[type(state)].want(state, request, tokens)
    return answer


@dispatched(FUNCTIONS)
def footprint(state: State, slots: int) -> int:
    """Slots that holding `slots` really takes at least, after rounding by pages or placement."""
    answer: int = FUNCTIONS[type(state)].footprint(state, slots)
    return answer


@dispatched(FUNCTIONS)
def fits(state: State, slots: int) -> bool:
    """Whether `take` of `slots` would succeed now."""
    answer: bool = FUNCTIONS[type(state)].fits(state, slots)
    return answer


@dispatched(FUNCTIONS)
def take(state: State, row: int, slots: int) -> int:
    """Give an empty row room for `slots` slots; the slots it then holds, or NO_ROOM and nothing has changed."""
    answer: int = FUNCTIONS[type(state)].take(state, row, slots)
    return answer


@dispatched(FUNCTIONS)
def grow(state: State, row: int, slots: int) -> int:
    """Give a row room for `slots` slots in all; the slots it then holds, or NO_ROOM and nothing has changed."""
    answer: int = FUNCTIONS[type(state)].grow(state, row, slots)
    return answer


@dispatched(FUNCTIONS)
def release(state: State, row: int) -> None:
    """Take back all that a row holds."""
    FUNCTIONS[type(state)].release(state, row)


@dispatched(FUNCTIONS)
def locate(state: State, row: int, position: int) -> Span:
    """Where a row's token `position` lies, and how far the tokens behind it lie in consecutive slots."""
    answer: Span = FUNCTIONS[type(state)].locate(state, row, position)
    return answer


@dispatched(FUNCTIONS)
def beyond(state: State, row: int, final: int) -> Beyond:
    """Held slots that a row's `final` tokens will never fill."""
    answer: Beyond = FUNCTIONS[type(state)].beyond(state, row, final)
    return answer


@dispatched(FUNCTIONS)
def free_slots(state: State) -> int:
    """Slots that nobody holds."""
    answer: int = FUNCTIONS[type(state)].free_slots(state)
    return answer


@dispatched(FUNCTIONS)
def largest(state: State) -> int:
    """The largest number of slots that one `take` could get now."""
    answer: int = FUNCTIONS[type(state)].largest(state)
    return answer


@dispatched(FUNCTIONS)
def capacity(state: State) -> int:
    """Slots that could ever be handed out."""
    answer: int = FUNCTIONS[type(state)].capacity(state)
    return answer


def is_new(state: State) -> bool:
    """Whether nothing is held and the free slots are as little cut up as at the start. Not part of the step loop."""
    answer: bool = FUNCTIONS[type(state)].is_new(state)
    return answer


def layout(state: State, residents: Residents, slots: int) -> Layout:
    """What lies where in an arena of `slots`, for the memory map; not part of the step loop, and free to use NumPy."""
    answer: Layout = FUNCTIONS[type(state)].layout(state, residents, slots)
    return answer


# Pages: what may be brought closer before it is touched, and where pages begin.


@dispatched(FUNCTIONS)
def expect(state: State, row: int) -> None:
    """A row will soon grow or be released: a hint that changes nothing, for what it will touch to be brought closer."""
    FUNCTIONS[type(state)].expect(state, row)


@dispatched(FUNCTIONS)
def list_pages(state: State, row: int, position: int, count: int, into: Listed, place: int) -> None:
    """Write the first slots of `count` pages of a row to `into[place:]`, from the one that begins at `position` on."""
    FUNCTIONS[type(state)].list_pages(state, row, position, count, into, place)


# Moving a row that cannot grow in place.


@dispatched(FUNCTIONS)
def moved_from(state: State) -> int:
    """The slot at which the row of the last `grow` began before it was moved, or -1 if it stayed in place."""
    answer: int = FUNCTIONS[type(state)].moved_from(state)
    return answer


# Several samples of one request: what they take together, and sharing it.


@dispatched(FUNCTIONS)
def shares(state: State) -> bool:
    """Whether rows can share slots, so that `fork` may be asked for."""
    answer: bool = FUNCTIONS[type(state)].shares(state)
    return answer


@dispatched(FUNCTIONS)
def own_part(state: State, request: int, prompt: int, tokens: int) -> int:
    """Slots that each further sample of `request` needs with `tokens` tokens, where the first `prompt` are common."""
    answer: int = FUNCTIONS[type(state)].own_part(state, request, prompt, tokens)
    return answer


@dispatched(FUNCTIONS)
def fits_all(state: State, whole: int, part: int, others: int) -> bool:
    """Whether a row of `whole` slots and `others` rows of `part` slots each could be given room now."""
    answer: bool = FUNCTIONS[type(state)].fits_all(state, whole, part, others)
    return answer


@dispatched(FUNCTIONS)
def fork(state: State, row: int, child: int) -> int:
    """Let an empty row share all that `row` holds; the slots it then holds, or NO_ROOM where nothing can be shared."""
    answer: int = FUNCTIONS[type(state)].fork(state, row, child)
    return answer


@dispatched(FUNCTIONS)
def unshare(state: State, row: int, position: int) -> int:
    """Give a row the page of `position` to itself: the first slot of the page that it leaves to others, from which
    the content must be copied, KEPT if it had it to itself, or NO_ROOM and nothing has changed."""
    answer: int = FUNCTIONS[type(state)].unshare(state, row, position)
    return answer


@dispatched(FUNCTIONS)
def exclusive_from(state: State, row: int) -> int:
    """The position from which on nobody else owns a row's slots."""
    answer: int = FUNCTIONS[type(state)].exclusive_from(state, row)
    return answer


# A prefix cache.


@dispatched(FUNCTIONS)
def match(state: State, request: int, tokens: int) -> int:
    """How many of a request's first `tokens` tokens are already there; those count in the next `fits` and `take`.

    Always 0 without a prefix cache. The last token is never among them: its result is needed.
    """
    answer: int = FUNCTIONS[type(state)].match(state, request, tokens)
    return answer


@dispatched(FUNCTIONS)
def matched(state: State) -> Matched:
    """What the last `match` found in whole pages."""
    answer: Matched = FUNCTIONS[type(state)].matched(state)
    return answer


@dispatched(FUNCTIONS)
def copied(state: State) -> Copied:
    """What the last `match` found in part of a page, to be copied behind the whole ones."""
    answer: Copied = FUNCTIONS[type(state)].copied(state)
    return answer


@dispatched(FUNCTIONS)
def insert(state: State, row: int, tokens: int, comes_back: bool) -> None:
    """Learn that the first `tokens` tokens of a row are stored, so that `match` may find them.

    `comes_back` says that its request is about to be preempted and may look for its own tokens: all that it was given.
    """
    FUNCTIONS[type(state)].insert(state, row, tokens, comes_back)


@dispatched(FUNCTIONS)
def evictable(state: State) -> Evictable:
    """The slots of pages that are only kept for `match`."""
    answer: Evictable = FUNCTIONS[type(state)].evictable(state)
    return answer
