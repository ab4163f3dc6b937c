"""Tags, and the bounds of operations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.arena.operations import (
    CHECK,
    COPY,
    POISON,
    POSITION_STEP,
    RETRACT,
    WORD_STEP,
    WRITE,
    ArenaError,
    splitmix64,
    tag,
    tags,
    validate_operations,
    word_offsets,
)
from paged_sim.compiled import jit

U32 = st.integers(0, 2**32 - 1)


def test_splitmix64_gives_the_published_sequence():
    # The first outputs of the generator seeded with 1234567; it adds WORD_STEP to its state for each output.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [splitmix64((1234567 + step * WORD_STEP) % 2**64) for step in range(4)] == expected


@given(U32, U32)
def test_a_tag_is_the_mix_of_generation_and_position(generation, position):
    expected = (splitmix64(generation) + position * POSITION_STEP) % 2**64
    assert tag(generation, position) == expected
    assert isinstance(tag(generation, position), np.uint64)
    assert tags(np.array([generation]), np.array([position])).tolist() == [expected]


def test_the_compiled_tag_is_the_plain_one():
    compiled = jit(tag)
    for generation, position in [(0, 0), (1, 0), (0, 1), (2**31, 2**31), (2**32 - 1, 2**32 - 1)]:
        assert compiled(generation, position) == tag(generation, position)


def test_tags_do_not_repeat():
    generations, positions = np.meshgrid(np.arange(100), np.arange(1000))
    assert np.unique(tags(generations, positions)).size == 100_000


def test_word_offsets_wrap():
    assert word_offsets(3).tolist() == [0, WORD_STEP, 2 * WORD_STEP % 2**64]


SLOTS = 100


@pytest.mark.parametrize(
    "operation",
    [
        (WRITE, 0, 100, 0, 0),
        (WRITE, 100, 0, 0, 0),
        (CHECK, 99, 1, 2**31 - 1, 2**31 - 1),
        (WRITE, 0, 2, 0, 2**31 - 1),
        (RETRACT, 5, 5, -1, -1),
        (POISON, 5, 5, -1, -1),
        (COPY, 0, 50, 50, 0),
        (COPY, 50, 50, 0, -1),
        (COPY, 7, 0, 7, 0),
    ],
)
def test_operations_in_bounds_pass(operation):
    ops = np.array([operation], np.int32)
    assert validate_operations(ops, SLOTS).tolist() == ops.tolist()


@pytest.mark.parametrize(
    "operation",
    [
        (-1, 0, 1, 0, 0),
        (5, 0, 1, 0, 0),
        (WRITE, -1, 1, 0, 0),
        (WRITE, 0, -1, 0, 0),
        (WRITE, 0, 101, 0, 0),
        (WRITE, 100, 1, 0, 0),
        (CHECK, 99, 2, 0, 0),
        (POISON, 2**31 - 1, 2, 0, 0),
        (POISON, 2, 2**31 - 1, 0, 0),
        (RETRACT, 99, 2, 0, 0),
        (WRITE, 0, 1, -1, 0),
        (CHECK, 0, 1, 0, -1),
        (COPY, 0, 10, 91, 0),
        (COPY, 0, 10, -1, 0),
        (COPY, 95, 10, 0, 0),
        (COPY, 0, 10, 9, 0),
        (COPY, 9, 10, 0, 0),
        (COPY, 5, 1, 5, 0),
    ],
)
def test_an_operation_out_of_bounds_is_named(operation):
    ops = np.array([(WRITE, 0, 1, 0, 0)] * 20_000 + [operation], np.int32)
    with pytest.raises(ArenaError) as caught:
        validate_operations(ops, SLOTS)
    kind, slot, length, generation, position = operation
    assert "operation 20000 of 20001" in str(caught.value)
    assert f"kind {kind}, slot {slot}, length {length}, generation {generation}, position {position}" in str(
        caught.value
    )


@pytest.mark.parametrize("ops", [np.zeros((3, 4), np.int32), np.zeros(5, np.int32), np.zeros((1, 5), np.int64)])
def test_operations_of_another_shape_are_refused(ops):
    with pytest.raises(ArenaError, match=r"operations must be int32\[n, 5\]"):
        validate_operations(ops, SLOTS)


def test_validated_operations_are_contiguous():
    ops = np.zeros((4, 10), np.int32)[:, ::2]
    assert validate_operations(ops, SLOTS).flags.c_contiguous
