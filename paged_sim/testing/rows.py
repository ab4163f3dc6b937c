"""The plain model beside an allocator: what each row should hold, token by token, and where it is said to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paged_sim import allocators
from paged_sim.allocators import State
from paged_sim.arena.operations import Operations
from paged_sim.content import Content, stretch
from paged_sim.requests import Ints

PROBED = 4
"""Positions of a row at which `locate` is compared with the list of its pages, beside the first and the last."""


@dataclass
class Row:
    """A resident sequence: its `stored` tokens, the slots it holds and those it asked for, and who wrote each token."""

    request: int
    stored: int
    held: int
    asked: int
    authors: Ints


def slots_of(state: State, row: int, held: int, rng: np.random.Generator) -> Ints:
    """Every slot that a row of `held` slots holds, in order of its tokens; `locate` and `list_pages` must agree."""
    first, run = allocators.locate(state, row, 0)
    assert run > 0, f"row {row} holds {held} slots, and none for its first token"
    if run >= held:
        return np.arange(first, first + held)
    count = -(-(held - run) // run)
    listed = np.full(count + 2, -7, np.int32)
    allocators.list_pages(state, row, run, count, listed, 1)
    assert listed[0] == listed[-1] == -7, f"list_pages of row {row} wrote beyond the {count} pages asked for"
    pages = np.concatenate(([first], listed[1:-1])).astype(np.int64)
    slots = (pages[:, None] + np.arange(run)).reshape(-1)[:held]
    for position in {0, held - 1, *rng.integers(0, held, PROBED).tolist()}:
        expected = int(slots[position]), run - position % run
        assert allocators.locate(state, row, position) == expected, f"row {row}, token {position}: not as listed"
    return slots


def identities(content: Content, request: int, first: int, last: int) -> Ints:
    """What tokens `first` to `last - 1` of a request are: equal numbers at equal positions are equal tokens."""
    found = np.empty(max(0, last - first), np.int64)
    position = first
    while position < last:
        number, end = stretch(content, request, position)
        found[position - first : end - first] = number
        position = end
    return found


def operations(kind: int, slots: Ints, authors: Ints, first: int) -> Operations:
    """Memory operations over consecutive tokens from position `first` on: one for each run of slots and author."""
    if not len(slots):
        return np.zeros((0, 5), np.int32)
    cuts = np.flatnonzero((np.diff(slots) != 1) | (np.diff(authors) != 0)) + 1
    begin = np.concatenate(([0], cuts))
    length = np.diff(np.concatenate((begin, [len(slots)])))
    kinds = np.full(len(begin), kind)
    return np.stack((kinds, slots[begin], length, authors[begin], first + begin), axis=1).astype(np.int32)


def poisoned(kind: int, slots: Ints) -> Operations:
    """Operations that poison these slots."""
    return operations(kind, slots, np.zeros(len(slots), np.int64), 0)
