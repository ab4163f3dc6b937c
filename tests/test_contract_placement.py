"""Placement against the plainest model of each rule: a sorted list of free extents, or sets of free blocks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.allocators import address_tree, buddy, placement, size_tree
from paged_sim.allocators.contract import NO_ROOM
from paged_sim.allocators.placement import PLACEMENTS
from paged_sim.allocators.placements import extents
from paged_sim.allocators.space import FREE, RULE, Space

LISTED = [word for word, rule in PLACEMENTS.items() if rule.functions.give_back is extents.give_back]
often = settings(max_examples=150)
moves = st.lists(st.tuples(st.sampled_from(["place", "place", "free", "extend"]), st.integers(0, 1 << 16)), max_size=80)


class SortedExtents:
    """Free extents as a sorted list of (start, length); each rule as its documentation says it."""

    def __init__(self, rule: str, capacity: int) -> None:
        self.rule, self.capacity, self.cursor = rule, capacity, 0
        self.free = [(0, capacity)]

    def choose(self, length: int) -> tuple[int, int] | None:
        serving = [extent for extent in self.free if extent[1] >= length]
        if not serving:
            return None
        if self.rule == "best_fit":
            return min(serving, key=lambda extent: (extent[1], extent[0]))
        if self.rule == "worst_fit":
            return min(serving, key=lambda extent: (-extent[1], extent[0]))
        if self.rule == "next_fit":
            return next((extent for extent in serving if extent[0] >= self.cursor), serving[0])
        return serving[0]

    def place(self, length: int) -> int:
        chosen = self.choose(length)
        if chosen is None:
            return NO_ROOM
        self.take(chosen, length)
        self.cursor = (chosen[0] + length) % self.capacity
        return chosen[0]

    def take(self, extent: tuple[int, int], length: int) -> None:
        self.free.remove(extent)
        if extent[1] > length:
            self.free = sorted([*self.free, (extent[0] + length, extent[1] - length)])

    def extend(self, end: int, extra: int) -> bool:
        behind = [extent for extent in self.free if extent[0] == end and extent[1] >= extra]
        for extent in behind:
            self.take(extent, extra)
        return bool(behind)

    def give_back(self, start: int, length: int) -> None:
        merged: list[tuple[int, int]] = []
        for extent in sorted([*self.free, (start, length)]):
            if merged and sum(merged[-1]) == extent[0]:
                merged[-1] = (merged[-1][0], merged[-1][1] + extent[1])
            else:
                merged.append(extent)
        self.free = merged


def extents_of(space: Space) -> list[tuple[int, int]]:
    """The free extents that a space holds, each found from both its ends and, for best fit, in the tree of sizes."""
    capacity = len(space.start_of) - 1
    lengths = [address_tree.length_at(space.by_address, start) for start in range(capacity)]
    extents = [(start, length) for start, length in enumerate(lengths) if length]
    ends = {start + length: start for start, length in extents}
    assert space.start_of.tolist() == [ends.get(slot, -1) for slot in range(capacity + 1)]
    if [*PLACEMENTS][space.numbers[RULE]] == "best_fit":
        assert in_order(space.by_size) == sorted((length, start) for start, length in extents)
    return extents


def in_order(tree: size_tree.SizeTree) -> list[tuple[int, int]]:
    """(length, start) of a size tree's nodes from left to right; no child has a higher priority than its parent."""

    def below(node: int, parent: int) -> list[tuple[int, int]]:
        if node == size_tree.NOBODY:
            return []
        assert parent == size_tree.NOBODY or size_tree.priority(node) <= size_tree.priority(parent)
        here = (int(tree.length[node]), node)
        return [*below(int(tree.left[node]), node), here, *below(int(tree.right[node]), node)]

    return below(int(tree.root[0]), size_tree.NOBODY)


@pytest.mark.parametrize("rule", LISTED)
@often
@given(capacity=st.integers(1, 60), moves=moves)
def test_a_rule_chooses_the_documented_extent(rule: str, capacity: int, moves: list[tuple[str, int]]) -> None:
    space, model = placement.create(rule, capacity), SortedExtents(rule, capacity)
    placed: list[tuple[int, int]] = []
    for move, number in moves:
        length = 1 + number % max(1, capacity // 2)
        if move == "place":
            start = placement.place(space, length)
            assert start == model.place(length)
            placed += [(start, length)] if start != NO_ROOM else []
        elif placed:
            index = number % len(placed)
            start, length = placed[index]
            if move == "free":
                placement.give_back(space, start, length)
                model.give_back(*placed.pop(index))
            else:
                extra = 1 + number % 5
                extended = model.extend(start + length, extra)
                assert placement.extend(space, start, length, extra) == extended
                placed[index] = (start, length + extra if extended else length)
        assert extents_of(space) == model.free
        assert space.numbers[FREE] == sum(length for _, length in model.free)
        assert placement.longest(space) == max((length for _, length in model.free), default=0)
    for extent in placed:
        placement.give_back(space, *extent)
    assert placement.is_new(space)
    assert extents_of(space) == [(0, capacity)]


class BlockSets:
    """Free buddy blocks, one list for each size with the latest freed last, split and merged by hand."""

    def __init__(self, capacity: int) -> None:
        self.free: dict[int, list[int]] = {1 << order: [] for order in range(capacity.bit_length())}
        start = 0
        for size in sorted(self.free, reverse=True):
            if capacity & size:
                self.free[size].append(start)
                start += size

    def place(self, length: int) -> int:
        size = 1
        while size < length:
            size *= 2
        serving = [other for other in sorted(self.free) if other >= size and self.free[other]]
        if not serving:
            return NO_ROOM
        block, start = serving[0], self.free[serving[0]].pop()
        while block > size:
            block //= 2
            self.free[block].append(start + block)
        return start

    def give_back(self, start: int, size: int) -> None:
        while size in self.free and start ^ size in self.free[size]:
            self.free[size].remove(start ^ size)
            start, size = min(start, start ^ size), 2 * size
        self.free[size].append(start)


def blocks_of(space: Space) -> dict[int, list[int]]:
    """The free blocks of a space by size, the latest freed last; links and orders agree."""
    blocks = space.blocks
    free: dict[int, list[int]] = {}
    for order in range(len(blocks.order).bit_length()):
        chain, node, previous = [], int(blocks.head[order]), buddy.NOBODY
        while node != buddy.NOBODY:
            assert blocks.order[node] == order
            assert blocks.before[node] == previous
            chain.append(node)
            previous, node = node, int(blocks.after[node])
        free[1 << order] = chain[::-1]
    assert sum(map(len, free.values())) == (blocks.order != buddy.NOT_FREE).sum()
    return free


@often
@given(capacity=st.integers(1, 200), moves=moves)
def test_buddy_splits_and_merges_as_by_hand(capacity: int, moves: list[tuple[str, int]]) -> None:
    space, model = placement.create("buddy", capacity), BlockSets(capacity)
    cut = blocks_of(space)
    placed: list[tuple[int, int]] = []
    for move, number in moves:
        if move == "place":
            length = 1 + number % max(1, capacity // 2)
            start = placement.place(space, length)
            assert start == model.place(length)
            placed += [(start, placement.placed_length(space, length))] if start != NO_ROOM else []
        elif placed:
            extent = placed.pop(number % len(placed))
            placement.give_back(space, *extent)
            model.give_back(*extent)
        assert blocks_of(space) == model.free
        assert placement.longest(space) == max((size for size, starts in model.free.items() if starts), default=0)
    for extent in placed:
        placement.give_back(space, *extent)
    assert placement.is_new(space)
    assert {size: set(starts) for size, starts in blocks_of(space).items()} == {k: set(v) for k, v in cut.items()}


def test_an_arena_that_is_no_power_of_two_is_cut_largest_first() -> None:
    free = blocks_of(placement.create("buddy", 15_728))
    cut = {8192: 0, 4096: 8192, 2048: 12288, 1024: 14336, 256: 15360, 64: 15616, 32: 15680, 16: 15712}
    assert {size: starts[0] for size, starts in free.items() if starts} == cut


@often
@given(
    capacity=st.integers(1, 40),
    changes=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 40)), max_size=40),
    cursor=st.integers(0, 39),
    length=st.integers(1, 41),
)
def test_address_tree(capacity: int, changes: list[tuple[int, int]], cursor: int, length: int) -> None:
    tree, lengths = address_tree.create(capacity), [0] * capacity
    for start, value in changes:
        address_tree.set_length(tree, start % capacity, value)
        lengths[start % capacity] = value
    serving = [start for start, value in enumerate(lengths) if value >= length]
    cursor %= capacity
    assert address_tree.longest(tree) == max(lengths)
    assert address_tree.first(tree, length) == (serving[0] if serving else address_tree.NOWHERE)
    above = [start for start in serving if start >= cursor]
    expected = (above or serving or [address_tree.NOWHERE])[0]
    assert address_tree.first_from(tree, cursor, length) == expected


@often
@given(
    changes=st.lists(st.tuples(st.integers(0, 39), st.integers(1, 40)), max_size=60),
    length=st.integers(1, 41),
)
def test_size_tree(changes: list[tuple[int, int]], length: int) -> None:
    """A start that is given again leaves the tree; the tightest fit is the shortest, then the lowest."""
    tree, extents = size_tree.create(40), dict[int, int]()
    for start, value in changes:
        if start in extents:
            size_tree.remove(tree, start)
            del extents[start]
        else:
            size_tree.insert(tree, start, value)
            extents[start] = value
        assert in_order(tree) == sorted((value, start) for start, value in extents.items())
    serving = sorted((value, start) for start, value in extents.items() if value >= length)
    assert size_tree.tightest(tree, length) == (serving[0][1] if serving else size_tree.NOBODY)
