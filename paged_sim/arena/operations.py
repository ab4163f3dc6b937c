"""Memory operations: what the engine records and an arena executes, and what a token's bytes are.

A list of operations is an int32 array of shape `[n, 5]` whose columns are KIND, SLOT, LENGTH, GENERATION, POSITION.
Narrow numbers, since every one is written and read back once. A list is executed strictly in order:

WRITE    slots [slot, slot + length) get the tokens (generation, position), (generation, position + 1), ...
CHECK    the same slots must hold these tokens; those that do not are counted as corrupt, the first one is remembered
RETRACT  the slots are poisoned and their tokens leave `tokens_written` again: written ahead of time, never stored
POISON   the slots are poisoned: whoever reads them before they are written again is found out
COPY     `length` slots from `slot` to the slot in column GENERATION; the two extents never overlap

The tokens of the first four may also lie page by page. Then IN_PAGES is added to the kind, and SLOT is an index into a
second int32 array, `pages`: there stands the size of a page, and behind it the first slot of every page, beginning with
the page of the first token. The token at a position lies `position % size` slots behind the first slot of its page.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.compiled import inlined, kernel
from paged_sim.compiled.words import plus, times

Operations = npt.NDArray[np.int32]
Pages = npt.NDArray[np.int32]

MAX_SLOTS = (1 << 31) - 1
"""The largest arena: operations count slots in 32 bits."""

WRITE, CHECK, RETRACT, POISON, COPY = range(5)
IN_PAGES = 8
KIND, SLOT, LENGTH, GENERATION, POSITION = range(5)
COLUMNS = 5

NO_PAGES: Pages = np.zeros(0, np.int32)

# An arena's counters, an int64 array. The last three say where the first corrupt token was expected.
WRITTEN, CHECKED, COPIED, RETRACTED, CORRUPT, FIRST_SLOT, FIRST_GENERATION, FIRST_POSITION = range(8)
COUNTERS = 8

WORD_STEP = 0x9E3779B97F4A7C15
POSITION_STEP = 0x517CC1B727220A95  # 2^64 / pi, odd
POISON_TAG = 0x0BADC0DE0BADC0DE

_VALIDATED_AT_ONCE = 1 << 14


class ArenaError(AssertionError):
    """A broken allocator or engine: an operation that no correct one can ask for. Never a user's mistake."""


@inlined
def splitmix64(state: Any) -> Any:
    """One output of the generator splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).

    `state` is a Python integer, an array of uint64 or, compiled, an integer; the result is of the same kind. The masks
    make every shift logical in all three, and cost nothing once compiled.
    """
    mixed = plus(state, WORD_STEP)
    mixed = times(mixed ^ ((mixed >> 30) & 0x3FFFFFFFF), 0xBF58476D1CE4E5B9)
    mixed = times(mixed ^ ((mixed >> 27) & 0x1FFFFFFFFF), 0x94D049BB133111EB)
    return mixed ^ ((mixed >> 31) & 0x1FFFFFFFF)


@kernel
def tag(generation: int, position: int) -> np.uint64:
    """The tag of one token: its first word. Word w of a token is `tag + w * WORD_STEP` (mod 2^64).

    A sequence's tags begin at a scramble of its generation and go up by POSITION_STEP a position (mod 2^64): a run of
    them takes one addition a token, and tokens of two sequences share a tag with a chance of about 2^-64.
    """
    return np.uint64(plus(splitmix64(int(generation)), times(int(position), POSITION_STEP)))


def tags(generations: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """The tags of many tokens: uint64 of the broadcast shape of both arrays."""
    first: npt.NDArray[np.uint64] = splitmix64(generations.astype(np.uint64))
    return first + positions.astype(np.uint64) * np.uint64(POSITION_STEP)


def word_offsets(words: int) -> npt.NDArray[np.uint64]:
    """What is added to a token's tag to get its words: uint64[words]."""
    return np.arange(words, dtype=np.uint64) * np.uint64(WORD_STEP)


class Runs(NamedTuple):
    """Operations over one run of consecutive slots each, and the index of the recorded operation each belongs to."""

    ops: npt.NDArray[np.int64]
    origins: npt.NDArray[np.int64]


def validate_operations(recorded: Operations, slots: int, listed: Pages = NO_PAGES) -> npt.NDArray[np.int64]:
    """Check that every operation stays inside an arena of `slots` slots, before a backend sees any of them.

    Returns the operations as one contiguous int64 array in which those over pages are written out, one for each page.
    Raises ArenaError that names the first wrong one by its index. A generation and every position must not be negative,
    else two tokens could share a tag.
    """
    if recorded.dtype != np.int32 or recorded.ndim != 2 or recorded.shape[1] != COLUMNS:
        raise ArenaError(f"operations must be int32[n, {COLUMNS}], not {recorded.dtype}{list(recorded.shape)}")
    ops, pages = recorded.astype(np.int64), listed.astype(np.int64)
    unlisted = _unlisted(ops, pages)
    if unlisted.any():
        index = int(unlisted.argmax())
        raise ArenaError(f"operation {index} of {len(ops)} has no list of pages: {_spelled(ops[index])}")
    runs = write_out(ops, pages)
    for begin in range(0, len(runs.ops), _VALIDATED_AT_ONCE):
        wrong = _outside(runs.ops[begin : begin + _VALIDATED_AT_ONCE], slots)
        if wrong.any():
            index = begin + int(wrong.argmax())
            raise ArenaError(
                f"operation {runs.origins[index]} of {len(ops)} leaves the arena of {slots} slots or the range of "
                f"tags: {_spelled(runs.ops[index])}"
            )
    return np.ascontiguousarray(runs.ops)


def write_out(ops: npt.NDArray[np.int64], pages: npt.NDArray[np.int64]) -> Runs:
    """The operations with each one over pages as one for each of its pages, in order; its list must be there."""
    listed = ops[:, KIND] >= IN_PAGES
    if not listed.any():
        return Runs(ops, np.arange(len(ops)))
    count = np.ones(len(ops), np.int64)
    count[listed] = num_pages(ops[listed], pages)
    origins = np.repeat(np.arange(len(ops)), count)
    nth = np.arange(len(origins)) - np.repeat(np.cumsum(count) - count, count)
    runs = ops[origins]
    mine = listed[origins]
    place, length, position = (runs[mine, column] for column in (SLOT, LENGTH, POSITION))
    size = pages[place]
    # A page holds the positions of one multiple of its size up to the next.
    begin = np.maximum(position, (position // size + nth[mine]) * size)
    end = np.minimum(position + length, (position // size + nth[mine] + 1) * size)
    runs[mine, KIND] -= IN_PAGES
    runs[mine, SLOT] = pages[place + 1 + nth[mine]] + begin % size
    runs[mine, LENGTH] = end - begin
    runs[mine, POSITION] = begin
    return Runs(runs, origins)


def num_pages(ops: npt.NDArray[np.int64], pages: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many pages each of some operations over pages goes through."""
    size = pages[ops[:, SLOT]]
    count = (ops[:, POSITION] % size + ops[:, LENGTH] + size - 1) // size
    return np.where(ops[:, LENGTH] > 0, count, 0)


def _unlisted(ops: npt.NDArray[np.int64], pages: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which operations over pages have a list that is not whole, or tokens that cannot be looked up in one."""
    wrong: npt.NDArray[np.bool_] = ops[:, KIND] >= IN_PAGES
    rows = np.flatnonzero(wrong)
    place, length, position = (ops[rows, column] for column in (SLOT, LENGTH, POSITION))
    sound = (place >= 0) & (place < len(pages)) & (length >= 0) & (position >= 0)
    sound[sound] = pages[place[sound]] > 0
    sound[sound] = place[sound] + num_pages(ops[rows[sound]], pages) < len(pages)
    wrong[rows] = ~sound
    return wrong


def _spelled(operation: npt.NDArray[np.int64]) -> str:
    kind, slot, length, generation, position = operation.tolist()
    return f"kind {kind}, slot {slot}, length {length}, generation {generation}, position {position}"


def _outside(ops: npt.NDArray[np.int64], slots: int) -> npt.NDArray[np.bool_]:
    kind, slot, length, generation, position = np.ascontiguousarray(ops.T)
    wrong: npt.NDArray[np.bool_]
    wrong = (kind < WRITE) | (kind > COPY) | (slot < 0) | (length < 0) | (length > slots) | (slot > slots - length)
    tagged = kind <= CHECK
    wrong |= tagged & ((generation < 0) | (position < 0))
    copies = kind == COPY
    if copies.any():
        overlap = (np.abs(generation - slot) < length) & (length > 0)
        wrong |= copies & ((generation < 0) | (generation > slots - length) | overlap)
    return wrong
