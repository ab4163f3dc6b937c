"""What is compiled together is one library: its parts are optimised in it, and fail in it as they would in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from paged_sim.compiled import inlined, is_inlined, jit, kernel
from paged_sim.compiled.folder import cache_folder
from paged_sim.compiled.prefetch import prefetch


@inlined
def twice(number: int) -> int:
    return 2 * number


@kernel
def refuse(number: int) -> int:
    if number < 0:
        raise ValueError("below zero")
    return twice(number) + 1


def outermost(number: int) -> int:
    return refuse(number) + twice(number)


def fetch_and_count(flags: npt.NDArray[np.int64]) -> int:
    total = 0
    for index in range(len(flags)):
        prefetch(flags, index + 1_000_000)
        total += flags[index]
    return total


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything is compiled here and now."""
    monkeypatch.setenv("PAGED_SIM_CACHE_DIR", str(tmp_path))
    cache_folder.cache_clear()
    jit.cache_clear()
    yield
    cache_folder.cache_clear()
    jit.cache_clear()


def test_callees_of_callees_are_linked() -> None:
    assert jit(outermost)(5) == outermost(5) == 21


def test_an_exception_of_a_part_arrives() -> None:
    with pytest.raises(ValueError, match="below zero"):
        jit(outermost)(-1)


def test_what_is_inlined_depends_on_the_function_alone() -> None:
    assert is_inlined(twice, ())
    assert not is_inlined(refuse, ())


def test_prefetching_changes_nothing() -> None:
    flags = np.arange(10)
    assert fetch_and_count(flags) == 45
    assert jit(fetch_and_count)(flags) == 45
    assert flags.tolist() == list(range(10))
