"""One suite for every way of executing operations, against a model that keeps each slot's words in a dictionary."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from fake_cupy import FakeCupy
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.arena import open_arena, probe
from paged_sim.arena.absent import AbsentArena
from paged_sim.arena.device import load_cupy
from paged_sim.arena.device_arena import DeviceArena
from paged_sim.arena.host import HostArena
from paged_sim.arena.kernel import execute_operations
from paged_sim.arena.operations import CHECK, COPY, IN_PAGES, POISON, POISON_TAG, RETRACT, WORD_STEP, WRITE, ArenaError
from paged_sim.scenario.models import ArenaSpec


def host_sliced(slots, stored):
    return HostArena("tag", slots, stored, compiled=False)


def host_compiled(slots, stored):
    return HostArena("tag", slots, stored, compiled=True)


def host_plain_loops(slots, stored):
    """The compiled arena's source, run as plain Python."""
    arena = host_sliced(slots, stored)
    arena._compiled = execute_operations
    return arena


def stand_in(slots, stored):
    return DeviceArena(FakeCupy(), 0, "tag", slots, stored, compiled=False)


def stand_in_compiled(slots, stored):
    return DeviceArena(FakeCupy(devices=2), 1, "tag", slots, stored, compiled=True)


def stand_in_in_pieces(slots, stored):
    arena = stand_in(slots, stored)
    arena._tokens_at_once = 3
    return arena


def gpu(slots, stored):
    last = probe(0)[-1]
    if not last.ok:
        pytest.skip(f"no usable GPU: {last.reason}")
    return DeviceArena(load_cupy(), 0, "tag", slots, stored, compiled=False)


WAYS = [host_sliced, host_plain_loops, host_compiled, stand_in, stand_in_compiled, stand_in_in_pieces]
ways = pytest.mark.parametrize("open_way", [*WAYS, pytest.param(gpu, marks=pytest.mark.gpu)], ids=lambda f: f.__name__)


def mixed(state):
    """splitmix64, written once more."""
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return z ^ (z >> 31)


class Model:
    """What an arena is meant to do, slot by slot."""

    def __init__(self, words):
        self.words = words
        self.cells = {}
        self.written = self.checked = self.copied = self.retracted = self.corrupt = 0
        self.first = None

    def content(self, tag):
        return tuple((tag + word * WORD_STEP) % 2**64 for word in range(self.words))

    def execute(self, ops):
        for kind, slot, length, generation, position in ops:
            for i in range(length):
                token = self.content(mixed(generation) + (position + i) * 0x517CC1B727220A95)
                if kind == WRITE:
                    self.cells[slot + i] = token
                    self.written += 1
                elif kind == CHECK:
                    self.checked += 1
                    if self.cells.get(slot + i, (0,) * self.words) != token:
                        self.corrupt += 1
                        self.first = self.first or (slot + i, generation, position + i)
                elif kind == COPY:
                    self.cells[generation + i] = self.cells.get(slot + i, (0,) * self.words)
                    self.copied += 1
                else:
                    self.cells[slot + i] = self.content(POISON_TAG)
                    self.retracted += kind == RETRACT

    def digest(self):
        slots = sorted(self.cells)
        values = slots + [word for slot in slots for word in self.cells[slot]]
        return hashlib.sha256(b"".join(value.to_bytes(8, "little") for value in values)).hexdigest()


SLOTS = 24


@st.composite
def an_operation(draw):
    """Any operation in bounds. Tokens follow their slots in part, so that checks are often right."""
    kind = draw(st.sampled_from([WRITE, WRITE, CHECK, CHECK, RETRACT, POISON, COPY]))
    slot = draw(st.integers(0, SLOTS))
    length = draw(st.integers(0, min(9, SLOTS - slot)))
    if kind == COPY:
        length = min(length, SLOTS // 2)
        targets = [t for t in range(SLOTS - length + 1) if length == 0 or abs(t - slot) >= length]
        return (COPY, slot, length, draw(st.sampled_from(targets)), 0) if targets else (COPY, 0, 0, 0, 0)
    return kind, slot, length, draw(st.integers(0, 2)), slot + draw(st.sampled_from([0, 0, 0, 1]))


operations = st.lists(an_operation(), max_size=40)


@st.composite
def operations_over_pages(draw):
    """Operations, some over pages of a size that is theirs, with the list of pages; and each of them run by run."""
    recorded, pages, runs = [], [], []
    for operation in draw(operations):
        kind, _, length, generation, position = operation
        if kind == COPY or draw(st.booleans()):
            recorded.append(operation)
            runs.append([operation])
            continue
        size = draw(st.integers(1, 5))
        recorded.append((kind + IN_PAGES, len(pages), length, generation, position))
        pages.append(size)
        mine = []
        while length:
            start, within = draw(st.integers(0, SLOTS // size - 1)) * size, position % size
            count = min(size - within, length)
            pages.append(start)
            mine.append((kind, start + within, count, generation, position))
            length, position = length - count, position + count
        runs.append(mine)
    return recorded, np.array(pages, np.int32), runs


@ways
@settings(max_examples=60)
@given(drawn=operations_over_pages(), words=st.sampled_from([1, 3]))
def test_an_operation_over_pages_is_one_for_each_of_them(open_way, drawn, words):
    recorded, pages, runs = drawn
    model = Model(words)
    model.execute([run for mine in runs for run in mine])
    with open_way(SLOTS, 8 * words) as arena:
        arena.execute(as_array(recorded), pages)
        stats = arena.stats()
        assert arena.digest() == model.digest()
    assert stats.operations == len(recorded)
    assert stats.tokens_written == model.written - model.retracted
    assert (stats.tokens_checked, stats.corrupt, stats.first_corrupt) == (model.checked, model.corrupt, model.first)


WRONG_LISTS = {
    "before the list": (-1, 4, 0, 0),
    "behind the list": (5, 4, 0, 0),
    "no size": (3, 4, 0, 0),
    "too few pages": (0, 8, 1, 0),
    "a page past the arena": (0, 8, 1, 4),
    "a negative length": (0, -1, 1, 0),
    "a negative position": (0, 1, 1, -1),
    "a negative generation": (0, 4, -1, 0),
    "far more tokens than pages": (0, 2**31 - 1, 1, 2**31 - 1),
}


@ways
@pytest.mark.parametrize("wrong", WRONG_LISTS, ids=lambda name: name.replace(" ", "-"))
def test_a_wrong_list_of_pages_is_refused(open_way, wrong):
    pages = np.array([4, 8, 13, 0, 4], np.int32)
    with open_way(16, 8) as arena:
        arena.execute(as_array([(WRITE + IN_PAGES, 0, 4, 1, 0)]), pages)
        sound, unsound = (WRITE, 0, 1, 1, 0), (WRITE + IN_PAGES, *WRONG_LISTS[wrong])
        seen = [arena.digest()]
        with pytest.raises(ArenaError, match="operation 1 of 3"):
            arena.execute(as_array([sound, unsound, (POISON, 0, 8, 0, 0)]), pages)
        after = arena.digest()
        arena.execute(as_array([sound]))
        assert after in (*seen, arena.digest())


@ways
def test_a_page_may_stick_out_where_no_token_lies(open_way):
    pages = np.array([4, 8, 13], np.int32)
    story = [(WRITE + IN_PAGES, 0, 7, 1, 0), (WRITE, 0, 2, 1, 0), (CHECK + IN_PAGES, 0, 7, 1, 0)]
    with open_way(16, 8) as arena:
        arena.execute(as_array(story), pages)
        stats = arena.stats()
    assert (stats.tokens_written, stats.tokens_checked, stats.corrupt, stats.operations) == (9, 7, 0, 3)


def as_array(ops):
    return np.array(ops, np.int32).reshape(-1, 5)


@ways
@settings(max_examples=60)
@given(ops=operations, words=st.sampled_from([1, 3]), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_every_way_does_what_the_model_does_however_the_operations_are_cut(open_way, ops, words, cuts):
    model = Model(words)
    model.execute(ops)
    bounds = [0, *sorted(min(cut, len(ops)) for cut in cuts), len(ops)]
    with open_way(SLOTS, 8 * words) as arena:
        for begin, end in pairwise(bounds):
            arena.execute(as_array(ops[begin:end]))
        stats = arena.stats()
        assert arena.digest() == model.digest()
    assert stats.operations == len(ops)
    assert stats.tokens_written == model.written - model.retracted
    assert stats.tokens_retracted == model.retracted
    assert stats.tokens_checked == model.checked
    assert stats.tokens_copied == model.copied
    assert stats.corrupt == model.corrupt
    assert stats.first_corrupt == model.first
    assert stats.touched_bytes == len(model.cells) * 8 * words
    assert stats.bytes == SLOTS * 8 * words


def long_list():
    """Pages of 16 slots handed out again and again in random order, copied first: no mistake."""
    generator = np.random.default_rng(7)
    owners = {}
    ops = []
    for generation in range(250):
        page = int(generator.integers(0, 40)) * 16
        if page in owners:
            ops.append((CHECK, page, 16, owners[page], 0))
            target = int(generator.integers(40, 64)) * 16
            ops.append((COPY, page, 16, target, 0))
            ops.append((CHECK, target, 16, owners[page], 0))
            ops.append((POISON, page, 16, 0, 0))
        ops.append((WRITE, page, 16, generation, 0))
        owners[page] = generation
    return as_array(ops)


@ways
@pytest.mark.parametrize("buffer", [1, 7, 1_000_000])
def test_a_long_list_leaves_one_digest_whatever_the_buffer(open_way, buffer):
    ops = long_list()
    with host_sliced(1024, 8) as reference:
        reference.execute(ops)
        expected = reference.digest()
    with open_way(1024, 8) as arena:
        for begin in range(0, len(ops), buffer):
            arena.execute(ops[begin : begin + buffer])
        assert arena.digest() == expected
        assert arena.stats().corrupt == 0


@pytest.mark.parametrize("open_way", [host_sliced, host_compiled, stand_in], ids=lambda f: f.__name__)
def test_runs_longer_than_a_piece_are_taken_in_pieces(open_way):
    slots, stored = 3 * 1024, 16 * 1024
    with open_way(slots, stored) as arena:
        arena.execute(as_array([(WRITE, 5, 3000, 9, 0), (CHECK, 5, 3000, 9, 0), (CHECK, 2005, 1000, 9, 2001)]))
        stats = arena.stats()
        assert (stats.tokens_checked, stats.corrupt, stats.first_corrupt) == (4000, 1000, (2005, 9, 2001))
        with host_sliced(slots, stored) as reference:
            reference.execute(as_array([(WRITE, 5, 1500, 9, 0), (WRITE, 1505, 1500, 9, 1500)]))
            assert reference.digest() == arena.digest()


# A correct story over pages of 4 slots: sequence 1 writes two pages, sequence 2 shares the first through a copy, both
# are checked, sequence 1's pages are poisoned and handed to sequence 3.
STORY = [
    (WRITE, 0, 4, 1, 0),
    (WRITE, 4, 4, 1, 4),
    (COPY, 0, 4, 8, 0),
    (WRITE, 12, 2, 2, 0),
    (CHECK, 8, 4, 1, 0),
    (CHECK, 0, 4, 1, 0),
    (CHECK, 4, 4, 1, 4),
    (POISON, 0, 8, 0, 0),
    (WRITE, 0, 4, 3, 0),
    (CHECK, 12, 2, 2, 0),
    (CHECK, 0, 4, 3, 0),
]

MISTAKES = {
    "a page handed to two owners": (3, [(WRITE, 4, 2, 2, 0)]),
    "a page written twice at once": (2, [(WRITE, 4, 1, 5, 0), (COPY, 0, 4, 8, 0)]),
    "a copy that is missing": (2, []),
    "a copy one slot off": (2, [(COPY, 0, 4, 9, 0)]),
    "a copy of another page": (2, [(COPY, 4, 4, 8, 0)]),
    "a copy that overlaps": (2, [(COPY, 0, 4, 2, 0)]),
    "a table entry that is stale": (10, [(CHECK, 4, 4, 1, 4)]),
    "a page freed too early": (4, [(POISON, 0, 8, 0, 0), (CHECK, 8, 4, 1, 0)]),
    "a token never written": (8, [(WRITE, 0, 3, 3, 0)]),
    "a write one slot off": (8, [(WRITE, 1, 4, 3, 0)]),
    "a write one position off": (8, [(WRITE, 0, 4, 3, 1)]),
    "a write past the arena": (8, [(WRITE, 13, 4, 3, 0)]),
    "a write before the arena": (8, [(WRITE, -1, 4, 3, 0)]),
    "a check past the arena": (9, [(CHECK, 15, 2, 2, 0)]),
}


@ways
@pytest.mark.parametrize("words", [1, 2])
def test_the_story_has_no_mistake(open_way, words):
    with open_way(16, 8 * words) as arena:
        arena.execute(as_array(STORY))
        stats = arena.stats()
    assert (stats.corrupt, stats.first_corrupt, stats.tokens_written, stats.tokens_checked) == (0, None, 14, 18)


@ways
@pytest.mark.parametrize("words", [1, 2])
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda name: name.replace(" ", "-"))
def test_every_planted_mistake_is_found(open_way, words, mistake):
    index, instead = MISTAKES[mistake]
    ops = as_array([*STORY[:index], *instead, *STORY[index + 1 :]])
    with open_way(16, 8 * words) as arena:
        try:
            arena.execute(ops)
        except ArenaError:
            assert arena.stats().operations == 0
        else:
            assert arena.stats().corrupt > 0
            assert arena.stats().first_corrupt is not None


@pytest.mark.parametrize("open_way", WAYS, ids=lambda f: f.__name__)
def test_one_flipped_bit_is_found_in_any_word(open_way):
    for word in range(3):
        with open_way(8, 24) as arena:
            arena.execute(as_array([(WRITE, 0, 8, 4, 100)]))
            cells = arena._memory if isinstance(arena, HostArena) else arena._memory.host
            cells[5, word] ^= np.uint64(1 << 40)
            arena.execute(as_array([(CHECK, 0, 8, 4, 100)]))
            assert (arena.stats().corrupt, arena.stats().first_corrupt) == (1, (5, 4, 105))


@ways
def test_a_closed_arena_refuses_to_work_and_closes_twice(open_way):
    arena = open_way(16, 8)
    arena.close()
    arena.close()
    for work in (lambda: arena.execute(as_array(STORY)), arena.digest):
        with pytest.raises(ArenaError, match="closed"):
            work()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("payload", "stored"), [("tag", 8), ("full", 104), (24, 24)])
def test_open_arena_on_the_host(payload, stored, compiled):
    spec = ArenaSpec(device="cpu", payload=payload)
    with open_arena(spec, 16, 100, compiled=compiled) as arena:
        arena.execute(as_array(STORY))
        stats = arena.stats()
    assert (arena.device, arena.payload, arena.slots) == ("cpu", str(payload), 16)
    assert arena.bytes_per_slot_stored == stats.bytes_per_slot_stored == stored
    assert (stats.payload, stats.bytes, stats.corrupt) == (str(payload), 16 * stored, 0)


def test_without_a_payload_there_is_no_memory_and_bounds_are_checked_all_the_same():
    spec = ArenaSpec(payload="none")
    with open_arena(spec, 16, 100, compiled=False) as arena:
        assert isinstance(arena, AbsentArena)
        arena.execute(as_array(STORY))
        stats = arena.stats()
        assert (arena.digest(), arena.payload, arena.fallback) == ("none", "none", "")
        with pytest.raises(ArenaError):
            arena.execute(as_array([(WRITE, 13, 4, 3, 0)]))
    assert stats.operations == len(STORY)
    assert (stats.bytes, stats.tokens_written, stats.tokens_checked, stats.resident_bytes) == (0, 0, 0, 0)
