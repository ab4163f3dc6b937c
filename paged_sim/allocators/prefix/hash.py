"""`hash`: whole pages, found by a chain of hashes, as vLLM does.

A sequence's page can be found once it is full (`insert`) by whoever begins with the same tokens (`match`), and is then
shared (`touch`). A page that nobody holds any more (`free`) keeps its tokens until it is evicted (`evict`), because no
blank one is left. In place of a hash of all tokens up to a page's end stands the key (stretch of content, place): equal
for two pages just if all tokens up to their ends are equal.
"""

from __future__ import annotations

from paged_sim.allocators.block_table import PAGE_SIZE, page_of
from paged_sim.allocators.prefix import eviction, index
from paged_sim.allocators.prefix.index import AHEAD, key_of
from paged_sim.allocators.prefix.pool import (
    EVICTABLE_TOKENS,
    MATCHED_EVICTABLE,
    NUM_EVICTABLE,
    NUM_MATCHED,
    REQUEST,
    WIDTH,
    Cached,
    hold,
    is_cached,
    keep,
    list_page,
    put_back,
    remove,
)
from paged_sim.allocators.prefix.record import FILLED, LISTED, NONE, REFERENCES
from paged_sim.compiled import inlined
from paged_sim.content import stretch


@inlined
def match(state: Cached, request: int, limit: int) -> int:
    """Find the longest run of full pages with a request's first `limit` tokens; how many they are."""
    page_size, width = state.numbers[PAGE_SIZE], state.numbers[WIDTH]
    place, evictable = 0, 0
    while place < page_of(state, limit):
        number, _ = stretch(state.content, request, (place + 1) * page_size - 1)
        entry = index.find_reaching(state.known, key_of(number, place), page_size)
        if entry == NONE:
            break
        page = entry // width
        state.matched[place] = page
        evictable += state.pages[page, REFERENCES] == 0
        place += 1
    state.numbers[REQUEST] = request
    state.numbers[NUM_MATCHED] = place
    state.numbers[MATCHED_EVICTABLE] = evictable
    return place


@inlined
def touch(state: Cached, row: int) -> None:
    """Let an empty row serve the request that was matched, and hold the pages that were found."""
    count = state.numbers[NUM_MATCHED]
    for place in range(count):
        page = state.matched[place]
        hold(state, page)
        eviction.hit(state.order, page)
        state.table[row, place] = page
    state.request[row] = state.numbers[REQUEST]
    state.num_pages[row] = count
    state.num_inserted[row] = count
    state.numbers[NUM_MATCHED] = 0
    state.numbers[MATCHED_EVICTABLE] = 0
    eviction.pass_by(state.order, state.content, state.request[row])


@inlined
def insert(state: Cached, row: int, tokens: int, comes_back: bool) -> None:
    """Keep the pages that a row has filled with its first `tokens` tokens.

    Those that end within the content of others can be found from now on. What only this request has is listed if it
    comes back. A server cannot know that: it keeps such a page like the rest.
    """
    request, page_size, full = state.request[row], state.numbers[PAGE_SIZE], page_of(state, tokens)
    own_from = state.content.own_from[request]
    for place in range(state.num_inserted[row], full):
        page, end = state.table[row, place], (place + 1) * page_size
        keep(state, page, page_size)
        if end <= own_from:
            number, _ = stretch(state.content, request, end - 1)
            list_page(state, page, number, place, page_size)
    state.num_inserted[row] = max(full, state.num_inserted[row])
    if comes_back:
        state.reached[request] = max(tokens, state.reached[request])
        number = state.content.output_stream[request]
        for place in range(page_of(state, own_from), full):
            page = state.table[row, place]
            index.expect(state.known, key_of(number, place + AHEAD))
            if state.pages[page, LISTED] == 0:
                list_page(state, page, number, place, page_size)


@inlined
def free(state: Cached, row: int) -> None:
    """Drop a row's references, its last page first; a page that nobody holds is evictable if cached, else blank.

    The row's last blank page is the next one handed out. A page is in use whenever one that follows it is, so among
    evictable pages it is never the older one: taking the oldest first never breaks a chain.
    """
    evictable, tokens = 0, 0
    for place in range(state.num_pages[row] - 1, -1, -1):
        page = state.table[row, place]
        state.pages[page, REFERENCES] -= 1
        if state.pages[page, REFERENCES] == 0 and is_cached(state, page):
            evictable += 1
            tokens += state.pages[page, FILLED]
            eviction.offer(state.order, page)
    state.numbers[NUM_EVICTABLE] += evictable
    state.numbers[EVICTABLE_TOKENS] += tokens
    for place in range(state.num_inserted[row], state.num_pages[row]):
        page = state.table[row, place]
        if state.pages[page, REFERENCES] == 0 and not is_cached(state, page):
            put_back(state, page)


@inlined
def evict(state: Cached) -> int:
    """Take the page that is to go first out of the cache."""
    page = eviction.pop(state.order)
    state.numbers[NUM_EVICTABLE] -= 1
    state.numbers[EVICTABLE_TOKENS] -= state.pages[page, FILLED]
    remove(state, page)
    eviction.removed(state.order, page)
    return page
