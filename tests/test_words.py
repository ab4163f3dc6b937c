"""Arithmetic that wraps around and words in lanes: compiled as in plain Python, whatever the numbers are."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.compiled import jit
from paged_sim.compiled.words import LANES, MASK, differ, plus, store, times

NARROW = st.integers(-(2**31), 2**31 - 1)
FACTOR = 0xBF58476D1CE4E5B9


def mix(numbers: npt.NDArray[np.int32]) -> Any:
    """A product that leaves 64 bits whatever the number; a compiler knows that the number has 32."""
    return times(plus(int(numbers[0]), FACTOR), FACTOR) >> 1


def fill(words: npt.NDArray[np.uint64], index: int, count: int, first: int, step: int) -> None:
    store(words, index, count, first, step)


def compare(words: npt.NDArray[np.uint64], index: int, count: int, first: int, step: int) -> bool:
    return differ(words, index, count, first, step)


@given(NARROW)
def test_products_of_narrow_numbers_wrap(number: int) -> None:
    numbers = np.array([number], np.int32)
    expected = (number + FACTOR) * FACTOR & MASK
    assert mix(numbers) == expected >> 1
    signed = expected - 2**64 if expected >= 2**63 else expected
    assert jit(mix)(numbers) == signed >> 1


@pytest.mark.parametrize("way", [lambda function: function, jit], ids=["plain", "compiled"])
@given(
    first=st.integers(0, MASK),
    step=st.integers(0, 2**63 - 1),
    index=st.integers(0, 5),
    count=st.integers(-LANES, 2 * LANES),
    wrong=st.integers(0, 12),
)
def test_lanes_are_stored_and_compared(way: Any, first: int, step: int, index: int, count: int, wrong: int) -> None:
    words = np.zeros(13, np.uint64)
    as_signed = first - 2**64 if first >= 2**63 else first
    way(fill)(words, index, count, as_signed, step)
    chosen = max(0, min(count, LANES))
    lanes = [(first + lane * step) % 2**64 for lane in range(chosen)]
    assert words.tolist() == [0] * index + lanes + [0] * (13 - chosen - index)
    assert not way(compare)(words, index, count, as_signed, step)
    words[wrong] ^= np.uint64(1)
    assert way(compare)(words, index, count, as_signed, step) == (index <= wrong < index + chosen)


def test_words_that_are_not_chosen_are_not_touched() -> None:
    page = mmap.mmap(-1, mmap.PAGESIZE)
    words = np.frombuffer(page, np.uint64)
    jit(fill)(words, len(words) - 1, 1, 7, 0)
    assert not jit(compare)(words, len(words) - 1, 1, 7, 0)
    assert words.tolist() == [0] * (len(words) - 1) + [7]
