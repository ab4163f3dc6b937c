"""Executing operations in one pass over plain loops: the way of the compiled host arena.

Everything here is ordinary Python that Numba compiles as it stands. The loops over the tokens of a run have no branch
that depends on memory, so that the compiler can vectorise them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
from paged_sim.compiled import kernel


def execute_operations(
    memory: npt.NDArray[np.uint64],
    touched: npt.NDArray[np.uint8],
    ops: npt.NDArray[np.int64],
    counters: npt.NDArray[np.int64],
) -> None:
    """Execute validated operations in order.

    Changes `memory[slots, words]`, marks the slots it changes in `touched[slots]` and adds to `counters[COUNTERS]`.
    """
    words = memory.shape[1]
    flat = memory.reshape(-1)
    for index in range(ops.shape[0]):
        kind, slot, length = ops[index, KIND], ops[index, SLOT], ops[index, LENGTH]
        generation, position = int(ops[index, GENERATION]), int(ops[index, POSITION])
        run = flat[slot * words : (slot + length) * words]
        if kind == WRITE:
            _write(run, words, first_tag(generation, position))
            _mark(touched[slot : slot + length])
            counters[WRITTEN] += length
        elif kind == CHECK:
            corrupt, first = _check(run, words, first_tag(generation, position))
            if corrupt > 0 and counters[CORRUPT] == 0:
                counters[FIRST_SLOT] = slot + first
                counters[FIRST_GENERATION] = generation
                counters[FIRST_POSITION] = position + first
            counters[CHECKED] += length
            counters[CORRUPT] += corrupt
        elif kind == COPY:
            target = generation
            _copy(run, flat[target * words : (target + length) * words])
            _mark(touched[target : target + length])
            counters[COPIED] += length
        else:
            _poison(run, words)
            _mark(touched[slot : slot + length])
            if kind == RETRACT:
                counters[RETRACTED] += length


def first_outside(ops: npt.NDArray[np.int64], slots: int) -> int:
    """The first operation that leaves an arena of `slots` slots or the range of tags, or -1: see `is_outside`."""
    for index in range(ops.shape[0]):
        if is_outside(ops, index, slots):
            return index
    return -1


@kernel
def is_outside(ops: npt.NDArray[np.int64], index: int, slots: int) -> bool:
    """What `operations.validate_operations` refuses, for one operation."""
    kind, slot, length = ops[index, KIND], ops[index, SLOT], ops[index, LENGTH]
    generation, position = ops[index, GENERATION], ops[index, POSITION]
    if kind < WRITE or kind > COPY or slot < 0 or length < 0 or slot > slots - length:
        return True
    if kind <= CHECK:
        return bool((generation >> 32) != 0 or (position >> 32) != 0 or position > (1 << 32) - length)
    if kind == COPY:
        return bool(generation < 0 or generation > slots - length or (length > 0 and abs(generation - slot) < length))
    return False


@kernel
def _mark(touched: npt.NDArray[np.uint8]) -> None:
    for slot in range(len(touched)):
        touched[slot] = 1


@kernel
def _copy(source: npt.NDArray[np.uint64], target: npt.NDArray[np.uint64]) -> None:
    for word in range(len(source)):
        target[word] = source[word]


@kernel
def first_tag(generation: int, position: int) -> int:
    """The tag of a run's first token, as a plain integer."""
    bits: int = (splitmix64(generation) + position * POSITION_STEP) & WORD_MASK
    return bits


@kernel
def _write(run: npt.NDArray[np.uint64], words: int, first: int) -> None:
    if words == 1:
        for token in range(len(run)):
            run[token] = np.uint64((first + token * POSITION_STEP) & WORD_MASK)
        return
    for token in range(len(run) // words):
        bits = first + token * POSITION_STEP
        content = run[token * words : (token + 1) * words]
        for word in range(words):
            content[word] = np.uint64((bits + word * WORD_STEP) & WORD_MASK)


@kernel
def _poison(run: npt.NDArray[np.uint64], words: int) -> None:
    if words == 1:
        for token in range(len(run)):
            run[token] = np.uint64(POISON_TAG)
        return
    for token in range(len(run) // words):
        content = run[token * words : (token + 1) * words]
        for word in range(words):
            content[word] = np.uint64((POISON_TAG + word * WORD_STEP) & WORD_MASK)


@kernel
def _check(run: npt.NDArray[np.uint64], words: int, first: int) -> tuple[int, int]:
    """How many tokens are corrupt, and which is the first of them."""
    corrupt = 0
    if words == 1:
        for token in range(len(run)):
            corrupt += run[token] != np.uint64((first + token * POSITION_STEP) & WORD_MASK)
    else:
        for token in range(len(run) // words):
            corrupt += not _is_intact(run[token * words : (token + 1) * words], first + token * POSITION_STEP)
    token = 0
    while corrupt > 0 and _is_intact(run[token * words : (token + 1) * words], first + token * POSITION_STEP):
        token += 1
    return corrupt, token


@kernel
def _is_intact(content: npt.NDArray[np.uint64], bits: int) -> bool:
    """Whether the words of one token are as its tag says."""
    wrong = 0
    for word in range(len(content)):
        wrong += content[word] != np.uint64((bits + word * WORD_STEP) & WORD_MASK)
    return wrong == 0
