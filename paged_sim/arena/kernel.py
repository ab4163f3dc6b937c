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
        first_token = (int(ops[index, GENERATION]) << 32) | int(ops[index, POSITION])
        run = flat[slot * words : (slot + length) * words]
        if kind == WRITE:
            _write(run, words, first_token)
            _mark(touched[slot : slot + length])
            counters[WRITTEN] += length
        elif kind == CHECK:
            corrupt, first = _check(run, words, first_token)
            if corrupt > 0 and counters[CORRUPT] == 0:
                counters[FIRST_SLOT] = slot + first
                counters[FIRST_GENERATION] = ops[index, GENERATION]
                counters[FIRST_POSITION] = ops[index, POSITION] + first
            counters[CHECKED] += length
            counters[CORRUPT] += corrupt
        elif kind == COPY:
            target = ops[index, GENERATION]
            _copy(run, flat[target * words : (target + length) * words])
            _mark(touched[target : target + length])
            counters[COPIED] += length
        else:
            _poison(run, words)
            _mark(touched[slot : slot + length])
            if kind == RETRACT:
                counters[RETRACTED] += length


@kernel
def _mark(touched: npt.NDArray[np.uint8]) -> None:
    for slot in range(len(touched)):
        touched[slot] = 1


@kernel
def _copy(source: npt.NDArray[np.uint64], target: npt.NDArray[np.uint64]) -> None:
    for word in range(len(source)):
        target[word] = source[word]


@kernel
def _write(run: npt.NDArray[np.uint64], words: int, first_token: int) -> None:
    if words == 1:
        for token in range(len(run)):
            run[token] = np.uint64(splitmix64(first_token + token))
        return
    for token in range(len(run) // words):
        bits = splitmix64(first_token + token)
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
def _check(run: npt.NDArray[np.uint64], words: int, first_token: int) -> tuple[int, int]:
    """How many tokens are corrupt, and which is the first of them."""
    tokens = len(run) // words
    corrupt = 0
    first = tokens
    if words == 1:
        for token in range(len(run)):
            wrong = run[token] != np.uint64(splitmix64(first_token + token))
            corrupt += wrong
            first = min(first, token if wrong else tokens)
        return corrupt, first
    for token in range(tokens):
        bits = splitmix64(first_token + token)
        content = run[token * words : (token + 1) * words]
        wrong_words = 0
        for word in range(words):
            wrong_words += content[word] != np.uint64((bits + word * WORD_STEP) & WORD_MASK)
        if wrong_words > 0:
            corrupt += 1
            first = min(first, token)
    return corrupt, first
