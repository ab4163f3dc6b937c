"""Paged allocation with a prefix cache: pages keep their tokens after their sequence, and who needs them finds them.

`hash` shares whole pages, found by a chain of hashes, as vLLM does; pages are entered once they are full. `radix`
shares to the token, as a radix tree does: a page that agrees only in its first tokens is copied, and a page is evicted
only when no page follows it in the cache. In both a page that nobody holds stays idle, with its tokens, until it is
evicted because no blank page is left; `eviction.py` says which one. `running` shares to the token too, but keeps
nothing: a page that nobody holds is blank.
"""

from __future__ import annotations

import numpy as np

from paged_sim.allocators import eviction, future
from paged_sim.allocators.contract import NO_ROOM, Beyond, CachedSlots, Copied, Found, Listed, Span
from paged_sim.allocators.layout import Layout, Residents, of_pages
from paged_sim.allocators.page_index import NONE, key_of
from paged_sim.allocators.page_record import FILLED, NUM_PAGE_FIELDS, REFERENCES
from paged_sim.allocators.page_size import whole_pages
from paged_sim.allocators.prefix_cache import (
    COPY_FROM,
    COPY_TOKENS,
    EVICTION,
    FOUND_IDLE,
    IDLE_TOKENS,
    KEEPS,
    NUM_BLANK,
    NUM_FOUND,
    NUM_IDLE,
    PAGE_SIZE,
    REQUEST,
    SHIFT,
    TOKENWISE,
    USABLE,
    WIDTH,
    Cached,
    enter_page,
    evict,
    find_part,
    find_with,
    forget,
    is_entered,
    keep_pages,
    list_private_pages,
    num_children,
    offer,
    wake,
)
from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.prefetch import prefetch
from paged_sim.content import stretch


@inlined
def page_of(state: Cached, position: int) -> int:
    """Which of a row's pages holds token `position`."""
    return whole_pages(position, state.numbers[PAGE_SIZE], state.numbers[SHIFT])


@inlined
def pages_for(state: Cached, tokens: int) -> int:
    """Pages that `tokens` tokens need."""
    return page_of(state, tokens + state.numbers[PAGE_SIZE] - 1)


def want(state: Cached, request: int, tokens: int) -> int:
    """Slots to hold for a request with `tokens` tokens: these and no more."""
    return tokens


@kernel
def footprint(state: Cached, slots: int) -> int:
    """Slots really handed out for `slots`: whole pages, whether found or not."""
    page_size: int = state.numbers[PAGE_SIZE]
    return pages_for(state, slots) * page_size


@kernel
def fits(state: Cached, slots: int) -> bool:
    """Whether `take` of `slots` would succeed now: idle pages that were found are needed as much as new ones."""
    new = pages_for(state, slots) - state.numbers[NUM_FOUND] + state.numbers[FOUND_IDLE]
    return bool(new <= state.numbers[NUM_BLANK] + state.numbers[NUM_IDLE])


@inlined
def free_slots(state: Cached) -> int:
    """Slots that nobody holds: in blank and in idle pages."""
    pages = state.numbers[NUM_BLANK] + state.numbers[NUM_IDLE]
    return int(pages * state.numbers[PAGE_SIZE])


def largest(state: Cached) -> int:
    """The largest demand that could be met now: every page that nobody holds serves."""
    return free_slots(state)


def capacity(state: Cached) -> int:
    """Slots that can ever be handed out: without the null page and the remainder below one page."""
    usable: int = state.numbers[USABLE] * state.numbers[PAGE_SIZE]
    return usable


def cached_slots(state: Cached) -> CachedSlots:
    """Slots of idle pages: those that hold tokens, and the rest of their pages."""
    tokens: int = state.numbers[IDLE_TOKENS]
    slots: int = state.numbers[NUM_IDLE] * state.numbers[PAGE_SIZE]
    return CachedSlots(tokens, slots - tokens)


def find(state: Cached, request: int, tokens: int) -> int:
    """How many of the first `tokens` tokens of a request need not be computed: the last one always must be.

    What is found counts in the next `fits` and `take`.
    """
    page_size, width = state.numbers[PAGE_SIZE], state.numbers[WIDTH]
    place, idle = 0, 0
    findable = min(tokens, max(state.content.own_from[request], state.reached[request]) + 1)
    while place < page_of(state, findable - 1):
        number, _ = stretch(state.content, request, (place + 1) * page_size - 1)
        entry = find_with(state, key_of(number, place), page_size)
        if entry == NONE:
            break
        page = entry // width
        state.found[place] = page
        idle += state.pages[page, REFERENCES] == 0
        place += 1
    state.numbers[REQUEST] = request
    state.numbers[NUM_FOUND] = place
    state.numbers[FOUND_IDLE] = idle
    state.numbers[COPY_TOKENS] = 0
    if state.numbers[TOKENWISE]:
        find_part(state, request, place, findable - 1)
    return int(place * page_size + state.numbers[COPY_TOKENS])


def found(state: Cached) -> Found:
    """Slots of the whole pages that the last `find` found, and how many of them are idle."""
    page_size: int = state.numbers[PAGE_SIZE]
    return Found(state.numbers[NUM_FOUND] * page_size, state.numbers[FOUND_IDLE] * page_size)


def copied(state: Cached) -> Copied:
    """From which slot how many tokens must be copied behind the pages that were found."""
    source: int = state.numbers[COPY_FROM] * state.numbers[PAGE_SIZE]
    tokens: int = state.numbers[COPY_TOKENS]
    return Copied(source, tokens)


def take(state: Cached, row: int, slots: int) -> int:
    """Give an empty row what was found and room for `slots` tokens in all; the slots held, or NO_ROOM."""
    if not fits(state, slots):
        return NO_ROOM
    num_found = state.numbers[NUM_FOUND]
    for place in range(num_found):
        page = state.found[place]
        if state.pages[page, REFERENCES] == 0:
            wake(state, page)
        state.pages[page, REFERENCES] += 1
        state.table[row, place] = page
        if state.numbers[EVICTION] == eviction.LFU:
            state.order.ranks[page] += 1
    state.request[row] = state.numbers[REQUEST]
    state.num_pages[row] = num_found
    state.num_entered[row] = num_found
    state.numbers[NUM_FOUND] = 0
    state.numbers[FOUND_IDLE] = 0
    if state.numbers[EVICTION] == eviction.BELADY:
        future.pass_by(state.coming, state.content, state.request[row])
    return grow(state, row, slots)


@inlined
def grow(state: Cached, row: int, slots: int) -> int:
    """Give a row room for `slots` tokens in all; the slots held, or NO_ROOM and nothing changed."""
    held: int = state.num_pages[row]
    goal = pages_for(state, slots)
    if goal - held > state.numbers[NUM_BLANK] + state.numbers[NUM_IDLE]:
        return NO_ROOM
    while held < goal:
        if state.numbers[NUM_BLANK] > 0:
            state.numbers[NUM_BLANK] -= 1
            page = int(state.blank[state.numbers[NUM_BLANK]])
        else:
            page = evict(state)
        state.pages[page, REFERENCES] = 1
        state.table[row, held] = page
        held += 1
    state.num_pages[row] = held
    slots_held: int = held * state.numbers[PAGE_SIZE]
    return slots_held


def enter(state: Cached, row: int, tokens: int, comes_back: bool) -> None:
    """Let the pages that a row has filled with its first `tokens` tokens be found from now on.

    What only this request can find is listed if it comes back, and nobody has an equal page unless it did. A server
    cannot know that: such a page is kept like the rest.
    """
    request, page_size = state.request[row], state.numbers[PAGE_SIZE]
    own_from, entered = state.content.own_from[request], state.num_entered[row]
    full = page_of(state, tokens)
    count, private_from = full, own_from
    if state.numbers[TOKENWISE]:
        count, private_from = pages_for(state, tokens), max(own_from, state.reached[request])
    private = max(entered, min(count, pages_for(state, private_from)))
    for place in range(entered, private):
        enter_page(state, row, place, min(page_size, tokens - place * page_size))
    keep_pages(state, row, private, count, tokens)
    state.num_entered[row] = max(full, entered)
    if comes_back:
        state.reached[request] = max(tokens, state.reached[request])
        list_private_pages(state, row, page_of(state, own_from), count)


def release(state: Cached, row: int) -> None:
    """Drop a row's references, its last page first; pages that nobody holds are idle if entered, else blank.

    The row's last blank page is the next one handed out. A page is in use whenever one that follows it is, so among
    idle pages it is never the older one: taking the oldest first never breaks a path.
    """
    idle, tokens = 0, 0
    for place in range(state.num_pages[row] - 1, -1, -1):
        page = state.table[row, place]
        state.pages[page, REFERENCES] -= 1
        if state.pages[page, REFERENCES] == 0 and is_entered(state, page):
            if not state.numbers[KEEPS]:
                forget(state, page)
                continue
            idle += 1
            tokens += state.pages[page, FILLED]
            if num_children(state, page) == 0:
                offer(state, page)
    state.numbers[NUM_IDLE] += idle
    state.numbers[IDLE_TOKENS] += tokens
    # Full pages are all entered, and blank only where nothing is kept.
    for place in range(state.num_entered[row] if state.numbers[KEEPS] else 0, state.num_pages[row]):
        page = state.table[row, place]
        if state.pages[page, REFERENCES] == 0 and not is_entered(state, page):
            state.blank[state.numbers[NUM_BLANK]] = page
            state.numbers[NUM_BLANK] += 1
    state.num_pages[row] = 0
    state.num_entered[row] = 0


def expect(state: Cached, row: int) -> None:
    """Ask for where its next page will be noted."""
    prefetch(state.table, row * state.table.shape[1] + state.num_pages[row])


def locate(state: Cached, row: int, position: int) -> Span:
    """Where a row keeps token `position`."""
    page_size: int = state.numbers[PAGE_SIZE]
    index = page_of(state, position)
    within = position - index * page_size
    slot: int = state.table[row, index] * page_size + within
    return Span(slot, page_size - within)


def list_pages(state: Cached, row: int, position: int, count: int, into: Listed, place: int) -> None:
    """Write the first slots of `count` pages to `into[place:]`, from the one that begins at `position` on.

    Who lists many pages is about to enter or release them, so their records are asked for.
    """
    page_size: int = state.numbers[PAGE_SIZE]
    table, records = state.table[row], state.pages
    first = page_of(state, position)
    for index in range(count):
        page = table[np.uint64(first + index)]
        prefetch(records, page * NUM_PAGE_FIELDS)
        into[np.uint64(place + index)] = page * page_size


def exclusive_from(state: Cached, row: int) -> int:
    """The position from which on nobody else owns a row's slots nor may find what they hold."""
    place: int = state.num_pages[row]
    while place > 0:
        page = state.table[row, place - 1]
        if state.pages[page, REFERENCES] > 1 or (state.numbers[KEEPS] and is_entered(state, page)):
            break
        place -= 1
    position: int = place * state.numbers[PAGE_SIZE]
    return position


def beyond(state: Cached, row: int, final: int) -> Beyond:
    """Slots of a row beyond its `final` tokens."""
    held: int = state.num_pages[row] * state.numbers[PAGE_SIZE]
    return Beyond(0, max(0, held - final), 0)


def is_new(state: Cached) -> bool:
    """Whether nothing is held and every usable page is blank or idle, once. Not part of the step loop."""
    usable, num_blank = int(state.numbers[USABLE]), int(state.numbers[NUM_BLANK])
    first = len(state.pages) - usable
    entered = state.pages[:, FILLED] > 0
    free = np.concatenate((np.sort(state.blank[:num_blank]), np.flatnonzero(entered)))
    pages = np.arange(first, first + usable)
    tokens = int(state.pages[entered, FILLED].sum())
    return (
        not state.pages[:, REFERENCES].any()
        and np.array_equal(np.sort(free), pages)
        and state.numbers[NUM_IDLE] == usable - num_blank
        and state.numbers[IDLE_TOKENS] == tokens
    )


def layout(state: Cached, residents: Residents, slots: int) -> Layout:
    """What lies where, for the memory map; not part of the step loop."""
    page_size, usable = int(state.numbers[PAGE_SIZE]), int(state.numbers[USABLE])
    return of_pages(residents, state.table, state.num_pages, state.pages[:, FILLED], page_size, usable, slots)
