"""The cache of a pool of pages: which pages are known, which may be found, and which is evicted first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators import eviction, future, page_index
from paged_sim.allocators.page_index import NONE, key_of
from paged_sim.compiled import kernel, marked_state
from paged_sim.content import BLOCK, Content, stretch
from paged_sim.requests import Ints

Pages = npt.NDArray[np.int32]

HASH, RADIX = range(2)
KINDS = {"hash": HASH, "radix": RADIX}

# `numbers`: settings, then what there is of pages, then what the last `find` found and the last `take` copies.
(
    PAGE_SIZE,
    USABLE,
    WIDTH,
    TOKENWISE,
    EVICTION,
    NUM_BLANK,
    NUM_IDLE,
    IDLE_TOKENS,
    CLOCK,
    EVICTED,
    REQUEST,
    NUM_FOUND,
    FOUND_IDLE,
    COPY_FROM,
    COPY_TOKENS,
) = range(15)
NUM_NUMBERS = 15


@marked_state
class Cached(NamedTuple):
    """The pool and its cache. A page is blank (`blank[:NUM_BLANK]`, the next one last), held, or idle.

    `table`, `num_pages` and `references` are those of `paged.Paged`; `request[row]` is whom a row serves and
    `num_entered[row]` its leading full pages that have been entered. Of an entered page, `filled` says how many tokens
    may be found, `score` what its eviction goes by, and `parent` and `children` (radix only) the page before it and the
    number of entered pages behind it.
    """

    content: Content
    entries: page_index.PageIndex
    order: eviction.Order
    coming: future.Future
    blank: Pages
    references: Pages
    table: Pages
    num_pages: Ints
    num_entered: Ints
    request: Ints
    filled: Pages
    score: Ints
    parent: Pages
    children: Pages
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
    # A page holds tokens of its blocks with ids, of a prompt's rest and of an output.
    entries = 1 if kind == HASH else page_size // int(content.numbers[BLOCK]) + 4
    numbers = np.zeros(NUM_NUMBERS, np.int64)
    numbers[[PAGE_SIZE, USABLE, WIDTH, TOKENWISE, EVICTION]] = page_size, usable, entries, kind == RADIX, policy
    numbers[NUM_BLANK] = usable
    return Cached(
        content=content,
        entries=page_index.create(total, entries),
        order=eviction.create(total, ranked=kind == RADIX or policy != eviction.LRU),
        coming=future.create(content, known=policy == eviction.BELADY),
        blank=np.arange(total - 1, first - 1, -1, dtype=np.int32),
        references=np.zeros(total, np.int32),
        table=np.empty((rows, width), np.int32),
        num_pages=np.zeros(rows, np.int64),
        num_entered=np.zeros(rows, np.int64),
        request=np.zeros(rows, np.int64),
        filled=np.zeros(total, np.int32),
        score=np.zeros(total, np.int64),
        parent=np.full(total, NONE, np.int32),
        children=np.zeros(total, np.int32),
        found=np.empty(width, np.int32),
        numbers=numbers,
    )


@kernel
def is_entered(state: Cached, page: int) -> bool:
    """Whether a page may be found."""
    return bool(state.entries.keys[page * state.numbers[WIDTH]] != NONE)


@kernel
def find_with(state: Cached, key: int, tokens: int) -> int:
    """The first entry with a key that reaches `tokens` tokens into its page, or NONE."""
    entry = page_index.find(state.entries, key)
    while entry != NONE and state.entries.tokens[entry] < tokens:
        entry = page_index.next_with(state.entries, state.entries.after[entry], key)
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
        entry = page_index.find(state.entries, key)
        if entry == NONE:
            return
        while entry != NONE and state.numbers[COPY_TOKENS] < position - start:
            common = min(state.entries.tokens[entry], position - start)
            if common > state.numbers[COPY_TOKENS]:
                state.numbers[COPY_TOKENS] = common
                state.numbers[COPY_FROM] = entry // state.numbers[WIDTH]
            entry = page_index.next_with(state.entries, state.entries.after[entry], key)


@kernel
def enter_page(state: Cached, row: int, place: int, tokens: int) -> None:
    """Enter a row's `place`-th page, of which `tokens` tokens are there, under every stretch it holds tokens of.

    Without token-wise sharing the last of them is enough; with it no two full pages of the tree are equal.
    """
    page, width = state.table[row, place], state.numbers[WIDTH]
    start = place * state.numbers[PAGE_SIZE]
    if state.numbers[TOKENWISE] and tokens == state.numbers[PAGE_SIZE]:
        number, _ = stretch(state.content, state.request[row], start + tokens - 1)
        equal = find_with(state, key_of(number, place), tokens)
        if equal != NONE:
            merge(state, row, place, equal // width)
            return
    if is_entered(state, page):
        forget(state, page)
    else:
        state.numbers[CLOCK] += 1
        state.score[page] = 1 if state.numbers[EVICTION] == eviction.LFU else state.numbers[CLOCK]
        if state.numbers[TOKENWISE] and place > 0:
            state.parent[page] = state.table[row, place - 1]
            state.children[state.parent[page]] += 1
    state.filled[page] = tokens
    position = start if state.numbers[TOKENWISE] else start + tokens - 1
    entry = page * width
    while position < start + tokens:
        number, end = stretch(state.content, state.request[row], position)
        position = min(end, start + tokens)
        if state.numbers[EVICTION] == eviction.BELADY:
            offer_again(state, key_of(number, place))
        page_index.insert(state.entries, entry, key_of(number, place), position - start)
        entry += 1


@kernel
def merge(state: Cached, row: int, place: int, equal: int) -> None:
    """Let a row hold the equal page of the tree in place of its own, which becomes blank."""
    page = state.table[row, place]
    if is_entered(state, page):
        forget(state, page)
        leave_parent(state, page)
    state.references[page] = 0
    state.blank[state.numbers[NUM_BLANK]] = page
    state.numbers[NUM_BLANK] += 1
    if state.references[equal] == 0:
        wake(state, equal)
    state.references[equal] += 1
    state.table[row, place] = equal


@kernel
def leave_parent(state: Cached, page: int) -> None:
    """Take a page from behind the one before it, which may be evicted now if nobody holds it."""
    parent = state.parent[page]
    if parent != NONE:
        state.parent[page] = NONE
        state.children[parent] -= 1
        if state.children[parent] == 0 and state.references[parent] == 0:
            offer(state, parent)


@kernel
def forget(state: Cached, page: int) -> None:
    """Remove all entries of a page."""
    width = state.numbers[WIDTH]
    for entry in range(page * width, (page + 1) * width):
        page_index.remove(state.entries, entry)


@kernel
def wake(state: Cached, page: int) -> None:
    """Let an idle page be idle no longer."""
    state.numbers[NUM_IDLE] -= 1
    state.numbers[IDLE_TOKENS] -= state.filled[page]
    if state.order.place[page] != eviction.NONE:
        eviction.drop(state.order, page)


@kernel
def offer(state: Cached, page: int) -> None:
    """Let an idle page be evicted from now on."""
    rank = state.score[page]
    if state.numbers[EVICTION] == eviction.BELADY:
        number = state.entries.keys[page * state.numbers[WIDTH]] >> page_index.PLACE_BITS
        rank = -future.next_use(state.coming, number)
    eviction.put(state.order, page, rank)


@kernel
def offer_again(state: Cached, key: int) -> None:
    """Rank an idle page with this key anew: its stretch has been asked for, and computed again behind a gap."""
    entry = page_index.find(state.entries, key)
    if entry == NONE:
        return
    page = entry // state.numbers[WIDTH]
    if state.references[page] == 0 and state.order.place[page] != eviction.NONE:
        eviction.drop(state.order, page)
        offer(state, page)


@kernel
def evict(state: Cached) -> int:
    """Take the idle page that is to go first out of the cache."""
    page = eviction.pop(state.order)
    state.numbers[NUM_IDLE] -= 1
    state.numbers[IDLE_TOKENS] -= state.filled[page]
    state.numbers[EVICTED] += 1
    forget(state, page)
    leave_parent(state, page)
    return page
