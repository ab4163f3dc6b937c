"""Classic results on placement that an allocator has to reproduce; the numbers and their sources are in a data file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from paged_sim.allocators import address_tree, placement
from paged_sim.allocators.contract import NO_ROOM
from paged_sim.allocators.space import FREE, Space

THEORY = json.loads((Path(__file__).parent / "data" / "allocator_theory.json").read_text())


def survives_the_adversary(slots: int, most: int, in_use: int) -> bool:
    """Whether an arena of `slots` serves Knuth's sequence: blocks up to `most`, never more than `in_use` slots held.

    For each size, in doubling order: keep one block of each pair that could merge to this size, free the other, and
    fill up with blocks of this size. None of them fits between those that were kept.
    """
    space = placement.create("buddy", slots)
    held: dict[int, int] = {}
    size = 1
    while size <= most:
        kept: set[int] = set()
        for start in sorted(held):
            block = start // size
            # What the arena's end cuts off never serves this size: nothing needs to be kept there.
            if block in kept or (block + 1) * size > slots:
                placement.give_back(space, start, held.pop(start))
            kept.add(block)
        while sum(held.values()) + size <= in_use:
            start = placement.place(space, size)
            if start == NO_ROOM:
                return False
            held[start] = size
        size *= 2
    return True


@pytest.mark.parametrize("r", THEORY["knuth_buddy_adversary"]["needed_over_n"])
def test_knuths_adversary_makes_buddy_need_what_he_says(r: str) -> None:
    """Not one slot less than (1 + r/2) n serves."""
    most = 1 << int(r)
    in_use = 2 * most
    needed = THEORY["knuth_buddy_adversary"]["needed_over_n"][r] * in_use
    assert needed == (1 + int(r) / 2) * in_use
    assert survives_the_adversary(needed, most, in_use)
    assert not survives_the_adversary(needed - 1, most, in_use)


@pytest.mark.parametrize("largest", [1024, 1536])
def test_buddy_rounding(largest: int) -> None:
    space = placement.create("buddy", 4096)
    taken = sum(placement.placed_length(space, size) for size in range(1, largest + 1))
    rounding = THEORY["buddy_rounding"]
    assert taken / (largest * (largest + 1) / 2) == pytest.approx(rounding[str(largest)], abs=rounding["tolerance"])


def churn(
    rng: np.random.Generator, size: Callable[[], int], blocks: int, slots: int, rounds: int
) -> Iterator[tuple[Space, list[tuple[int, int]]]]:
    """First fit at equilibrium: a random block goes and a new one comes, `rounds` times; the state after each."""
    space = placement.create("first_fit", slots)
    held: list[tuple[int, int]] = []
    for number in range(blocks + rounds):
        if len(held) == blocks:
            index = int(rng.integers(blocks))
            held[index], held[-1] = held[-1], held[index]
            placement.give_back(space, *held.pop())
        length = size()
        start = placement.place(space, length)
        assert start != NO_ROOM
        held.append((start, length))
        if number >= blocks:
            yield space, held


def num_holes(space: Space) -> int:
    """Free extents, but for the one at the arena's end, which was never used."""
    leaves = space.by_address[len(space.by_address) // 2 :]
    return int(np.count_nonzero(leaves)) - 1


@pytest.mark.parametrize("sizes", ["continuous", "sizes_1_2_4_8"])
def test_fifty_percent_rule(sizes: str) -> None:
    """Half as many holes as blocks, twenty replacements on; far fewer where sizes often fit exactly."""
    rule, rng, blocks = THEORY["fifty_percent_rule"], np.random.default_rng(3), 1000
    draw = (lambda: int(rng.integers(1, 2000))) if sizes == "continuous" else (lambda: 1 << int(rng.integers(4)))
    states = churn(rng, draw, blocks, 1 << (21 if sizes == "continuous" else 13), rounds=20 * blocks)
    ratios = [num_holes(space) / len(held) for number, (space, held) in enumerate(states) if number % 50 == 0]
    assert np.mean(ratios[len(ratios) // 2 :]) == pytest.approx(rule[sizes], abs=rule["tolerance"])


@pytest.mark.parametrize("seed", range(6))
def test_first_fit_never_needs_more_than_robsons_bound(seed: int) -> None:
    """Phases of other sizes that come and go; the highest slot ever used against the most ever in use."""
    rng = np.random.default_rng(seed)
    most, slots = 64, 1 << 14
    space = placement.create("first_fit", slots)
    held: list[tuple[int, int]] = []
    in_use, top = 0, 0
    for _ in range(40):
        limit = int(rng.integers(1, most + 1))
        for _ in range(50):
            length = int(rng.integers(1, limit + 1))
            start = placement.place(space, length)
            held.append((start, length))
            top = max(top, start + length)
        in_use = max(in_use, slots - int(space.numbers[FREE]))
        survivors = rng.random(len(held)) < rng.choice([0.2, 0.5, 0.8])
        for extent, stays in zip(held, survivors, strict=True):
            if not stays:
                placement.give_back(space, *extent)
        held = [extent for extent, stays in zip(held, survivors, strict=True) if stays]
    harmonic = sum(1 / number for number in range(1, most + 1))
    assert in_use <= top <= in_use * harmonic / math.log(2)
    assert top > in_use, "nothing was fragmented, so nothing was shown"
    assert address_tree.longest(space.by_address) >= slots - top
