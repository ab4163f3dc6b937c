"""Executing operations in one pass over plain loops: the way of the compiled host arena.

Everything here is ordinary Python that Numba compiles as it stands. The loops over the tokens of a run have no branch
that depends on memory, so that the compiler can vectorise them.
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
    WORD_MASK,
    WORD_STEP,
    WRITE,
    WRITTEN,
    splitmix64,
)
from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.prefetch import prefetch

AHEAD = 16
"""Operations, or pages of one, between asking for memory and using it: it comes from main memory in that time."""

LINE_WORDS = 8


def execute_operations(
    memory: npt.NDArray[np.uint64],
    touched: Marks,
    ops: npt.NDArray[np.int64],
    pages: npt.NDArray[np.int64],
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
        if kind < IN_PAGES:
            corrupt = _work(flat, words, touched, kind, slot, length, first)
        else:
            kind -= IN_PAGES
            corrupt = _work_in_pages(flat, words, touched, kind, pages, slot, length, first, position)
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
def _fetch(flat: npt.NDArray[np.uint64], slot: int, words: int) -> None:
    """Ask for the first two lines from a slot on; what follows them the processor asks for itself."""
    prefetch(flat, slot * words)
    prefetch(flat, slot * words + LINE_WORDS)


@inlined
def _work(
    flat: npt.NDArray[np.uint64], words: int, touched: Marks, kind: int, slot: int, length: int, first: int
) -> int:
    """Carry out an operation over one run, the tag of whose first token is `first`; how many tokens are corrupt."""
    if kind == CHECK:
        return _count_corrupt(flat, slot, length, words, first)
    if kind == WRITE:
        _write(flat, slot, length, words, first)
    else:
        _poison(flat, slot, length, words)
    mark(touched, slot, length)
    return 0


@kernel
def _work_in_pages(
    flat: npt.NDArray[np.uint64],
    words: int,
    touched: Marks,
    kind: int,
    pages: npt.NDArray[np.int64],
    place: int,
    length: int,
    first: int,
    position: int,
) -> int:
    """Carry out an operation over pages, run by run; how many tokens are corrupt."""
    size = int(pages[place])
    within = position % size
    corrupt = 0
    while length > 0:
        place += 1
        if place + AHEAD < len(pages):
            _fetch(flat, int(pages[place + AHEAD]), words)
        count = min(size - within, length)
        corrupt += _work(flat, words, touched, kind, int(pages[place]) + within, count, first)
        first = (first + count * POSITION_STEP) & WORD_MASK
        length -= count
        within = 0
    return corrupt


@kernel
def _remember_first_corrupt(
    flat: npt.NDArray[np.uint64],
    words: int,
    pages: npt.NDArray[np.int64],
    operation: npt.NDArray[np.int64],
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
        if not _is_intact(content, first + token * POSITION_STEP):
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
        return bool((generation >> 32) != 0 or (position >> 32) != 0 or position > (1 << 32) - length)
    if kind == COPY:
        return bool(generation < 0 or generation > slots - length or (length > 0 and abs(generation - slot) < length))
    return False


@kernel
def is_outside_in_pages(
    kind: int, pages: npt.NDArray[np.int64], place: int, length: int, generation: int, position: int, slots: int
) -> bool:
    """What `operations.validate_operations` refuses, for one operation over pages, or what needs a closer look."""
    if kind < WRITE or kind >= COPY or length < 0 or (generation >> 32) != 0 or (position >> 32) != 0:
        return True
    if position > (1 << 32) - length or place < 0 or place >= len(pages) or pages[place] <= 0:
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
def _copy(flat: npt.NDArray[np.uint64], source: int, target: int, length: int) -> None:
    here, there = np.uint64(source), np.uint64(target)
    for word in range(length):
        flat[there + np.uint64(word)] = flat[here + np.uint64(word)]


@inlined
def first_tag(generation: int, position: int) -> int:
    """The tag of a run's first token, as a plain integer."""
    bits: int = (splitmix64(generation) + position * POSITION_STEP) & WORD_MASK
    return bits


@inlined
def _write(flat: npt.NDArray[np.uint64], slot: int, length: int, words: int, first: int) -> None:
    if words > 1:
        _write_words(flat, slot, length, words, first, POSITION_STEP)
        return
    # An unsigned index spares the question whether it counts from the end.
    start = np.uint64(slot)
    for token in range(length):
        flat[start + np.uint64(token)] = np.uint64((first + token * POSITION_STEP) & WORD_MASK)


@inlined
def _poison(flat: npt.NDArray[np.uint64], slot: int, length: int, words: int) -> None:
    if words > 1:
        _write_words(flat, slot, length, words, POISON_TAG, 0)
        return
    start = np.uint64(slot)
    for token in range(length):
        flat[start + np.uint64(token)] = np.uint64(POISON_TAG)


@kernel
def _write_words(flat: npt.NDArray[np.uint64], slot: int, length: int, words: int, first: int, step: int) -> None:
    """Fill slots of several words: the first word of the first is `first`, and goes up by `step` a slot."""
    for token in range(length):
        bits = first + token * step
        content = flat[(slot + token) * words : (slot + token + 1) * words]
        for word in range(words):
            content[word] = np.uint64((bits + word * WORD_STEP) & WORD_MASK)


@inlined
def _count_corrupt(flat: npt.NDArray[np.uint64], slot: int, length: int, words: int, first: int) -> int:
    """How many tokens of a run are corrupt: almost always none, which is faster to see than to count."""
    if words > 1:
        return _count_corrupt_words(flat, slot, length, words, first)
    differing = np.uint64(0)
    start = np.uint64(slot)
    for token in range(length):
        differing |= flat[start + np.uint64(token)] ^ np.uint64((first + token * POSITION_STEP) & WORD_MASK)
    return _count_corrupt_words(flat, slot, length, 1, first) if differing else 0


@kernel
def _count_corrupt_words(flat: npt.NDArray[np.uint64], slot: int, length: int, words: int, first: int) -> int:
    corrupt = 0
    for token in range(length):
        content = flat[(slot + token) * words : (slot + token + 1) * words]
        corrupt += not _is_intact(content, first + token * POSITION_STEP)
    return corrupt


@kernel
def _is_intact(content: npt.NDArray[np.uint64], bits: int) -> bool:
    """Whether the words of one token are as its tag says."""
    wrong = 0
    for word in range(len(content)):
        wrong += content[word] != np.uint64((bits + word * WORD_STEP) & WORD_MASK)
    return wrong == 0
