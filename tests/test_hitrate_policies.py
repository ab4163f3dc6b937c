"""Eviction policies against caches written down as they are defined, and what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest
from hitrate_oracles import ORACLES, Chains, chains, most_found, references_to
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.hitrate.belady import next_references
from paged_sim.hitrate.lru import NEVER, lru
from paged_sim.hitrate.policies import POLICIES, chosen_policies
from paged_sim.hitrate.references import References

every_policy = pytest.mark.parametrize("policy", POLICIES)


def leading_by_hand(requests: Chains, found: list[bool]) -> list[bool]:
    """Walk each request until its first miss."""
    remaining = iter(found)
    hits = []
    for request in requests:
        going = True
        for _ in request:
            going = next(remaining) and going
            hits.append(going)
    return hits


def hits_of(policy: str, references: References, capacity: int) -> tuple[int, int]:
    """(hits in front of the first miss, blocks found anywhere)."""
    found = POLICIES[policy](references, False)(capacity)
    return int(references.leading(found).sum()), int(found.sum())


@every_policy
@settings(max_examples=150)
@given(requests=chains, capacity=st.integers(1, 12))
def test_a_replay_finds_what_the_definition_finds(policy: str, requests: Chains, capacity: int) -> None:
    references = references_to(requests)
    expected = ORACLES[policy](references.blocks.tolist(), capacity)
    found = POLICIES[policy](references, False)(capacity)
    assert found.tolist() == expected
    assert references.leading(found).tolist() == leading_by_hand(requests, expected)
    assert references.rate(found) == pytest.approx(sum(expected) / len(expected), abs=1e-12)


@every_policy
def test_one_preparation_serves_any_capacity_in_any_order(policy: str) -> None:
    references = references_to([[0, 1, 2], [0, 1], [3, 4], [0, 1, 2], [3, 5], [0, 1, 2]] * 3)
    present = POLICIES[policy](references, False)
    for capacity in (7, 2, 5, 2, 100, 1):
        assert present(capacity).tolist() == ORACLES[policy](references.blocks.tolist(), capacity)


@every_policy
@given(requests=chains)
def test_room_for_all_finds_all_but_first_references(policy: str, requests: Chains) -> None:
    references = references_to(requests)
    everything = references.repeated()
    assert everything.sum() == len(references.blocks) - references.num_blocks
    assert np.array_equal(POLICIES[policy](references, False)(references.num_blocks), everything)
    assert np.array_equal(references.leading(everything), everything)


@settings(max_examples=200)
@given(requests=chains)
def test_stack_distances_never_decrease_along_a_request(requests: Chains) -> None:
    """So LRU holds a beginning of every request or nothing of it, and needs no prefix rule."""
    references = references_to(requests)
    distances = lru(references, False).distances
    for start, end in zip(references.offsets[:-1], references.offsets[1:], strict=True):
        assert np.all(np.diff(distances[start:end]) >= 0)
    for capacity in range(1, references.num_blocks + 1):
        found = distances <= capacity
        assert np.array_equal(references.leading(found), found)


def test_stack_distances_by_hand() -> None:
    references = references_to([[0, 1], [2], [0, 1, 3], [2]])
    assert lru(references, False).distances.tolist() == [NEVER, NEVER, NEVER, 3, 3, NEVER, 4]


def test_next_references_by_hand() -> None:
    assert next_references(np.array([0, 1, 0, 2, 1, 0])).tolist() == [2, 4, 5, 6 + 2, 6 + 1, 6 + 0]


@settings(max_examples=150)
@given(requests=chains, capacity=st.integers(1, 6))
def test_belady_finds_at_least_what_others_find(requests: Chains, capacity: int) -> None:
    """Anywhere in a request; and so it bounds what others hit in front of a miss."""
    references = references_to(requests)
    _, bound = hits_of("belady", references, capacity)
    for policy in POLICIES:
        leading, found = hits_of(policy, references, capacity)
        assert leading <= found <= bound


@settings(max_examples=60)
@given(requests=chains.filter(lambda requests: sum(map(len, requests)) <= 16), capacity=st.integers(1, 4))
def test_belady_is_the_best_of_all_choices(requests: Chains, capacity: int) -> None:
    references = references_to(requests)
    assert hits_of("belady", references, capacity)[1] == most_found(references.blocks.tolist(), capacity)


@settings(max_examples=80)
@given(requests=chains)
def test_lru_and_belady_find_more_with_more_room(requests: Chains) -> None:
    references = references_to(requests)
    for policy in ("lru", "belady"):
        present = POLICIES[policy](references, False)
        rates = [references.rate(present(capacity)) for capacity in range(1, references.num_blocks + 1)]
        assert rates == sorted(rates)


def test_fifo_may_find_less_with_more_room() -> None:
    """Belady's anomaly, on his own example: 12 references to 5 pages find 3 with room for 3 and 2 with room for 4."""
    references = references_to([[page] for page in (1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5)])
    assert [hits_of("fifo", references, capacity)[1] for capacity in (3, 4)] == [3, 2]


def test_ties_of_lfu_and_forgotten_counts() -> None:
    """0 and 1 have one use each and 0 was used earlier, so it leaves; back again, it has one use, not three."""
    references = references_to([[0], [0], [1], [1], [2], [0], [0], [1]])
    assert POLICIES["lfu"](references, False)(2).tolist() == [False, True, False, True, False, False, True, True]


@pytest.mark.parametrize(
    ("policy", "requests", "capacity", "hits"),
    [
        ("fifo", [[0], [10], [0, 1], [0, 1]], 2, (1, 2)),
        ("lfu", [[0, 1], [0, 1], [10], [0, 1]], 2, (2, 3)),
        ("belady", [[10], [20, 21], [10], [20, 21]], 2, (1, 2)),
    ],
)
def test_a_block_behind_a_miss_is_found_in_vain(
    policy: str, requests: Chains, capacity: int, hits: tuple[int, int]
) -> None:
    """The examples of docs/hitrate.md."""
    assert hits_of(policy, references_to(requests), capacity) == hits


def test_belady_is_no_optimum_under_the_prefix_rule() -> None:
    references = references_to([[0], [0, 1, 2], [0, 1, 2], [0]])
    assert hits_of("belady", references, 2) == (2, 3)
    assert hits_of("lfu", references, 2) == (3, 3)


@pytest.mark.slow
@every_policy
def test_machine_code_finds_the_same(policy: str) -> None:
    rng = np.random.default_rng(7)
    requests = [rng.integers(0, 3, rng.integers(0, 9)).tolist() for _ in range(400)]
    references = references_to(requests)
    plain, compiled = POLICIES[policy](references, False), POLICIES[policy](references, True)
    for capacity in (1, 3, 17, 120, references.num_blocks):
        assert np.array_equal(plain(capacity), compiled(capacity))


def test_chosen_policies() -> None:
    assert chosen_policies(None) == ("lru", "lfu", "fifo", "belady")
    assert chosen_policies("belady, lru,lru") == ("lru", "belady")
    for text, hint in (
        ("lruu", "did you mean lru"),
        ("random", "the policies are lru"),
        ("", "the policies are lru"),
    ):
        with pytest.raises(PagedSimError, match=hint):
            chosen_policies(text)
