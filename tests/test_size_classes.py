"""Size classes against jemalloc's own answers: its table, its slabs, and where it puts things call by call."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import requests_of
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.allocators import contiguous, placement
from paged_sim.allocators.contract import NO_ROOM
from paged_sim.allocators.placements import size_classes
from paged_sim.allocators.space import FREE, Space

FOLDER = Path(__file__).parent / "data" / "size_classes"
ANSWERS = json.loads((FOLDER / "classes.json").read_text("utf-8"))
QUANTUM, SLOT = 16, 256


def test_classes_are_those_of_the_manual() -> None:
    sizes = [size for _, row in ANSWERS["manual"] for size in row]
    whole = [size // QUANTUM for size in sizes if size >= QUANTUM]
    assert sorted({size_classes.class_of(length) for length in range(1, 1 << 16)}) == [
        size for size in whole if size <= 1 << 16
    ]
    assert [size_classes.class_of(size) for size in whole] == whole
    assert [size_classes.class_of(size + 1) for size in whole[:-1]] == whole[1:]
    # A slot may be any power of two of quanta: classes look the same at every scale.
    assert [size // SLOT for size in sizes if size % SLOT == 0] == whole[: sum(size % SLOT == 0 for size in sizes)]


@pytest.mark.parametrize("unit", [QUANTUM, SLOT])
def test_every_size_is_rounded_as_jemalloc_does(unit: int) -> None:
    """Of each class the first size is recorded, up to 4 MiB."""
    firsts, classes = np.array(ANSWERS["nallocx"]).T
    for size in range(unit, 1 << 20, unit):
        expected = classes[np.searchsorted(firsts, size, "right") - 1]
        assert size_classes.class_of(size // unit) * unit == expected


def test_slabs_are_as_long_as_jemallocs() -> None:
    bins = [row for row in ANSWERS["bins"] if row[0] % SLOT == 0]
    assert bins[-1][0] == size_classes.LARGEST_SMALL * SLOT
    for size, regions, slab in bins:
        assert size_classes.slab_of(size // SLOT) == slab // SLOT == regions * size // SLOT


def play(space: Space, live: dict[int, tuple[int, int]], what: str, number: int, length: int) -> tuple[int, int] | None:
    """Place or grow an extent as a contiguous policy does; where it lies then and what it holds, or None."""
    start, held = live.get(number, (NO_ROOM, 0))
    size = placement.placed_length(space, length)
    if what == "grow" and placement.extend(space, start, held, length - held):
        return start, size
    now = placement.place(space, length)
    if now == NO_ROOM:
        return None
    if what == "grow":
        placement.give_back(space, start, held)
    return now, size


@pytest.mark.parametrize("name", ["small", "mixed", "large"])
def test_every_address_is_jemallocs(name: str) -> None:
    with gzip.open(FOLDER / f"calls_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        head, *calls = map(json.loads, file)
    space, live = placement.create("size_classes", head["slots"]), dict[int, tuple[int, int]]()
    for what, number, *answer in calls:
        if what == "free":
            placement.give_back(space, *live.pop(number))
            continue
        length, start, size = answer
        if what == "grow" and placement.placed_length(space, length) == live[number][1]:
            assert [*live[number]] == [start, size]
            continue
        fitting = placement.fits(space, length)
        now = play(space, live, what, number, length)
        assert now == (None if start is None else (start, size))
        assert what == "grow" or fitting == (now is not None)
        live |= {number: now} if now else {}
        assert space.numbers[FREE] == head["slots"] - sum(held for _, held in live.values())
    for extent in live.values():
        placement.give_back(space, *extent)
    assert placement.is_new(space)


class Pages:
    """The rules on a list of pages: which are free, and of each slab its first page, class and free regions."""

    def __init__(self, pages: int) -> None:
        self.free = [True] * pages
        self.slabs: dict[int, tuple[int, set[int]]] = {}

    def run(self, pages: int) -> int | None:
        """The lowest run of so many free pages."""
        return next((p for p in range(len(self.free) - pages + 1) if all(self.free[p : p + pages])), None)

    def mark(self, page: int, pages: int, *, free: bool) -> None:
        self.free[page : page + pages] = [free] * pages

    def place(self, size: int) -> int:
        if size >= size_classes.SMALLEST_LARGE:
            pages = size // size_classes.PAGE
            page = self.run(pages)
            if page is None:
                return NO_ROOM
            self.mark(page, pages, free=False)
            return page * size_classes.PAGE
        open_slabs = sorted(head for head, (other, regions) in self.slabs.items() if other == size and regions)
        if not open_slabs:
            pages = size_classes.slab_of(size) // size_classes.PAGE
            head = self.run(pages)
            if head is None:
                return NO_ROOM
            self.mark(head, pages, free=False)
            self.slabs[head] = size, set(range(pages * size_classes.PAGE // size))
            open_slabs = [head]
        regions = self.slabs[open_slabs[0]][1]
        region = min(regions)
        regions.remove(region)
        return open_slabs[0] * size_classes.PAGE + region * size

    def give_back(self, start: int, size: int) -> None:
        if size >= size_classes.SMALLEST_LARGE:
            self.mark(start // size_classes.PAGE, size // size_classes.PAGE, free=True)
            return
        head = max(head for head in self.slabs if head * size_classes.PAGE <= start)
        regions = self.slabs[head][1]
        regions.add((start - head * size_classes.PAGE) // size)
        slab = size_classes.slab_of(size)
        if len(regions) == slab // size:
            del self.slabs[head]
            self.mark(head, slab // size_classes.PAGE, free=True)


@settings(max_examples=60, deadline=None)
@given(
    capacity=st.integers(0, 400),
    moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1 << 16)), max_size=60),
    enough=st.integers(1, 40),
)
def test_what_fits_is_what_could_be_placed(capacity: int, moves: list[tuple[int, int]], enough: int) -> None:
    """`fits`, `longest` and `how_many` against trying it, for every length, on a model of pages."""
    space, model, placed = placement.create("size_classes", capacity), Pages(capacity // 16), list[tuple[int, int]]()
    for move, number in moves:
        length = 1 + number % (70 if move % 2 else 160)
        if move == 0 and placed:
            extent = placed.pop(number % len(placed))
            placement.give_back(space, *extent)
            model.give_back(*extent)
            continue
        start, size = placement.place(space, length), placement.placed_length(space, length)
        assert start == model.place(size)
        placed += [(start, size)] if start != NO_ROOM else []
    lengths = range(1, capacity + 2)
    possible = [length for length in lengths if deepcopy(model).place(size_classes.class_of(length)) != NO_ROOM]
    assert [length for length in lengths if placement.fits(space, length)] == possible
    assert placement.longest(space) == max(possible, default=0)
    for length in (1, 5, 7, 20, 56, 64, 80):
        copy, count = deepcopy(model), 0
        while copy.place(size_classes.class_of(length)) != NO_ROOM:
            count += 1
        assert min(enough, placement.how_many(space, length, enough)) == min(enough, count)


def state_of(slots: int, asks: list[int], **others: Any) -> contiguous.Contiguous:
    """An empty arena for reservations, or, without any, for sequences that grow."""
    asked = np.array(asks, np.int64)
    given: dict[str, Any] = {"chunk": 1, "longest": 64, "rows": 4, **others}
    return contiguous.create(slots=slots, rule="size_classes", asks=asked, **given)


def test_a_class_whose_slab_is_longer_than_the_arena_is_refused_beforehand() -> None:
    """Four pages: a slab of 20 slots has five, a large extent of 64 slots is all of them."""
    requests = requests_of([16, 20, 40, 60], [1, 1, 1, 5])
    asked = state_of(70, [16, 20, 48, 64])
    assert contiguous.capacity(asked) == contiguous.largest(asked) == 64
    assert contiguous.demands(asked, requests, 64).placeable.tolist() == [True, False, True, True]


def test_a_sequence_that_grows_is_refused_if_it_could_not_get_through() -> None:
    """Of four pages a class of 5 cannot be had, but what grows by 16 slots never asks for it."""
    requests = requests_of([2, 3, 3, 20], [2, 2, 3, 29])
    assert contiguous.demands(state_of(64, []), requests, 64).placeable.tolist() == [True, True, False, False]
    assert contiguous.demands(state_of(64, [], chunk=16), requests, 64).placeable.all()
