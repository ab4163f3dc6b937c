"""Something small to compile that needs all that the step loop needs of Numba."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from paged_sim import compiled
from paged_sim.compiled.prefetch import prefetch
from paged_sim.compiled.words import differ, plus, store, times


@compiled.marked_state
class State(NamedTuple):
    """Two arrays, which compiled code takes by reference."""

    numbers: Any
    words: Any


def compile_and_run() -> None:
    """Compile a function with a callee, in the way of the moment, and run it; raise whatever goes wrong."""
    compiled.register_all()
    outermost = _new_functions()
    found = compiled.dispatcher_of(outermost)(_new_state())
    expected = outermost(_new_state())
    if found != expected:
        raise ArithmeticError(f"a small function came to {found} and not to {expected}")


def _new_state() -> State:
    return State(np.arange(10, 20), np.zeros(9, np.uint64))


def _new_functions() -> Any:
    """Functions that were never compiled: what failed in one way leaves nothing behind for the next."""

    def part(state: Any, index: int) -> Any:
        return plus(int(state.numbers[index]), 100 * differ(state.words, 1, 3, 21, 1))

    def outermost(state: Any) -> Any:
        prefetch(state.words, 0)
        store(state.words, 1, 3, times(7, 3), 1)
        return part(state, 4)

    compiled.register(part)
    return outermost
