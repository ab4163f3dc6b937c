"""TLSF against calls recorded from two programs that have it: every address, every size, every refusal."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import play, requests_of, scenario_of

from paged_sim.allocators import placement
from paged_sim.allocators.contract import NO_ROOM
from paged_sim.engine import machine as m
from paged_sim.scenario.models import AllocatorSpec

DATA = Path(__file__).parent / "data" / "tlsf"
HEADER = {"tlsf": 8, "tlsf_headerless": 0}


def recorded(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a file says of itself, and its operations."""
    lines = gzip.decompress((DATA / f"parity_{name}.jsonl.gz").read_bytes()).splitlines()
    first, *operations = map(json.loads, lines)
    return first, operations


@pytest.mark.parametrize(
    ("name", "word", "allocations", "refused"),
    [
        ("conte_a", "tlsf", 1570, 0),
        ("conte_b", "tlsf", 1584, 6),
        ("tinygrad_a", "tlsf_headerless", 1570, 0),
        ("tinygrad_b", "tlsf_headerless", 1584, 6),
    ],
)
def test_every_address_is_the_recorded_one(name: str, word: str, allocations: int, refused: int) -> None:
    """Slots are bytes; slot 0 is the first byte behind the pool's first header."""
    pool, operations = recorded(name)
    header = HEADER[word]
    space = placement.create(word, pool["pool_bytes"] - pool.get("control_bytes", 0))
    held: dict[int, tuple[int, int]] = {}
    starts = list[int]()
    for operation in operations:
        if "f" in operation:
            if operation["f"] in held:
                placement.give_back(space, *held.pop(operation["f"]))
            continue
        size, expected = operation["n"], operation["at"]
        start = placement.place(space, size)
        assert start == (NO_ROOM if expected is None else expected - header), operation
        starts.append(start)
        if start != NO_ROOM:
            total = placement.length_at(space, start, size)
            assert total == operation.get("got", max(16, size)) + header
            held[operation["a"]] = start, total
    assert (len(starts), starts.count(NO_ROOM)) == (allocations, refused)
    for extent in held.values():
        placement.give_back(space, *extent)
    assert placement.is_new(space)


@pytest.mark.parametrize("word", HEADER)
def test_a_block_in_the_list_below_is_passed_over(word: str) -> None:
    """A payload of 1,000 is free, and a demand of 993 refused: the list of that block begins at 992."""
    space = placement.create(word, 1000 + 2 * HEADER[word])
    assert placement.longest(space) == 992
    assert not placement.fits(space, 993)
    assert placement.place(space, 993) == NO_ROOM
    assert placement.place(space, 992) == 0


@pytest.mark.parametrize("word", HEADER)
def test_an_arena_too_small_for_a_block_has_nothing_to_hand_out(word: str) -> None:
    for slots in range(1, 16 + 24 * (HEADER[word] > 0)):
        space = placement.create(word, slots)
        assert placement.longest(space) == 0
        assert placement.place(space, 1) == NO_ROOM
        assert placement.is_new(space)


def test_a_rest_too_short_for_a_block_stays_with_the_one_before() -> None:
    """Of 56 slots 24 and a header are asked for: 24 are left, where a block takes 32 with its header."""
    space = placement.create("tlsf", 8 + 56)
    assert placement.placed_length(space, 24) == 32
    assert placement.place(space, 24) == 0
    assert placement.length_at(space, 0, 24) == 56


@pytest.mark.parametrize("chunk", [1, 8, 61])
def test_samples_that_got_blocks_of_several_sizes_ask_again_together(chunk: int) -> None:
    """The first once stored tokens for which the second had no room."""
    rng = np.random.default_rng(1)
    spec = AllocatorSpec(name="grow", policy="contiguous", reserve="grow", placement="tlsf", chunk=chunk)
    requests = requests_of(rng.integers(1, 300, 40), rng.integers(1, 60, 40), samples=2)
    played = play(scenario_of(spec, slots=2000, max_model_len=512), requests)
    assert played.stats.corrupt == 0
    assert (played.machine.outcome == m.FINISHED).all()
    assert played.machine.counts[m.HELD_AT_FINISH] >= played.machine.counts[m.STORED_AT_FINISH]
