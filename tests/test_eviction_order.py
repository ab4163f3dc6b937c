"""The order of eviction, against a list that is sorted."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from helpers import evictable_pages, requests_of
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.allocators.prefix import EVICTIONS, eviction
from paged_sim.allocators.prefix.order import Order
from paged_sim.allocators.prefix.record import LISTED, NONE, NUM_PAGE_FIELDS, PLACE
from paged_sim.content import content_of

Changes = list[tuple[int | None, int]]
RankPage = Callable[[int, int], int]

PAGES = 3
# Which page, and a number for its rank if it is offered; taken out are one that is there, or with no page the first.
CHANGES = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, PAGES - 1)), st.integers(0, 2)), max_size=60)


def new_order(policy: str, pages: int = PAGES) -> Order:
    records = np.zeros((pages, NUM_PAGE_FIELDS), np.int32)
    records[:, LISTED] = 1
    return eviction.create(records, content_of(requests_of([], [])), EVICTIONS[policy], is_tree=False)


class Expected:
    """A list that is sorted: of every page that is there its rank, when it came, and itself."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, int]] = []

    def pages(self) -> list[int]:
        return [page for _, _, page in self.entries]

    def put(self, rank: int, time: int, page: int) -> None:
        self.entries = sorted([*self.entries, (rank, time, page)])

    def drop(self, page: int) -> None:
        self.entries = [entry for entry in self.entries if entry[2] != page]


def play(order: Order, changes: Changes, rank_page: RankPage) -> None:
    """Let an order and a list go through the same changes; `rank_page` sets the rank of a page and tells it."""
    expected = Expected()
    for time, (page, number) in enumerate(changes):
        if page is None:
            if expected.entries:
                first = expected.pages()[0]
                assert eviction.pop(order) == first
                expected.drop(first)
        elif page in expected.pages():
            eviction.withdraw(order, page)
            expected.drop(page)
        else:
            expected.put(rank_page(page, number), time, page)
            eviction.offer(order, page)
        assert evictable_pages(order) == sorted(expected.pages())


@given(changes=CHANGES)
def test_lru_goes_by_time(changes: Changes) -> None:
    play(new_order("lru"), changes, lambda page, number: 0)


@given(changes=CHANGES)
def test_lfu_goes_by_finds_then_by_time(changes: Changes) -> None:
    order = new_order("lfu")

    def rank_page(page: int, number: int) -> int:
        eviction.listed(order, page, 0)
        for _ in range(number):
            eviction.hit(order, page)
        return number

    play(order, changes, rank_page)


@given(changes=CHANGES)
def test_belady_goes_by_the_next_request_then_by_time(changes: Changes) -> None:
    """Stretch 0 is asked for by request 5, stretch 1 by request 9, and stretch 2 by nobody."""
    asked = {"uses": np.array([5, 9]), "cursor": np.array([0, 1]), "ends": np.array([1, 2])}
    order = new_order("belady")._replace(**asked)

    def rank_page(page: int, stretch: int) -> int:
        eviction.listed(order, page, stretch)
        return -stretch

    play(order, changes, rank_page)


@pytest.mark.parametrize("pages", [PAGES, 700])
@given(changes=CHANGES)
def test_fifo_goes_by_entry_not_by_when_a_page_may_go(pages: int, changes: Changes) -> None:
    """A page is inserted anew after it was evicted, and now and then before: else it has the place it had."""
    order = new_order("fifo", pages)
    entries = itertools.count()
    inserted: dict[int, int] = {}

    def rank_page(page: int, number: int) -> int:
        was_evicted = order.records[page, PLACE] == NONE
        if was_evicted or number == 0:
            # As many places further on as there are children of a node, where there is room.
            for _ in range(1 if pages == PAGES else 1 + 20 * number):
                inserted[page] = next(entries)
                eviction.inserted(order, page)
        return inserted[page]

    play(order, changes, rank_page)


@given(st.lists(st.integers(0, 1500), unique=True, max_size=80))
def test_the_first_of_many_places_is_found(places: list[int]) -> None:
    """Three levels of a tree of bits, and places withdrawn from it."""
    order = new_order("fifo", 2000)
    for page in range(1501):
        eviction.inserted(order, page)
    for page in places:
        eviction.offer(order, page)
    for page in places[::3]:
        eviction.withdraw(order, page)
    left = sorted(set(places) - set(places[::3]))
    assert [eviction.pop(order) for _ in left] == left
    assert not order.ready.any()


def test_a_queue_full_of_gaps_closes_them() -> None:
    order = new_order("lru")
    eviction.offer(order, 0)
    for _ in range(3 * len(order.queue)):
        eviction.offer(order, 1)
        eviction.withdraw(order, 1)
    eviction.offer(order, 2)
    assert [eviction.pop(order), eviction.pop(order)] == [0, 2]


def test_a_line_full_of_pages_inserted_anew_keeps_those_that_are_held() -> None:
    order = new_order("fifo")
    for page in (0, 2):
        eviction.inserted(order, page)
    eviction.offer(order, 2)
    for _ in range(3 * len(order.queue)):
        eviction.inserted(order, 1)
    for page in (1, 0):
        eviction.offer(order, page)
    assert [eviction.pop(order), eviction.pop(order), eviction.pop(order)] == [0, 2, 1]
