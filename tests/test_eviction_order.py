"""The order of eviction, against a list that is sorted."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import eviction_order
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.allocators import eviction
from paged_sim.allocators.page_record import NUM_PAGE_FIELDS

PAGES = 3
# Which page, and the rank it gets if it is put; taken out are one that is there, or with no page the first of all.
CHANGES = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, PAGES - 1)), st.integers(0, 2)), max_size=60)


def new_order(*, ranked: bool) -> eviction.Order:
    return eviction.create(np.zeros((PAGES, NUM_PAGE_FIELDS), np.int32), ranked=ranked)


@pytest.mark.parametrize("ranked", [False, True])
@given(changes=CHANGES)
def test_pages_go_by_rank_then_by_time(ranked: bool, changes: list[tuple[int | None, int]]) -> None:
    order, expected = new_order(ranked=ranked), []
    for time, (page, rank) in enumerate(changes):
        there = [entry[2] for entry in expected]
        if page is None:
            if expected:
                assert eviction.pop(order) == expected.pop(0)[2]
        elif page in there:
            eviction.drop(order, page)
            del expected[there.index(page)]
        else:
            eviction.put(order, page, rank)
            expected = sorted([*expected, (rank if ranked else 0, time, page)])
        assert [eviction.holds(order, page) for page in range(PAGES)] == [
            page in {entry[2] for entry in expected} for page in range(PAGES)
        ]
        assert sorted(eviction_order(order)) == sorted(entry[2] for entry in expected)


def test_a_queue_full_of_gaps_closes_them() -> None:
    order = new_order(ranked=False)
    eviction.put(order, 0, 0)
    for _ in range(3 * len(order.queue)):
        eviction.put(order, 1, 0)
        eviction.drop(order, 1)
    eviction.put(order, 2, 0)
    assert [eviction.pop(order), eviction.pop(order)] == [0, 2]
