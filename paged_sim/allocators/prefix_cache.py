"""The cache of a pool of pages: which pages are known, which may be found, and which is evicted first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators import eviction, future, page_index
from paged_sim.allocators.page_index import AFTER, KEY, NONE, TOKENS, key_of
from paged_sim.allocators.page_record import FILLED, LISTED, NUM_PAGE_FIELDS, REFERENCES
from paged_sim.allocators.page_size import shift_of
from paged_sim.compiled import inlined, kernel, marked_state
from paged_sim.content import BLOCK, NUM_NODES, Content, stretch
from paged_sim.requests import Ints

Pages = npt.NDArray[np.int32]
Tokens = npt.NDArray[np.int32]

HASH, RADIX, RUNNING = range(3)
KINDS = {"hash": HASH, "radix": RADIX, "running": RUNNING}

# `numbers`: settings, then what there is of pages, then what the last `find` found and the last `take` copies.
(
    PAGE_SIZE,
    SHIFT,
    USABLE,
    WIDTH,
    TOKENWISE,
    KEEPS,  # pages stay when nobody holds them any more
    LEAVES_FIRST,
    EVICTION,
    NUM_BLANK,
    NUM_IDLE,
    IDLE_TOKENS,
    EVICTED,
    REQUEST,
    NUM_FOUND,
    FOUND_IDLE,
    COPY_FROM,
    COPY_TOKENS,
) = range(17)
NUM_NUMBERS = 17

# The place of a page in the tree, where leaves go first.
PARENT, CHILDREN = range(2)


@marked_state
class Cached(NamedTuple):
    """The pool and its cache. A page is blank (`blank[:NUM_BLANK]`, the next one last), held, or idle.

    `table` and `num_pages` are those of `paged.Paged`; `request[row]` is whom a row serves and `num_entered[row]` its
    leading full pages that have been entered. `pages[page]` is a page's record (`page_record`). What only request r
    can find is listed when it is preempted, which was with at most `reached[r]` tokens. `links[page]` are, where leaves
    go first, the page before it and the number of entered pages behind it.
    """

    content: Content
    known: page_index.PageIndex
    order: eviction.Order
    coming: future.Future
    blank: Pages
    pages: Pages
    links: Pages
    reached: Tokens
    table: Pages
    num_pages: Ints
    num_entered: Ints
    request: Ints
    found: Pages
    numbers: Ints


def create(
    *,
    content: Content,
    kind: int,
    policy: int,
    slots: int,
    page_size: int,
    null_page: bool,
    rows: int,
    longest: int,
) -> Cached:
    """An empty pool of `slots // page_size` pages for `rows` sequences of at most `longest` tokens."""
    total = slots // page_size
    first = 1 if null_page else 0
    usable = max(0, total - first)
    width = max(1, min(-(-longest // page_size), usable))
    entries = 1 if kind == HASH else stretches_of_a_page(content, page_size)
    numbers = np.zeros(NUM_NUMBERS, np.int64)
    numbers[[PAGE_SIZE, SHIFT, USABLE]] = page_size, shift_of(page_size), usable
    numbers[[WIDTH, EVICTION]] = entries, policy
    numbers[TOKENWISE] = kind != HASH
    numbers[KEEPS] = kind != RUNNING
    # Under LRU and LFU a page goes before the one it follows anyway: found no more often, and idle no shorter.
    numbers[LEAVES_FIRST] = kind == RADIX and policy not in (eviction.LRU, eviction.LFU)
    numbers[NUM_BLANK] = usable
    links = np.zeros((total, 2), np.int32)
    links[:, PARENT] = NONE
    pages = np.zeros((total, NUM_PAGE_FIELDS), np.int32)
    return Cached(
        content=content,
        known=page_index.create(total, entries),
        order=eviction.create(pages, policy),
        coming=future.create(content, known=policy == eviction.BELADY),
        blank=np.arange(total - 1, first - 1, -1, dtype=np.int32),
        pages=pages,
        links=links,
        reached=np.zeros(len(content.covered), np.int32),
        table=np.empty((rows, width), np.int32),
        num_pages=np.zeros(rows, np.int64),
        num_entered=np.zeros(rows, np.int64),
        request=np.zeros(rows, np.int64),
        found=np.empty(width, np.int32),
        numbers=numbers,
    )


def stretches_of_a_page(content: Content, page_size: int) -> int:
    """The most stretches that a page can hold tokens of: blocks with ids, the rest of a prompt and an output."""
    block = int(content.numbers[BLOCK])
    blocks = (page_size + block - 2) // block + 1 if content.numbers[NUM_NODES] else 0
    return blocks + 2


@inlined
def is_entered(state: Cached, page: int) -> bool:
    """Whether a page is in the cache."""
    return bool(state.pages[page, FILLED] > 0)


@inlined
def num_children(state: Cached, page: int) -> int:
    """Entered pages that must be evicted before this one."""
    return int(state.links[page, CHILDREN]) if state.numbers[LEAVES_FIRST] else 0


@inlined
def find_with(state: Cached, key: int, tokens: int) -> int:
    """The first entry with a key that reaches `tokens` tokens into its page, or NONE."""
    entry = page_index.find(state.known, key)
    while entry != NONE and state.known.entries[entry, TOKENS] < tokens:
        entry = page_index.next_with(state.known, int(state.known.entries[entry, AFTER]), key)
    return entry


@kernel
def find_part(state: Cached, request: int, place: int, limit: int) -> None:
    """Find the page that agrees with the request's `place`-th in the most leading tokens, but not beyond `limit`."""
    page_size = state.numbers[PAGE_SIZE]
    start = place * page_size
    limit = min(limit, start + page_size)
    position = start
    while position < limit:
        number, end = stretch(state.content, request, position)
        key = key_of(number, place)
        position = min(end, limit)
        entry = page_index.find(state.known, key)
        if entry == NONE:
            return
        while entry != NONE and state.numbers[COPY_TOKENS] < position - start:
            common = min(state.known.entries[entry, TOKENS], position - start)
            if common > state.numbers[COPY_TOKENS]:
                state.numbers[COPY_TOKENS] = common
                state.numbers[COPY_FROM] = entry // state.numbers[WIDTH]
            entry = page_index.next_with(state.known, int(state.known.entries[entry, AFTER]), key)


@inlined
def enter_page(state: Cached, row: int, place: int, tokens: int) -> None:
    """Enter a row's `place`-th page, of which `tokens` tokens are there; with token-wise sharing none twice."""
    page = state.table[row, place]
    start = place * state.numbers[PAGE_SIZE]
    if state.numbers[TOKENWISE] and tokens == state.numbers[PAGE_SIZE]:
        number, _ = stretch(state.content, state.request[row], start + tokens - 1)
        equal = find_with(state, key_of(number, place), tokens)
        if equal != NONE:
            merge(state, row, place, equal // state.numbers[WIDTH])
            return
    if is_entered(state, page):
        forget(state, page)
    elif state.numbers[EVICTION] != eviction.LRU:
        note_entry(state, row, place)
    state.pages[page, FILLED] = tokens
    list_page(state, row, place, False)


@inlined
def keep_pages(state: Cached, row: int, first: int, last: int, tokens: int) -> None:
    """Enter a row's pages `first` to `last - 1` of `tokens` tokens in all, which nobody will ever look for."""
    page_size = state.numbers[PAGE_SIZE]
    has_turn = state.numbers[EVICTION] == eviction.FIFO or state.numbers[LEAVES_FIRST]
    for place in range(first, last):
        page = state.table[row, place]
        if has_turn and not is_entered(state, page):
            note_entry(state, row, place)
        state.pages[page, FILLED] = min(page_size, tokens - place * page_size)


@inlined
def note_entry(state: Cached, row: int, place: int) -> None:
    """Note when a row's `place`-th page came into the cache, and what it follows."""
    page = state.table[row, place]
    if state.numbers[EVICTION] == eviction.FIFO:
        state.order.ranks[page] = eviction.line_up(state.order, page)
    if state.numbers[LEAVES_FIRST] and place > 0:
        state.links[page, PARENT] = state.table[row, place - 1]
        state.links[state.links[page, PARENT], CHILDREN] += 1


@inlined
def list_page(state: Cached, row: int, place: int, comes_back: bool) -> None:
    """List a row's entered page under every stretch it holds tokens of: with whole pages the last of them is enough.

    What only this request can find is left out unless it may come back; what is listed already is left alone.
    """
    page, request = state.table[row, place], state.request[row]
    start = place * state.numbers[PAGE_SIZE]
    end = start + state.pages[page, FILLED]
    findable = end if comes_back else min(end, state.content.own_from[request])
    position = start if state.numbers[TOKENWISE] else end - 1
    entry = 0
    while position < findable:
        number, last = stretch(state.content, request, position)
        position = min(last, end)
        if entry == state.pages[page, LISTED]:
            if state.numbers[EVICTION] == eviction.BELADY:
                offer_again(state, key_of(number, place))
            insert_entry(state, page, number, place, position - start)
        entry += 1


@inlined
def insert_entry(state: Cached, page: int, number: int, place: int, tokens: int) -> None:
    """List a page, the `place`-th of its sequence, under one more stretch, which reaches to token `tokens` of it."""
    entry = state.pages[page, LISTED]
    if entry == 0 and state.numbers[EVICTION] == eviction.LFU:
        state.order.ranks[page] = 1
    state.pages[page, LISTED] = entry + 1
    page_index.insert(state.known, page * state.numbers[WIDTH] + entry, key_of(number, place), tokens)


@inlined
def list_private_pages(state: Cached, row: int, first: int, last: int) -> None:
    """List what only a row's request can find in its entered pages `first` to `last - 1`.

    Whole pages have one entry each, of the request's output; only Belady's rule must look at each before it is listed.
    """
    if state.numbers[TOKENWISE] or state.numbers[EVICTION] == eviction.BELADY:
        for place in range(first, last):
            list_page(state, row, place, True)
        return
    number = state.content.output_stream[state.request[row]]
    for place in range(first, last):
        page = state.table[row, place]
        if state.pages[page, LISTED] == 0:
            insert_entry(state, page, number, place, state.numbers[PAGE_SIZE])


@kernel
def merge(state: Cached, row: int, place: int, equal: int) -> None:
    """Let a row hold the equal page of the tree in place of its own, which becomes blank."""
    page = state.table[row, place]
    if is_entered(state, page):
        forget(state, page)
        if state.numbers[LEAVES_FIRST]:
            leave_parent(state, page)
    state.pages[page, REFERENCES] = 0
    state.blank[state.numbers[NUM_BLANK]] = page
    state.numbers[NUM_BLANK] += 1
    if state.pages[equal, REFERENCES] == 0:
        wake(state, equal)
    state.pages[equal, REFERENCES] += 1
    state.table[row, place] = equal


@kernel
def leave_parent(state: Cached, page: int) -> None:
    """Take a page from behind the one before it, which may be evicted now if nobody holds it."""
    parent = state.links[page, PARENT]
    if parent != NONE:
        state.links[page, PARENT] = NONE
        state.links[parent, CHILDREN] -= 1
        if state.links[parent, CHILDREN] == 0 and state.pages[parent, REFERENCES] == 0:
            offer(state, parent)


@inlined
def forget(state: Cached, page: int) -> None:
    """Take a page out of the cache."""
    first = page * state.numbers[WIDTH]
    for entry in range(first, first + state.pages[page, LISTED]):
        page_index.remove(state.known, entry)
    state.pages[page, FILLED] = 0
    state.pages[page, LISTED] = 0


@inlined
def wake(state: Cached, page: int) -> None:
    """Let an idle page be idle no longer."""
    state.numbers[NUM_IDLE] -= 1
    state.numbers[IDLE_TOKENS] -= state.pages[page, FILLED]
    if eviction.holds(state.order, page):
        eviction.drop(state.order, page)


@inlined
def offer(state: Cached, page: int) -> None:
    """Let an idle page be evicted from now on."""
    if state.numbers[EVICTION] == eviction.BELADY and state.pages[page, LISTED] > 0:
        number = state.known.entries[page * state.numbers[WIDTH], KEY] >> page_index.PLACE_BITS
        state.order.ranks[page] = -future.next_use(state.coming, number)
    eviction.put(state.order, page)


@kernel
def offer_again(state: Cached, key: int) -> None:
    """Rank an idle page with this key anew: its stretch has been asked for, and computed again behind a gap."""
    entry = page_index.find(state.known, key)
    if entry == NONE:
        return
    page = entry // state.numbers[WIDTH]
    if state.pages[page, REFERENCES] == 0 and eviction.holds(state.order, page):
        eviction.drop(state.order, page)
        offer(state, page)


@inlined
def evict(state: Cached) -> int:
    """Take the idle page that is to go first out of the cache."""
    page = eviction.pop(state.order)
    state.numbers[NUM_IDLE] -= 1
    state.numbers[IDLE_TOKENS] -= state.pages[page, FILLED]
    state.numbers[EVICTED] += 1
    forget(state, page)
    if state.numbers[LEAVES_FIRST]:
        leave_parent(state, page)
    return page
