"""Paged allocation with a prefix cache: pages keep their tokens after their sequence, and who needs them finds them.

Read `hash` first, which says what `pool` and `index` are for; `radix` and `running` are what differs there. Which page
goes when no blank one is left is a matter of `eviction`: a file each for `lru`, `lfu`, `fifo` and `belady`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim.allocators.block_table import PAGE_SIZE, USABLE, page_of, pages_for
from paged_sim.allocators.contract import NO_ROOM, Copied, Evictable, Listed, Matched
from paged_sim.allocators.layout import Layout, Residents, of_pages
from paged_sim.allocators.prefix import hash as whole
from paged_sim.allocators.prefix import radix, running
from paged_sim.allocators.prefix.eviction import EVICTIONS
from paged_sim.allocators.prefix.pool import (
    COPY_FROM,
    COPY_TOKENS,
    EVICTABLE_TOKENS,
    HASH,
    KIND,
    MATCHED_EVICTABLE,
    NUM_BLANK,
    NUM_EVICTABLE,
    NUM_MATCHED,
    RADIX,
    RUNNING,
    Cached,
    create,
    has_pages,
    is_cached,
)
from paged_sim.allocators.prefix.record import FILLED, NUM_PAGE_FIELDS, REFERENCES
from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.prefetch import prefetch

__all__ = ["EVICTIONS", "KINDS", "Cached", "Kind", "create"]


class Kind(NamedTuple):
    """A kind of prefix cache: its number, and what it shares and keeps."""

    number: int
    meaning: str


KINDS = {
    "hash": Kind(HASH, "whole pages, found by a chain of hashes"),
    "radix": Kind(RADIX, "to the token, as in a radix tree"),
    "running": Kind(RUNNING, "to the token, only with sequences that run: nothing is kept"),
}


@kernel
def fits(state: Cached, slots: int) -> bool:
    """Whether `take` of `slots` would succeed now: evictable pages that were found are needed as much as new ones."""
    new = pages_for(state, slots) - state.numbers[NUM_MATCHED] + state.numbers[MATCHED_EVICTABLE]
    return bool(new <= state.numbers[NUM_BLANK] + state.numbers[NUM_EVICTABLE])


@inlined
def free_slots(state: Cached) -> int:
    """Slots that nobody holds: in blank and in evictable pages."""
    pages = state.numbers[NUM_BLANK] + state.numbers[NUM_EVICTABLE]
    return int(pages * state.numbers[PAGE_SIZE])


def largest(state: Cached) -> int:
    """The largest demand that could be met now: every page that nobody holds serves."""
    return free_slots(state)


def evictable(state: Cached) -> Evictable:
    """Slots of evictable pages: those that hold tokens, and the rest of their pages."""
    tokens: int = state.numbers[EVICTABLE_TOKENS]
    slots: int = state.numbers[NUM_EVICTABLE] * state.numbers[PAGE_SIZE]
    return Evictable(tokens, slots - tokens)


def match(state: Cached, request: int, tokens: int) -> int:
    """How many of the first `tokens` tokens of a request need not be computed: the last one always must be.

    What is found counts in the next `fits` and `take`.
    """
    limit = min(tokens - 1, max(state.content.own_from[request], state.reached[request]))
    pages = whole.match(state, request, limit)
    state.numbers[COPY_TOKENS] = 0
    part = 0 if state.numbers[KIND] == HASH else radix.match_part(state, request, pages, limit)
    return int(pages * state.numbers[PAGE_SIZE] + part)


def matched(state: Cached) -> Matched:
    """Slots of the whole pages that the last `match` found, and how many of them are evictable."""
    page_size: int = state.numbers[PAGE_SIZE]
    return Matched(state.numbers[NUM_MATCHED] * page_size, state.numbers[MATCHED_EVICTABLE] * page_size)


def copied(state: Cached) -> Copied:
    """From which slot how many tokens must be copied behind the pages that were found."""
    source: int = state.numbers[COPY_FROM] * state.numbers[PAGE_SIZE]
    tokens: int = state.numbers[COPY_TOKENS]
    return Copied(source, tokens)


def take(state: Cached, row: int, slots: int) -> int:
    """Give an empty row what was found and room for `slots` tokens in all; the slots held, or NO_ROOM."""
    if not fits(state, slots):
        return NO_ROOM
    whole.touch(state, row)
    return grow(state, row, slots)


@inlined
def grow(state: Cached, row: int, slots: int) -> int:
    """Give a row room for `slots` tokens in all; the slots held, or NO_ROOM and nothing changed."""
    held: int = state.num_pages[row]
    goal = pages_for(state, slots)
    if goal - held > state.numbers[NUM_BLANK] + state.numbers[NUM_EVICTABLE]:
        return NO_ROOM
    while held < goal:
        if state.numbers[NUM_BLANK] > 0:
            state.numbers[NUM_BLANK] -= 1
            page = int(state.blank[state.numbers[NUM_BLANK]])
        else:
            page = whole.evict(state)
        state.pages[page, REFERENCES] = 1
        state.table[row, held] = page
        held += 1
    state.num_pages[row] = held
    slots_held: int = held * state.numbers[PAGE_SIZE]
    return slots_held


def insert(state: Cached, row: int, tokens: int, comes_back: bool) -> None:
    """Let the pages that a row has filled with its first `tokens` tokens be found from now on."""
    if state.numbers[KIND] == HASH:
        whole.insert(state, row, tokens, comes_back)
    else:
        radix.insert(state, row, tokens, comes_back)


def release(state: Cached, row: int) -> None:
    """Take back all that a row holds."""
    if state.numbers[KIND] != RUNNING:
        whole.free(state, row)
    elif has_pages(state, row):
        running.free(state, row)
    state.num_pages[row] = 0
    state.num_inserted[row] = 0


def list_pages(state: Cached, row: int, position: int, count: int, into: Listed, place: int) -> None:
    """Write the first slots of `count` pages to `into[place:]`, from the one that begins at `position` on.

    Who lists many pages is about to enter or release them, so their records are asked for.
    """
    page_size: int = state.numbers[PAGE_SIZE]
    table, records = state.table[row], state.pages
    first = page_of(state, position)
    for index in range(count):
        page = int(table[np.uint64(first + index)])
        prefetch(records, page * NUM_PAGE_FIELDS)
        into[np.uint64(place + index)] = page * page_size if 0 <= page < len(records) else -1


def exclusive_from(state: Cached, row: int) -> int:
    """The position from which on nobody else owns a row's slots nor may find what they hold."""
    place: int = state.num_pages[row]
    while place > 0:
        page = state.table[row, place - 1]
        if not 0 <= page < len(state.pages):
            break
        if state.pages[page, REFERENCES] > 1 or (state.numbers[KIND] != RUNNING and is_cached(state, page)):
            break
        place -= 1
    position: int = place * state.numbers[PAGE_SIZE]
    return position


def is_new(state: Cached) -> bool:
    """Whether nothing is held and every usable page is blank or evictable, once. Not part of the step loop."""
    usable, num_blank = int(state.numbers[USABLE]), int(state.numbers[NUM_BLANK])
    first = len(state.pages) - usable
    entered = state.pages[:, FILLED] > 0
    free = np.concatenate((np.sort(state.blank[:num_blank]), np.flatnonzero(entered)))
    pages = np.arange(first, first + usable)
    tokens = int(state.pages[entered, FILLED].sum())
    return (
        not state.pages[:, REFERENCES].any()
        and np.array_equal(np.sort(free), pages)
        and state.numbers[NUM_EVICTABLE] == usable - num_blank
        and state.numbers[EVICTABLE_TOKENS] == tokens
    )


def layout(state: Cached, residents: Residents, slots: int) -> Layout:
    """What lies where, for the memory map; not part of the step loop."""
    page_size, usable = int(state.numbers[PAGE_SIZE]), int(state.numbers[USABLE])
    return of_pages(residents, state.table, state.num_pages, state.pages[:, FILLED], page_size, usable, slots)
