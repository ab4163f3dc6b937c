"""`radix`: to the token, as in a radix tree.

Whole pages are matched and shared as with `hash`; of the page in which the common tokens end, those tokens are copied.
No two full pages of the tree are equal. The tree is not stored: a page is listed under every stretch of content that it
holds tokens of, so that who shares only the first of them finds it too.
"""

from __future__ import annotations

from paged_sim.allocators.block_table import PAGE_SIZE, page_of, pages_for
from paged_sim.allocators.prefix import eviction, index, leaves
from paged_sim.allocators.prefix.index import AFTER, AHEAD, TOKENS, key_of
from paged_sim.allocators.prefix.pool import (
    COPY_FROM,
    COPY_TOKENS,
    WIDTH,
    Cached,
    hold,
    is_cached,
    is_page,
    keep,
    list_page,
    put_back,
    remove,
    unlist,
)
from paged_sim.allocators.prefix.record import FILLED, LISTED, NONE, REFERENCES
from paged_sim.compiled import inlined, kernel
from paged_sim.content import stretch


@kernel
def match_part(state: Cached, request: int, place: int, limit: int) -> int:
    """Find the page that agrees with the request's `place`-th in the most leading tokens, but not beyond its `limit`
    first ones; how many that are."""
    page_size = state.numbers[PAGE_SIZE]
    start = place * page_size
    limit = min(limit, start + page_size)
    position = start
    while position < limit:
        number, end = stretch(state.content, request, position)
        key = key_of(number, place)
        position = min(end, limit)
        entry = index.find(state.known, key)
        if entry == NONE:
            break
        while entry != NONE and state.numbers[COPY_TOKENS] < position - start:
            common = min(state.known.entries[entry, TOKENS], position - start)
            if common > state.numbers[COPY_TOKENS]:
                state.numbers[COPY_TOKENS] = common
                state.numbers[COPY_FROM] = entry // state.numbers[WIDTH]
            entry = index.next_with(state.known, int(state.known.entries[entry, AFTER]), key)
    return int(state.numbers[COPY_TOKENS])


@inlined
def insert(state: Cached, row: int, tokens: int, comes_back: bool) -> None:
    """Keep the pages with a row's first `tokens` tokens, the last one too; what only its request has is listed if it
    comes back, and nobody has an equal page unless it did."""
    request, page_size = state.request[row], state.numbers[PAGE_SIZE]
    own_from, count = state.content.own_from[request], pages_for(state, tokens)
    findable = pages_for(state, max(own_from, state.reached[request]))
    for place in range(state.num_inserted[row], count):
        filled = min(page_size, tokens - place * page_size)
        if not is_page(state, state.table[row, place]):
            continue
        if place >= findable:
            keep_page(state, row, place, filled)
        elif filled < page_size or not merge(state, row, place):
            unlist(state, state.table[row, place])
            keep_page(state, row, place, filled)
            list_stretches(state, row, place, False)
    state.num_inserted[row] = max(page_of(state, tokens), state.num_inserted[row])
    if comes_back:
        state.reached[request] = max(tokens, state.reached[request])
        for place in range(page_of(state, own_from), count):
            index.expect(state.known, key_of(state.content.output_stream[request], place + AHEAD))
            if is_page(state, state.table[row, place]):
                list_stretches(state, row, place, True)


@inlined
def keep_page(state: Cached, row: int, place: int, filled: int) -> None:
    """Let a row's `place`-th page, of which `filled` tokens are there, be in the cache, behind the one before it."""
    page = state.table[row, place]
    if place > 0 and not is_cached(state, page):
        leaves.follow(state.order, page, state.table[row, place - 1])
    keep(state, page, filled)


@inlined
def list_stretches(state: Cached, row: int, place: int, comes_back: bool) -> None:
    """List a row's page under every stretch it holds tokens of.

    What only this request can find is left out unless it may come back; what is listed already is left alone.
    """
    page, request = state.table[row, place], state.request[row]
    start = place * state.numbers[PAGE_SIZE]
    end = start + state.pages[page, FILLED]
    findable = end if comes_back else min(end, state.content.own_from[request])
    position, entry = start, 0
    while position < findable:
        number, last = stretch(state.content, request, position)
        position = min(last, end)
        if entry == state.pages[page, LISTED]:
            list_page(state, page, number, place, position - start)
        entry += 1


@kernel
def merge(state: Cached, row: int, place: int) -> bool:
    """Let a row hold an equal page of the tree in place of its full own, which becomes blank; whether there was one."""
    page, page_size = state.table[row, place], state.numbers[PAGE_SIZE]
    number, _ = stretch(state.content, state.request[row], (place + 1) * page_size - 1)
    entry = index.find_reaching(state.known, key_of(number, place), page_size)
    if entry == NONE:
        return False
    equal = entry // state.numbers[WIDTH]
    if is_cached(state, page):
        remove(state, page)
        eviction.removed(state.order, page)
    state.pages[page, REFERENCES] = 0
    put_back(state, page)
    hold(state, equal)
    state.table[row, place] = equal
    return True
