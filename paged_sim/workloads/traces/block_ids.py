"""Ids of leading blocks: any whole number or text as an id of 64 bits, and how many tokens each stands for."""

from __future__ import annotations

import json
from array import array
from itertools import accumulate
from typing import Any

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Ints
from paged_sim.wording import shown
from paged_sim.workloads.traces.numbers import is_absent
from paged_sim.workloads.traces.sources import Block
from paged_sim.workloads.traces.values import REMEDY

_USUAL = (*(1 << power for power in range(13)), *(16 * factor for factor in range(3, 65) if factor & (factor - 1)))
"""Sizes of blocks as servers have them: powers of two, then other multiples of 16."""


class IdColumn:
    """The ids of all rows, one after the other.

    Whole numbers of 64 bits stay as they are until the file has an id that is none: text, or a larger number. From then
    on all are numbered in the order of their first appearance, in `numbers`; from the start where these are given.
    Ids of a `scope` mean nothing outside of it.
    """

    def __init__(self, numbers: dict[Any, int] | None = None, scope: object = None) -> None:
        self._ids = array("q")
        self._counts = array("q")
        self._numbers = numbers
        self._scope = scope

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, block: Block, name: str, kept: Ints) -> None:
        """Take the ids of the block's rows `kept`.

        Raises:
            PagedSimError: a row has no list of ids; the message says where.
        """
        values = block.column(name)
        for row in kept.tolist():
            ids = _listed(values[row], block.cells_are_text)
            if ids is None:
                raise PagedSimError(
                    f"{block.place(row, name)}: {shown(values[row])} is not a list of block ids; {REMEDY}"
                )
            self._counts.append(len(ids))
            self._extend(ids, block, row, name)

    def offsets(self, rows: int) -> Ints:
        """Where the ids of each of so many rows begin, and where the last ones end; all 0 if no ids were ever added."""
        if not self._counts:
            return np.zeros(rows + 1, dtype=np.int64)
        return np.array(list(accumulate(self._counts, initial=0)), dtype=np.int64)

    def ids(self) -> Ints:
        """All ids."""
        return np.array(self._ids, dtype=np.int64)

    def _extend(self, ids: list[Any], block: Block, row: int, name: str) -> None:
        if not set(map(type, ids)) <= {int, str}:
            wrong = next(each for each in ids if type(each) not in (int, str))
            raise PagedSimError(
                f"{block.place(row, name)}: {shown(wrong)} is neither a whole number nor a text, so no block id; "
                f"{REMEDY}"
            )
        if self._numbers is None:
            try:
                self._ids.extend(array("q", ids))
                return
            except (TypeError, OverflowError):
                self._numbers = {}
                self._ids = array("q", map(self._number, self._ids))
        self._ids.extend(map(self._number, ids))

    def _number(self, each: int | str) -> int:
        assert self._numbers is not None
        return self._numbers.setdefault(each if self._scope is None else (self._scope, each), len(self._numbers))


def _listed(value: Any, is_cell: bool) -> list[Any] | None:
    """The list that a value is or a cell holds (`[1, 2]`, `1 2` or `1;2`); None where it is no list."""
    if is_absent(value):
        return []
    if not is_cell:
        return value if isinstance(value, list) else None
    if value.lstrip().startswith("["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, list) else None
    parts = value.replace(";", " ").replace("|", " ").replace(",", " ").split()
    return [int(part) if part.lstrip("-").isdecimal() else part for part in parts]


def block_size(prompt: Ints, counts: Ints, declared: int, whole_prompt: bool) -> int | None:
    """The tokens that each id stands for, found from the lengths of the rows that have ids.

    That is `declared`, the size that the format says, where it fits: ids for every block of each prompt, the partial
    last one always included (`whole_prompt`), or never. Else it is the only usual size that fits in this way. Where
    neither does, ids may cover just the beginning of prompts: then it is `declared`, unless the format's ids always
    cover the whole prompt or a row has too many. None where no size is right.
    """
    with_ids = counts > 0
    prompt, counts = prompt[with_ids], counts[with_ids]
    if not len(prompt) or _fits(prompt, counts, declared, whole_prompt):
        return declared
    found = [size for size in _USUAL if _fits(prompt, counts, size, whole_prompt)]
    powers = [size for size in found if size & (size - 1) == 0]
    is_evidence = whole_prompt or len(np.unique(counts)) > 1
    if is_evidence and len(powers or found) == 1:
        return (powers or found)[0]
    covers_beginnings = not whole_prompt and np.all(counts <= -(-prompt // declared))
    return declared if covers_beginnings else None


def _fits(prompt: Ints, counts: Ints, size: int, whole_prompt: bool) -> bool:
    """Whether every row has an id for each of its blocks: with the partial last one, or without in other formats."""
    if np.array_equal(counts, -(-prompt // size)):
        return True
    return not whole_prompt and np.array_equal(counts, prompt // size)
