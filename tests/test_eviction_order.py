"""The order of eviction, against a list that is sorted."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from helpers import eviction_order
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.allocators import eviction
from paged_sim.allocators.page_record import LISTED, NUM_PAGE_FIELDS

Changes = list[tuple[int | None, int]]
RankPage = Callable[[int, int], int]

PAGES = 3
# Which page, and a number for its rank if it is put; taken out are one that is there, or with no page the first of all.
CHANGES = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, PAGES - 1)), st.integers(0, 2)), max_size=60)


def new_order(policy: str) -> eviction.Order:
    records = np.zeros((PAGES, NUM_PAGE_FIELDS), np.int32)
    records[:, LISTED] = 1
    return eviction.create(records, eviction.POLICIES[policy])


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


def play(order: eviction.Order, changes: Changes, rank_page: RankPage) -> None:
    """Let an order and a list go through the same changes; `rank_page` sets the rank of a page and tells it."""
    expected = Expected()
    for time, (page, number) in enumerate(changes):
        if page is None:
            if expected.entries:
                first = expected.pages()[0]
                assert eviction.pop(order) == first
                expected.drop(first)
        elif page in expected.pages():
            eviction.drop(order, page)
            expected.drop(page)
        else:
            expected.put(rank_page(page, number), time, page)
            eviction.put(order, page)
        there = expected.pages()
        assert [eviction.holds(order, page) for page in range(PAGES)] == [page in there for page in range(PAGES)]
        assert sorted(eviction_order(order)) == sorted(there)


@given(changes=CHANGES)
def test_lru_goes_by_time(changes: Changes) -> None:
    play(new_order("lru"), changes, lambda page, number: 0)


@pytest.mark.parametrize("policy", ["lfu", "belady"])
@given(changes=CHANGES)
def test_pages_go_by_rank_then_by_time(policy: str, changes: Changes) -> None:
    order = new_order(policy)

    def rank_page(page: int, number: int) -> int:
        order.ranks[page] = int(order.numbers[eviction.LOWEST]) + number
        return int(order.ranks[page])

    play(order, changes, rank_page)


@given(changes=CHANGES)
def test_fifo_goes_by_entry_not_by_when_a_page_may_go(changes: Changes) -> None:
    """A page is entered anew before it is put only now and then: else it has the place it had."""
    order = new_order("fifo")
    entries = itertools.count()
    entered: dict[int, int] = {}

    def rank_page(page: int, number: int) -> int:
        if page not in entered or number == 0:
            entered[page] = next(entries)
            order.ranks[page] = eviction.line_up(order, page)
        return entered[page]

    play(order, changes, rank_page)


def test_a_queue_full_of_gaps_closes_them() -> None:
    order = new_order("lru")
    eviction.put(order, 0)
    for _ in range(3 * len(order.queue)):
        eviction.put(order, 1)
        eviction.drop(order, 1)
    eviction.put(order, 2)
    assert [eviction.pop(order), eviction.pop(order)] == [0, 2]


def test_a_queue_full_of_pages_entered_anew_keeps_those_that_are_held() -> None:
    order = new_order("fifo")
    order.ranks[0] = eviction.line_up(order, 0)
    for _ in range(3 * len(order.queue)):
        order.ranks[1] = eviction.line_up(order, 1)
    for page in (1, 0):
        eviction.put(order, page)
    assert [eviction.pop(order), eviction.pop(order)] == [0, 1]
