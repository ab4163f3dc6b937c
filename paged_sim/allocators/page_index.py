"""Which pages hold a stretch of tokens: a hash table of the pages that a prefix cache may hit.

A page at place i of its sequence is entered once for every stretch of content that it holds tokens of, so that a
sequence which shares only the first of them finds it too. The key of an entry is (stretch, i); of entries with one key
the one entered first is found first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import kernel, marked_state

Ints = npt.NDArray[np.int64]
Entries = npt.NDArray[np.int32]

NONE = -1
PLACE_BITS = 24
"""A sequence has at most 2^24 pages, a workload at most 2^38 stretches."""


@marked_state
class PageIndex(NamedTuple):
    """Chains of entries by bucket; entry `page * width + j` is the j-th of a page, NONE where `keys` says so.

    `tokens[entry]` is up to which token of the page (from its start) the stretch reaches.
    """

    first: Entries
    last: Entries
    before: Entries
    after: Entries
    keys: Ints
    tokens: Entries


def create(pages: int, width: int) -> PageIndex:
    """An empty index for `pages` pages of at most `width` entries each."""
    buckets = 1 << (2 * pages * width).bit_length()
    entries = pages * width
    return PageIndex(
        first=np.full(buckets, NONE, np.int32),
        last=np.full(buckets, NONE, np.int32),
        before=np.full(entries, NONE, np.int32),
        after=np.full(entries, NONE, np.int32),
        keys=np.full(entries, NONE, np.int64),
        tokens=np.zeros(entries, np.int32),
    )


@kernel
def key_of(stretch: int, place: int) -> int:
    """The key of a stretch at the `place`-th page of a sequence."""
    return (stretch << PLACE_BITS) | place


@kernel
def bucket_of(index: PageIndex, key: int) -> int:
    """The bucket of a key: Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4)."""
    mixed = (int(key) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    return int((mixed >> 32) & (len(index.first) - 1))


@kernel
def next_with(index: PageIndex, entry: int, key: int) -> int:
    """The first entry with this key from `entry` on, along its chain; NONE if there is none."""
    while entry != NONE and index.keys[entry] != key:
        entry = index.after[entry]
    return entry


@kernel
def find(index: PageIndex, key: int) -> int:
    """The first entry with a key, or NONE."""
    return next_with(index, index.first[bucket_of(index, key)], key)


@kernel
def insert(index: PageIndex, entry: int, key: int, tokens: int) -> None:
    """Enter a free entry behind all others of its bucket."""
    bucket = bucket_of(index, key)
    last = index.last[bucket]
    index.keys[entry] = key
    index.tokens[entry] = tokens
    index.before[entry] = last
    index.after[entry] = NONE
    index.last[bucket] = entry
    if last == NONE:
        index.first[bucket] = entry
    else:
        index.after[last] = entry


@kernel
def remove(index: PageIndex, entry: int) -> None:
    """Take an entry out; one that is not there is left alone."""
    if index.keys[entry] == NONE:
        return
    bucket = bucket_of(index, index.keys[entry])
    before, after = index.before[entry], index.after[entry]
    if before == NONE:
        index.first[bucket] = after
    else:
        index.after[before] = after
    if after == NONE:
        index.last[bucket] = before
    else:
        index.before[after] = before
    index.keys[entry] = NONE
