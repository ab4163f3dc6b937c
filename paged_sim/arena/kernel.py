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

AHEAD = 16
"""Operations, or pages of one, between asking for memory and using it: it comes from main memory in that time."""

LINE_WORDS = 8
LANES_STEP = LANES * POSITION_STEP % 2**64

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
    flat = memory.reshape(-1)
    for index in range(ops.shape[0]):
        if index + AHEAD < ops.shape[0] and ops[index + AHEAD, KIND] < IN_PAGES:
            _fetch(flat, int(ops[index + AHEAD, SLOT]), words)
        kind, slot, length = int(ops[index, KIND]), int(ops[index, SLOT]), int(ops[index, LENGTH])
        generation, position = int(ops[index, GENERATION]), int(ops[index, POSITION])
        if kind < IN_PAGES:
            wrong = is_outside(kind, slot, length, generation, position, slots)
        else:
            wrong = is_outside_in_pages(kind - IN_PAGES, pages, slot, length, generation, position, slots)
        if wrong:
            return index
        if kind == COPY:
            _copy(flat, slot * words, generation * words, length * words)
            mark(touched, generation, length)
            counters[COPIED] += length
            continue
        first = first_tag(generation, position)
        corrupt = 0
        if kind == CHECK:
            corrupt = _check(flat, words, slot, length, first)
        elif kind < IN_PAGES:
            _change(flat, words, touched, kind, slot, length, first)
        elif kind == CHECK + IN_PAGES:
            corrupt = _check_pages(flat, words, pages, slot, length, first, position)
        elif kind == WRITE + IN_PAGES and words == 1:
            _write_pages(flat, touched, pages, slot, length, first, position)
        else:
            _change_pages(flat, words, touched, kind - IN_PAGES, pages, slot, length, first, position)
        kind &= IN_PAGES - 1
        if corrupt > 0:
            if counters[CORRUPT] == 0:
                _remember_first_corrupt(flat, words, pages, ops[index], counters)
            counters[CORRUPT] += corrupt
        if kind == WRITE:
            counters[WRITTEN] += length
        elif kind == CHECK:
            counters[CHECKED] += length
        elif kind == RETRACT:
            counters[RETRACTED] += length
    return int(ops.shape[0])


@inlined
def _fetch(flat: Words, slot: int, words: int) -> None:
    """Ask for the first two lines from a slot on; what follows them the processor asks for itself."""
    prefetch(flat, slot * words)
    prefetch(flat, slot * words + LINE_WORDS)


@inlined
def _change(flat: Words, words: int, touched: Marks, kind: int, slot: int, length: int, first: int) -> None:
    """Write or poison one run, the tag of whose first token is `first`."""
    if kind == WRITE and words == 1:
        _write(flat, slot, length, first)
    elif kind == WRITE:
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


@kernel
def _write_pages(flat: Words, touched: Marks, pages: Pages, place: int, length: int, first: int, position: int) -> None:
    """Write slots of one word that lie page by page."""
    size = int(pages[place])
    within = position % size
    while length > 0:
        place += 1
        _fetch_page(flat, pages, place + AHEAD)
        count = min(size - within, length)
        _write(flat, int(pages[place]) + within, count, first)
        mark(touched, int(pages[place]) + within, count)
        first = plus(first, times(count, POSITION_STEP))
        length -= count
        within = 0


@kernel
def _change_pages(
    flat: Words, words: int, touched: Marks, kind: int, pages: Pages, place: int, length: int, first: int, position: int
) -> None:
    """Write or poison what lies page by page."""
    size = int(pages[place])
    within = position % size
    while length > 0:
        place += 1
        count = min(size - within, length)
        _change(flat, words, touched, kind, int(pages[place]) + within, count, first)
        first = plus(first, times(count, POSITION_STEP))
        length -= count
        within = 0


@kernel
def _check_pages(flat: Words, words: int, pages: Pages, place: int, length: int, first: int, position: int) -> int:
    """How many tokens that lie page by page are corrupt."""
    size = int(pages[place])
    within = position % size
    if words > 1:
        return _count_corrupt_in_pages(flat, words, pages, place, length, first, within)
    wrong = False
    listed, left, bits, start = place, length, first, within
    while left > 0:
        listed += 1
        _fetch_page(flat, pages, listed + AHEAD)
        count = min(size - start, left)
        wrong |= _differs(flat, int(pages[listed]) + start, count, bits)
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
def _fetch_page(flat: Words, pages: Pages, place: int) -> None:
    """Ask for a listed page with slots of one word, or for that of the list behind it, or for none."""
    if place < len(pages):
        _fetch(flat, int(pages[place]), 1)


@kernel
def _remember_first_corrupt(
    flat: Words,
    words: int,
    pages: Pages,
    operation: Operations,
    counters: npt.NDArray[np.int64],
) -> None:
    """Enter the first corrupt token of a CHECK that has one."""
    place, position = int(operation[SLOT]), int(operation[POSITION])
    first = first_tag(int(operation[GENERATION]), position)
    size = int(pages[place]) if operation[KIND] >= IN_PAGES else 0
    token = 0
    while True:
        slot = place + token
        if size > 0:
            at = position % size + token
            slot = int(pages[place + 1 + at // size]) + at % size
        content = flat[slot * words : (slot + 1) * words]
        if not _is_intact(content, plus(first, times(token, POSITION_STEP))):
            break
        token += 1
    counters[FIRST_SLOT] = slot
    counters[FIRST_GENERATION] = operation[GENERATION]
    counters[FIRST_POSITION] = position + token


@inlined
def is_outside(kind: int, slot: int, length: int, generation: int, position: int, slots: int) -> bool:
    """What `operations.validate_operations` refuses, for one operation over consecutive slots."""
    if kind < WRITE or kind > COPY or slot < 0 or length < 0 or slot > slots - length:
        return True
    if kind <= CHECK:
        return generation < 0 or position < 0
    if kind == COPY:
        return bool(generation < 0 or generation > slots - length or (length > 0 and abs(generation - slot) < length))
    return False


@kernel
def is_outside_in_pages(
    kind: int, pages: Pages, place: int, length: int, generation: int, position: int, slots: int
) -> bool:
    """What `operations.validate_operations` refuses, for one operation over pages, or what needs a closer look."""
    if kind < WRITE or kind >= COPY or length < 0 or generation < 0 or position < 0:
        return True
    if place < 0 or place >= len(pages) or pages[place] <= 0:
        return True
    size = int(pages[place])
    count = (position % size + length + size - 1) // size if length > 0 else 0
    if place + count >= len(pages):
        return True
    wrong = 0
    for listed in range(place + 1, place + 1 + count):
        wrong += pages[listed] < 0 or pages[listed] > slots - size
    return wrong > 0


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
    last = slot + length
    while slot + LANES <= last:
        store(flat, slot, first, POSITION_STEP)
        first = plus(first, LANES_STEP)
        slot += LANES
    while slot < last:
        # An unsigned index spares the question whether it counts from the end.
        flat[np.uint64(slot)] = np.uint64(first)
        first = plus(first, POSITION_STEP)
        slot += 1


@kernel
def _write_words(flat: Words, words: int, slot: int, length: int, first: int, step: int) -> None:
    """Fill slots of any number of words: the first word of the first is `first`, and goes up by `step` a slot."""
    for token in range(length):
        bits = plus(first, times(token, step))
        content = flat[(slot + token) * words : (slot + token + 1) * words]
        for word in range(words):
            content[word] = np.uint64(plus(bits, times(word, WORD_STEP)))


@inlined
def _differs(flat: Words, slot: int, length: int, first: int) -> bool:
    """Whether any token of a run of slots of one word is corrupt."""
    wrong = False
    last = slot + length
    while slot + LANES <= last:
        wrong |= differ(flat, slot, first, POSITION_STEP)
        first = plus(first, LANES_STEP)
        slot += LANES
    while slot < last:
        wrong |= flat[np.uint64(slot)] != np.uint64(first)
        first = plus(first, POSITION_STEP)
        slot += 1
    return wrong


@kernel
def _count_corrupt(flat: Words, words: int, slot: int, length: int, first: int) -> int:
    """How many tokens of a run are corrupt."""
    corrupt = 0
    for token in range(length):
        content = flat[(slot + token) * words : (slot + token + 1) * words]
        corrupt += not _is_intact(content, plus(first, times(token, POSITION_STEP)))
    return corrupt


@kernel
def _is_intact(content: npt.NDArray[np.uint64], bits: int) -> bool:
    """Whether the words of one token are as its tag says."""
    wrong = 0
    for word in range(len(content)):
        wrong += content[word] != np.uint64(plus(bits, times(word, WORD_STEP)))
    return wrong == 0
