"""Which pages hold a stretch of tokens: a hash table of the pages that a prefix cache may hit.

A page at place i of its sequence is entered once for every stretch of content that it holds tokens of, so that a
sequence which shares only the first of them finds it too. The key of an entry is (stretch, i); of entries with one key
the one entered first is found first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.allocators.prefix.record import NONE
from paged_sim.compiled import inlined, marked_state
from paged_sim.compiled.prefetch import prefetch
from paged_sim.compiled.words import times

Ints = npt.NDArray[np.int64]
Entries = npt.NDArray[np.int32]

FIRST, LAST = range(2)
KEY, TOKENS, BEFORE, AFTER = range(4)
AHEAD = 4
"""Entries between asking for where one will be noted and its turn."""

PLACE_BITS = 24
"""A sequence has at most 2^24 pages, a workload at most 2^38 stretches."""


@marked_state
class Index(NamedTuple):
    """Chains of entries by bucket: `ends[bucket]` are its FIRST and LAST entry, or NONE.

    Entry `page * width + j` is the j-th of a page. Of `entries[entry]`, KEY is NONE for one that is not in the index;
    TOKENS is up to which token of the page (from its start) the stretch reaches; BEFORE and AFTER are its neighbours.
    """

    ends: Entries
    entries: Ints


def create(pages: int, width: int) -> Index:
    """An empty index for `pages` pages of at most `width` entries each."""
    buckets = 1 << (2 * pages * width).bit_length()
    return Index(ends=np.full((buckets, 2), NONE, np.int32), entries=np.full((pages * width, 4), NONE, np.int64))


@inlined
def key_of(stretch: int, place: int) -> int:
    """The key of a stretch at the `place`-th page of a sequence."""
    return (stretch << PLACE_BITS) | place


@inlined
def bucket_of(index: Index, key: int) -> int:
    """The bucket of a key: Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4)."""
    mixed = times(int(key), 0x9E3779B97F4A7C15)
    return int((mixed >> 32) & (len(index.ends) - 1))


@inlined
def next_with(index: Index, entry: int, key: int) -> int:
    """The first entry with this key from `entry` on, along its chain; NONE if there is none."""
    while entry != NONE and index.entries[entry, KEY] != key:
        entry = int(index.entries[entry, AFTER])
    return entry


@inlined
def find(index: Index, key: int) -> int:
    """The first entry with a key, or NONE."""
    return next_with(index, int(index.ends[bucket_of(index, key), FIRST]), key)


@inlined
def find_reaching(index: Index, key: int, tokens: int) -> int:
    """The first entry with a key that reaches `tokens` tokens into its page, or NONE."""
    entry = find(index, key)
    while entry != NONE and index.entries[entry, TOKENS] < tokens:
        entry = next_with(index, int(index.entries[entry, AFTER]), key)
    return entry


@inlined
def expect(index: Index, key: int) -> None:
    """Ask for where an entry with a key will be noted."""
    prefetch(index.ends, 2 * bucket_of(index, key))


@inlined
def insert(index: Index, entry: int, key: int, tokens: int) -> None:
    """Enter a free entry behind all others of its bucket."""
    bucket = bucket_of(index, key)
    last = index.ends[bucket, LAST]
    index.entries[entry, KEY] = key
    index.entries[entry, TOKENS] = tokens
    index.entries[entry, BEFORE] = last
    index.entries[entry, AFTER] = NONE
    index.ends[bucket, LAST] = entry
    if last == NONE:
        index.ends[bucket, FIRST] = entry
    else:
        index.entries[last, AFTER] = entry


@inlined
def remove(index: Index, entry: int) -> None:
    """Take an entry out."""
    bucket = bucket_of(index, index.entries[entry, KEY])
    before, after = index.entries[entry, BEFORE], index.entries[entry, AFTER]
    if before == NONE:
        index.ends[bucket, FIRST] = after
    else:
        index.entries[before, AFTER] = after
    if after == NONE:
        index.ends[bucket, LAST] = before
    else:
        index.entries[after, BEFORE] = before
    index.entries[entry, KEY] = NONE
