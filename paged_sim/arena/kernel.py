"""Executing operations in one pass over plain loops: the way of the compiled host arena.

Everything here is ordinary Python that Numba compiles as it stands. What almost every token goes through is kept small
and without a branch that depends on memory: slots of one word, written and checked in lanes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paged_sim.arena.marks import Marks, mark
from paged_sim.arena.operations import (
    CHECK,
    CHECKED,
    COLUMNS,
    COPIED,
    COPY,
    CORRUPT,
    FIRST_GENERATION,
    FIRST_POSITION,
    FIRST_SLOT,
    GENERATION,
    IN_PAGES,
    KIND,
    LENGTH,
    POISON_TAG,
    POSITION,
    POSITION_STEP,
    RETRACT,
    RETRACTED,
    SLOT,
    WORD_STEP,
    WRITE,
    WRITTEN,
    Operations,
    Pages,
    splitmix64,
)
from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.prefetch import prefetch
from paged_sim.compiled.words import LANES, differ, plus, store, times

AHEAD = 24
"""Operations, or pages of one, between asking for memory and using it: it comes from main memory in that time."""

LINE_WORDS = 8
BLOCK = 2 * LANES
"""Tokens of one word that are written or checked in a straight line: a page of the usual size."""

LANES_STEP = LANES * POSITION_STEP % 2**64
BLOCK_STEP = BLOCK * POSITION_STEP % 2**64

OUTSIDE = -1
"""What stands for a slot, or for a number of corrupt tokens, where a page is not in the arena or not in its list."""

Words = npt.NDArray[np.uint64]


def execute_operations(
    memory: npt.NDArray[np.uint64],
    touched: Marks,
    ops: Operations,
    pages: Pages,
    counters: npt.NDArray[np.int64],
) -> int:
    """Execute operations in order up to the first that is out of bounds; how many were executed.

    Changes `memory[slots, words]`, marks the slots it changes in `touched` and adds to `counters[COUNTERS]`.
    """
    slots, words = memory.shape
    flat, rows = memory.reshape(-1), ops.reshape(-1)
    last_to_fetch = len(rows) - AHEAD * COLUMNS
    row = -COLUMNS
    for index in range(len(ops)):
        row += COLUMNS
        # Unsigned indices spare the question, here and below, whether they count from the end.
        if row < last_to_fetch and rows[np.uint64(row + AHEAD * COLUMNS + KIND)] < IN_PAGES:
            _fetch(flat, int(rows[np.uint64(row + AHEAD * COLUMNS + SLOT)]), words)
        kind, slot = int(rows[np.uint64(row + KIND)]), int(rows[np.uint64(row + SLOT)])
        length, generation = int(rows[np.uint64(row + LENGTH)]), int(rows[np.uint64(row + GENERATION)])
        position = int(rows[np.uint64(row + POSITION)])
        if kind == WRITE and words == 1 and not is_outside(WRITE, slot, length, generation, position, slots):
            # Most operations of most policies: the shortest way.
            _write(flat, slot, length, first_tag(generation, position))
            mark(touched, slot, length)
            counters[WRITTEN] += length
        elif not _execute(flat, slots, words, touched, counters, pages, kind, slot, length, generation, position):
            return index
    return len(ops)


@inlined
def _execute(
    flat: Words,
    slots: int,
    words: int,
    touched: Marks,
    counters: npt.NDArray[np.int64],
    pages: Pages,
    kind: int,
    slot: int,
    length: int,
    generation: int,
    position: int,
) -> bool:
    """Execute one operation of any kind, unless it is out of bounds; whether it was executed."""
    if kind < IN_PAGES:
        wrong = is_outside(kind, slot, length, generation, position, slots)
    else:
        wrong = has_no_list(kind - IN_PAGES, pages, slot, length, generation, position)
    if wrong:
        return False
    if kind == COPY:
        _copy(flat, slot * words, generation * words, length * words)
        mark(touched, generation, length)
        counters[COPIED] += length
        return True
    first = first_tag(generation, position)
    corrupt = 0
    if kind == CHECK:
        corrupt = _check(flat, words, slot, length, first)
    elif kind < IN_PAGES:
        _change(flat, words, touched, kind, slot, length, first)
    elif kind == WRITE + IN_PAGES and words == 1:
        corrupt = _write_pages(flat, touched, pages, slot, length, first, position)
    elif kind == CHECK + IN_PAGES:
        corrupt = _check_pages(flat, slots, words, pages, slot, length, first, position)
    else:
        corrupt = _change_pages(flat, slots, words, touched, kind - IN_PAGES, pages, slot, length, first, position)
    if corrupt == OUTSIDE:
        return False
    if corrupt > 0:
        if counters[CORRUPT] == 0:
            _remember_first_corrupt(flat, words, counters, pages, kind, slot, generation, position)
        counters[CORRUPT] += corrupt
    kind &= IN_PAGES - 1
    if kind == WRITE:
        counters[WRITTEN] += length
    elif kind == CHECK:
        counters[CHECKED] += length
    elif kind == RETRACT:
        counters[RETRACTED] += length
    return True


@inlined
def _fetch(flat: Words, slot: int, words: int) -> None:
    """Ask for the first two lines from a slot on; what follows them the processor asks for itself."""
    prefetch(flat, slot * words)
    prefetch(flat, slot * words + LINE_WORDS)


@kernel
def _change(flat: Words, words: int, touched: Marks, kind: int, slot: int, length: int, first: int) -> None:
    """Write or poison one run, the tag of whose first token is `first`."""
    if kind == WRITE:
        _write_words(flat, words, slot, length, first, POSITION_STEP)
    else:
        _write_words(flat, words, slot, length, POISON_TAG, 0)
    mark(touched, slot, length)


@inlined
def _check(flat: Words, words: int, slot: int, length: int, first: int) -> int:
    """How many tokens of a run are corrupt: almost always none, which is faster to see than to count."""
    if words == 1 and not _differs(flat, slot, length, first):
        return 0
    return _count_corrupt(flat, words, slot, length, first)


@inlined
def _write_pages(flat: Words, touched: Marks, pages: Pages, place: int, length: int, first: int, position: int) -> int:
    """Write slots of one word that lie page by page; 0, or OUTSIDE."""
    size = int(pages[place])
    within = position % size
    while length > 0:
        place += 1
        _fetch_page(flat, pages, place + AHEAD)
        slot = _slot_in_page(pages, place, within, size, len(flat))
        if slot == OUTSIDE:
            return OUTSIDE
        count = min(size - within, length)
        _write(flat, slot, count, first)
        mark(touched, slot, count)
        first = plus(first, times(count, POSITION_STEP))
        length -= count
        within = 0
    return 0


@kernel
def _change_pages(
    flat: Words,
    slots: int,
    words: int,
    touched: Marks,
    kind: int,
    pages: Pages,
    place: int,
    length: int,
    first: int,
    position: int,
) -> int:
    """Write or poison what lies page by page; 0, or OUTSIDE."""
    size = int(pages[place])
    within = position % size
    while length > 0:
        place += 1
        slot = _slot_in_page(pages, place, within, size, slots)
        if slot == OUTSIDE:
            return OUTSIDE
        count = min(size - within, length)
        _change(flat, words, touched, kind, slot, count, first)
        first = plus(first, times(count, POSITION_STEP))
        length -= count
        within = 0
    return 0


@inlined
def _check_pages(
    flat: Words, slots: int, words: int, pages: Pages, place: int, length: int, first: int, position: int
) -> int:
    """How many tokens that lie page by page are corrupt, or OUTSIDE."""
    size = int(pages[place])
    within = position % size
    wrong = words > 1
    listed, left, bits, start = place, length, first, within
    while left > 0:
        listed += 1
        _fetch_page(flat, pages, listed + AHEAD)
        slot = _slot_in_page(pages, listed, start, size, slots)
        if slot == OUTSIDE:
            return OUTSIDE
        count = min(size - start, left)
        if words == 1:
            wrong |= _differs(flat, slot, count, bits)
        bits = plus(bits, times(count, POSITION_STEP))
        left -= count
        start = 0
    return _count_corrupt_in_pages(flat, words, pages, place, length, first, within) if wrong else 0


@kernel
def _count_corrupt_in_pages(
    flat: Words, words: int, pages: Pages, place: int, length: int, first: int, within: int
) -> int:
    size = int(pages[place])
    corrupt = 0
    while length > 0:
        place += 1
        count = min(size - within, length)
        corrupt += _count_corrupt(flat, words, int(pages[place]) + within, count, first)
        first = plus(first, times(count, POSITION_STEP))
        length -= count
        within = 0
    return corrupt


@inlined
def _slot_in_page(pages: Pages, place: int, within: int, size: int, slots: int) -> int:
    """The slot that lies `within` a listed page; OUTSIDE where the list ends or the page leaves the arena."""
    if place >= len(pages):
        return OUTSIDE
    page = int(pages[np.uint64(place)])
    return OUTSIDE if page < 0 or page > slots - size else page + within


@inlined
def _fetch_page(flat: Words, pages: Pages, place: int) -> None:
    """Ask for a listed page with slots of one word, or for that of the list behind it, or for none."""
    if place < len(pages):
        _fetch(flat, int(pages[np.uint64(place)]), 1)


@kernel
def _remember_first_corrupt(
    flat: Words,
    words: int,
    counters: npt.NDArray[np.int64],
    pages: Pages,
    kind: int,
    place: int,
    generation: int,
    position: int,
) -> None:
    """Enter the first corrupt token of a CHECK that has one."""
    first = first_tag(generation, position)
    size = int(pages[place]) if kind >= IN_PAGES else 0
    token = 0
    while True:
        slot = place + token
        if size > 0:
            at = position % size + token
            slot = int(pages[place + 1 + at // size]) + at % size
        if not _is_intact(flat, words, slot, plus(first, times(token, POSITION_STEP))):
            break
        token += 1
    counters[FIRST_SLOT] = slot
    counters[FIRST_GENERATION] = generation
    counters[FIRST_POSITION] = position + token


@inlined
def is_outside(kind: int, slot: int, length: int, generation: int, position: int, slots: int) -> bool:
    """What `operations.validate_operations` refuses, for one operation over consecutive slots."""
    if kind < WRITE or kind > COPY or (slot | length) < 0 or slot > slots - length:
        return True
    if kind <= CHECK:
        return (generation | position) < 0
    if kind == COPY:
        return bool(generation < 0 or generation > slots - length or (length > 0 and abs(generation - slot) < length))
    return False


@inlined
def has_no_list(kind: int, pages: Pages, place: int, length: int, generation: int, position: int) -> bool:
    """What `operations.validate_operations` refuses, for one operation over pages, before its pages are looked at."""
    if kind < WRITE or kind >= COPY or (length | generation | position) < 0:
        return True
    return place < 0 or place >= len(pages) or pages[place] <= 0


@kernel
def _copy(flat: Words, source: int, target: int, length: int) -> None:
    here, there = np.uint64(source), np.uint64(target)
    for word in range(length):
        flat[there + np.uint64(word)] = flat[here + np.uint64(word)]


@inlined
def first_tag(generation: int, position: int) -> int:
    """The tag of a run's first token, as a plain integer."""
    bits: int = plus(splitmix64(generation), times(position, POSITION_STEP))
    return bits


@inlined
def _write(flat: Words, slot: int, length: int, first: int) -> None:
    """Write slots of one word."""
    if length == BLOCK:
        # A page of the usual size takes no loop: that is half of the time.
        store(flat, slot, LANES, first, POSITION_STEP)
        store(flat, slot + LANES, LANES, plus(first, LANES_STEP), POSITION_STEP)
        return
    while length >= BLOCK:
        store(flat, slot, LANES, first, POSITION_STEP)
        store(flat, slot + LANES, LANES, plus(first, LANES_STEP), POSITION_STEP)
        first = plus(first, BLOCK_STEP)
        slot += BLOCK
        length -= BLOCK
    if length > 0:
        store(flat, slot, length, first, POSITION_STEP)
        store(flat, slot + LANES, length - LANES, plus(first, LANES_STEP), POSITION_STEP)


@kernel
def _write_words(flat: Words, words: int, slot: int, length: int, first: int, step: int) -> None:
    """Fill slots of any number of words: the first word of the first is `first`, and goes up by `step` a slot."""
    place = slot * words
    for token in range(length):
        bits = plus(first, times(token, step))
        for word in range(words):
            flat[np.uint64(place)] = np.uint64(plus(bits, times(word, WORD_STEP)))
            place += 1


@inlined
def _differs(flat: Words, slot: int, length: int, first: int) -> bool:
    """Whether any token of a run of slots of one word is corrupt."""
    if length == BLOCK:
        here = differ(flat, slot, LANES, first, POSITION_STEP)
        return here | differ(flat, slot + LANES, LANES, plus(first, LANES_STEP), POSITION_STEP)
    wrong = False
    while length >= BLOCK:
        wrong |= differ(flat, slot, LANES, first, POSITION_STEP)
        wrong |= differ(flat, slot + LANES, LANES, plus(first, LANES_STEP), POSITION_STEP)
        first = plus(first, BLOCK_STEP)
        slot += BLOCK
        length -= BLOCK
    if length > 0:
        wrong |= differ(flat, slot, length, first, POSITION_STEP)
        wrong |= differ(flat, slot + LANES, length - LANES, plus(first, LANES_STEP), POSITION_STEP)
    return wrong


@kernel
def _count_corrupt(flat: Words, words: int, slot: int, length: int, first: int) -> int:
    """How many tokens of a run are corrupt."""
    corrupt = 0
    for token in range(length):
        corrupt += not _is_intact(flat, words, slot + token, plus(first, times(token, POSITION_STEP)))
    return corrupt


@kernel
def _is_intact(flat: Words, words: int, slot: int, bits: int) -> bool:
    """Whether the words of one slot are as the tag of its token says."""
    wrong = False
    for word in range(words):
        wrong |= flat[np.uint64(slot * words + word)] != np.uint64(plus(bits, times(word, WORD_STEP)))
    return not wrong
