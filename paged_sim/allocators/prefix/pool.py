"""The pool of a prefix cache. A page is blank, held, or evictable: nobody holds it, but it keeps its tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators.block_table import PAGE_SIZE, SHIFT, USABLE, Pages, shift_of
from paged_sim.allocators.prefix import eviction, index
from paged_sim.allocators.prefix.index import key_of
from paged_sim.allocators.prefix.order import LOOKS_AHEAD, Eviction, Order
from paged_sim.allocators.prefix.record import FILLED, LISTED, NONE, NUM_PAGE_FIELDS, REFERENCES
from paged_sim.compiled import inlined, marked_state
from paged_sim.content import BLOCK, NUM_NODES, Content
from paged_sim.requests import Ints

Tokens = npt.NDArray[np.int32]

HASH, RADIX, RUNNING = range(3)

# `numbers`, behind those of `block_table`: settings, then what there is of pages, then what the last `match` found.
(
    WIDTH,
    KIND,
    NUM_BLANK,
    NUM_EVICTABLE,
    EVICTABLE_TOKENS,
    REQUEST,
    NUM_MATCHED,
    MATCHED_EVICTABLE,
    COPY_FROM,
    COPY_TOKENS,
) = range(3, 13)
NUM_NUMBERS = 13


@marked_state
class Cached(NamedTuple):
    """The pool and its cache. Blank pages are `blank[:NUM_BLANK]`, the next one last; `matched` are pages, too.

    `table` and `num_pages` are those of `block_table`; `request[row]` is whom a row serves and `num_inserted[row]` its
    leading full pages that are in the cache. `pages[page]` is a page's record (`record`), `known` lists those that can
    be found, WIDTH entries each at most. What only request r can find is listed when it is preempted, which was with at
    most `reached[r]` tokens.
    """

    content: Content
    known: index.Index
    order: Order
    blank: Pages
    pages: Pages
    reached: Tokens
    table: Pages
    num_pages: Ints
    num_inserted: Ints
    request: Ints
    matched: Pages
    numbers: Ints


def create(
    *,
    content: Content,
    kind: int,
    policy: Eviction,
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
    numbers[[PAGE_SIZE, SHIFT, USABLE, WIDTH]] = page_size, shift_of(page_size), usable, entries
    numbers[[KIND, NUM_BLANK]] = kind, usable
    pages = np.zeros((total, NUM_PAGE_FIELDS), np.int32)
    return Cached(
        content=content,
        known=index.create(total, entries),
        order=eviction.create(pages, content, policy, is_tree=kind == RADIX),
        blank=np.arange(total - 1, first - 1, -1, dtype=np.int32),
        pages=pages,
        reached=np.zeros(len(content.covered), np.int32),
        table=np.empty((rows, width), np.int32),
        num_pages=np.zeros(rows, np.int64),
        num_inserted=np.zeros(rows, np.int64),
        request=np.zeros(rows, np.int64),
        matched=np.empty(width, np.int32),
        numbers=numbers,
    )


def stretches_of_a_page(content: Content, page_size: int) -> int:
    """The most stretches that a page can hold tokens of: blocks with ids, the rest of a prompt and an output."""
    block = int(content.numbers[BLOCK])
    blocks = (page_size + block - 2) // block + 1 if content.numbers[NUM_NODES] else 0
    return blocks + 2


@inlined
def is_cached(state: Cached, page: int) -> bool:
    """Whether a page is in the cache."""
    return bool(state.pages[page, FILLED] > 0)


@inlined
def put_back(state: Cached, page: int) -> None:
    """Let a page that nobody holds and that is not in the cache be the next blank one."""
    state.blank[state.numbers[NUM_BLANK]] = page
    state.numbers[NUM_BLANK] += 1


@inlined
def hold(state: Cached, page: int) -> None:
    """Let one more row hold a page of the cache."""
    if state.pages[page, REFERENCES] == 0:
        state.numbers[NUM_EVICTABLE] -= 1
        state.numbers[EVICTABLE_TOKENS] -= state.pages[page, FILLED]
        eviction.withdraw(state.order, page)
    state.pages[page, REFERENCES] += 1


@inlined
def keep(state: Cached, page: int, tokens: int) -> None:
    """Let a page of which these tokens are there be in the cache."""
    if not is_cached(state, page):
        eviction.inserted(state.order, page)
    state.pages[page, FILLED] = tokens


@inlined
def list_page(state: Cached, page: int, stretch: int, place: int, tokens: int) -> None:
    """List a page, the `place`-th of its sequence, under one more stretch, which reaches to token `tokens` of it."""
    key = key_of(stretch, place)
    if state.order.numbers[LOOKS_AHEAD]:
        offer_again(state, key)
    entry = state.pages[page, LISTED]
    if entry == 0:
        eviction.listed(state.order, page, stretch)
    state.pages[page, LISTED] = entry + 1
    index.insert(state.known, page * state.numbers[WIDTH] + entry, key, tokens)


@inlined
def offer_again(state: Cached, key: int) -> None:
    """Rank an evictable page with this key anew: its stretch has been asked for, and computed again behind a gap."""
    entry = index.find(state.known, key)
    if entry != NONE and state.pages[entry // state.numbers[WIDTH], REFERENCES] == 0:
        eviction.offer_again(state.order, entry // state.numbers[WIDTH])


@inlined
def unlist(state: Cached, page: int) -> None:
    """Let a page be found no more."""
    first = page * state.numbers[WIDTH]
    for entry in range(first, first + state.pages[page, LISTED]):
        index.remove(state.known, entry)
    state.pages[page, LISTED] = 0


@inlined
def remove(state: Cached, page: int) -> None:
    """Take a page out of the cache."""
    unlist(state, page)
    state.pages[page, FILLED] = 0
