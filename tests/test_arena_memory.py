"""The host's memory: only what is touched is taken, and that is measured, not modelled."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import pytest

from paged_sim.arena import memory, open_arena
from paged_sim.arena.memory import resident_bytes, zeros_on_touch
from paged_sim.arena.operations import CHECK, WRITE
from paged_sim.arena.sizing import bytes_stored, readable
from paged_sim.errors import PagedSimError
from paged_sim.scenario.models import ArenaSpec

MEASURABLE = resident_bytes(zeros_on_touch((1,), np.uint8)) is not None
measured = pytest.mark.skipif(not MEASURABLE, reason="this system has no mincore")


def scattered(slots, share, length):
    """Writes of `length` tokens in random order over `share` of the slots."""
    generator = np.random.default_rng(3)
    starts = generator.permutation(slots // length)[: int(slots * share) // length] * length
    ops = np.zeros((len(starts), 5), np.int32)
    ops[:, 0], ops[:, 1], ops[:, 2], ops[:, 3] = WRITE, starts, length, np.arange(len(starts))
    return ops


@measured
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("payload", "length"), [(4096, 1), (8192, 16)])
def test_only_touched_pages_are_resident(payload, length, compiled):
    slots = 32_768
    with open_arena(ArenaSpec(device="cpu", payload=payload), slots, payload, compiled=compiled) as arena:
        assert arena.stats().resident_bytes == 0
        arena.execute(scattered(slots, 0.1, length))
        stats = arena.stats()
        assert stats.touched_bytes == pytest.approx(0.1 * stats.bytes, rel=0.01)
        assert stats.resident_bytes == pytest.approx(stats.touched_bytes, rel=0.05)
        arena.digest()
        assert arena.stats().resident_bytes == stats.resident_bytes


@measured
def test_more_than_the_machine_has_can_be_mapped_and_sparsely_used():
    slots = 1 << 20
    try:
        arena = open_arena(ArenaSpec(device="cpu", payload=1 << 20), slots, 1 << 20, compiled=True)
    except PagedSimError as error:
        pytest.skip(f"this system promises no more memory than it has: {error}")
    with arena:
        arena.execute(np.array([(WRITE, slots - 9, 9, 1, 0), (CHECK, slots - 9, 9, 1, 0)], np.int32))
        assert len(arena.digest()) == 64
        assert resident_bytes(arena._memory[-9:]) == 9 << 20
        assert arena.bytes_per_slot_stored * arena.slots == 1 << 40


def test_measuring_takes_a_large_mapping_in_pieces(monkeypatch):
    monkeypatch.setattr(memory, "_MEASURED_AT_ONCE", 3)
    cells = zeros_on_touch((8 * mmap.PAGESIZE,), np.uint8)
    cells[[0, 3 * mmap.PAGESIZE, 7 * mmap.PAGESIZE]] = 1
    assert resident_bytes(cells) in (None, 3 * mmap.PAGESIZE)


def test_without_mincore_nothing_is_claimed(monkeypatch):
    cells = zeros_on_touch((10,), np.uint8)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert resident_bytes(cells) is None


def test_a_failing_mincore_claims_nothing(monkeypatch):
    class Library:
        @staticmethod
        def mincore(address, length, states):
            return -1

    cells = zeros_on_touch((10,), np.uint8)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library)
    assert resident_bytes(cells) is None


@pytest.mark.parametrize("missing", ["MADV_NOHUGEPAGE", "MAP_ANONYMOUS"])
def test_systems_without_these_flags_map_memory_all_the_same(monkeypatch, missing):
    monkeypatch.delattr(mmap, missing, raising=False)
    assert zeros_on_touch((10, 10), np.uint8).tolist() == [[0] * 10] * 10


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_reserving_is_switched_off_where_the_system_knows_how(monkeypatch, system):
    monkeypatch.setattr(memory.sys, "platform", system)
    monkeypatch.setattr(mmap, "MAP_NORESERVE", 0x40, raising=False)
    assert memory._no_reserve() == (0x40 if system == "linux" else 0)


@pytest.mark.parametrize("slots", [1 << 50, 1 << 62])
def test_an_arena_that_cannot_be_mapped_is_refused_in_one_line(slots):
    with pytest.raises(PagedSimError) as caught:
        open_arena(ArenaSpec(device="cpu", payload="full"), slots, 1 << 20, compiled=False)
    message = str(caught.value)
    assert caught.value.exit_code == 1
    assert readable(slots << 20) in message
    assert "arena.payload: tag" in message
    assert "\n" not in message


def test_closing_while_a_view_is_alive_leaves_the_memory_to_the_view():
    arena = open_arena(ArenaSpec(device="cpu"), 16, 8, compiled=False)
    view = arena._memory
    arena.close()
    assert view.sum() == 0


@pytest.mark.parametrize(
    ("payload", "bytes_per_slot", "stored"),
    [("tag", 800, 8), ("none", 800, 0), ("full", 800, 800), ("full", 801, 808), (64, 800, 64)],
)
def test_bytes_stored(payload, bytes_per_slot, stored):
    assert bytes_stored(payload, bytes_per_slot) == stored


@pytest.mark.parametrize("payload", ["half", 0, -8, 12])
def test_another_payload_is_refused(payload):
    with pytest.raises(PagedSimError, match=r"arena\.payload: .* is not tag, full, none or a positive multiple of 8"):
        bytes_stored(payload, 800)


@pytest.mark.parametrize(
    ("size", "written"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (12 << 30, "12.0 GiB"), (1 << 71, "2048.0 EiB")],
)
def test_readable_sizes(size, written):
    assert readable(size) == written
