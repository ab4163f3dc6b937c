"""What families of pages have in common: a pool of pages of one size, and a block table of each row's pages.

Their states begin `numbers` with the settings below; `table[row, i]` is a row's i-th page, `num_pages[row]` their
number.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from paged_sim.allocators.contract import Beyond, Span
from paged_sim.compiled import inlined
from paged_sim.compiled.prefetch import prefetch
from paged_sim.requests import Ints

Pages = npt.NDArray[np.int32]

PAGE_SIZE, SHIFT, USABLE = range(3)


class Pool(Protocol):
    """The state of such a family."""

    @property
    def table(self) -> Pages:
        """`table[row, i]`."""

    @property
    def num_pages(self) -> Ints:
        """`num_pages[row]`."""

    @property
    def numbers(self) -> Ints:
        """Settings and counts."""


def shift_of(page_size: int) -> int:
    """By how many bits to shift instead of dividing by a page size, or -1 where it is no power of two."""
    return page_size.bit_length() - 1 if page_size & (page_size - 1) == 0 else -1


@inlined
def page_of(state: Pool, position: int) -> int:
    """Which of a row's pages holds token `position`: how many pages are full before it.

    Most page sizes are powers of two, and every event divides: a shift spares the division.
    """
    page_size: int = state.numbers[PAGE_SIZE]
    shift: int = state.numbers[SHIFT]
    return position >> shift if shift >= 0 else position // page_size


@inlined
def pages_for(state: Pool, tokens: int) -> int:
    """Pages that `tokens` tokens need."""
    return page_of(state, tokens + state.numbers[PAGE_SIZE] - 1)


def want(state: Pool, request: int, tokens: int) -> int:
    """Slots to hold for a request with `tokens` tokens: these and no more."""
    return tokens


def footprint(state: Pool, slots: int) -> int:
    """Slots really handed out for `slots`: whole pages."""
    page_size: int = state.numbers[PAGE_SIZE]
    return pages_for(state, slots) * page_size


def capacity(state: Pool) -> int:
    """Slots that can ever be handed out: without the null page and the remainder below one page."""
    usable: int = state.numbers[USABLE] * state.numbers[PAGE_SIZE]
    return usable


def expect(state: Pool, row: int) -> None:
    """Ask for where its next page will be noted."""
    prefetch(state.table, row * state.table.shape[1] + state.num_pages[row])


def locate(state: Pool, row: int, position: int) -> Span:
    """Where a row keeps token `position`."""
    page_size: int = state.numbers[PAGE_SIZE]
    index = page_of(state, position)
    within = position - index * page_size
    slot: int = state.table[row, index] * page_size + within
    return Span(slot, page_size - within)


def beyond(state: Pool, row: int, final: int) -> Beyond:
    """Slots of a row beyond its `final` tokens."""
    held: int = state.num_pages[row] * state.numbers[PAGE_SIZE]
    return Beyond(0, max(0, held - final), 0)
