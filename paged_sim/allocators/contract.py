"""What every allocator's functions agree on: the values they answer with."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Listed = npt.NDArray[np.int32]
"""The first slots of pages, as wide as an arena takes them."""

NO_ROOM = -1
"""The answer "it cannot be placed now": a value, not an error, and nothing has changed."""

KEPT = -2
"""The answer "it has this page to itself": nothing had to be copied."""


class Span(NamedTuple):
    """Where a token lies, and how many tokens from there on lie in consecutive slots."""

    slot: int
    tokens: int


class Beyond(NamedTuple):
    """Held slots that a row's final tokens will never fill, by account."""

    over_reservation: int
    tail: int
    rounding: int


class Matched(NamedTuple):
    """Slots in the pages that a search of the prefix cache found, and how many of them nobody holds."""

    slots: int
    evictable: int


class Copied(NamedTuple):
    """From which slot how many found tokens are to be copied."""

    source: int
    tokens: int


class Evictable(NamedTuple):
    """Slots that nobody holds of pages kept for later: with a token, and without."""

    filled: int
    rest: int


def completed(module: ModuleType, others: ModuleType) -> ModuleType:
    """A module, after it was given those functions of another one that it does not define itself."""
    for name, function in vars(others).items():
        is_own = isinstance(function, FunctionType) and function.__module__ == others.__name__
        if is_own and not hasattr(module, name):
            setattr(module, name, function)
    return module
