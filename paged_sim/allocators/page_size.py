"""Dividing by the page size without a division: most are powers of two, and every event divides."""

from __future__ import annotations

from paged_sim.compiled import inlined


def shift_of(page_size: int) -> int:
    """By how many bits to shift instead of dividing by a page size, or -1 where it is no power of two."""
    return page_size.bit_length() - 1 if page_size & (page_size - 1) == 0 else -1


@inlined
def whole_pages(tokens: int, page_size: int, shift: int) -> int:
    """How many pages of `page_size` tokens are full with `tokens` tokens."""
    return tokens >> shift if shift >= 0 else tokens // page_size
