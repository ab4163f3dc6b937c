"""The contract every policy passes, whatever the order of calls, with real memory as the independent referee.

The functions of an allocator are driven directly. Beside it a plain model keeps what each row should hold, and an
arena keeps the content: a slot handed out twice is found in both.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from helpers import POLICIES, arrays_of, by_name, requests_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from paged_sim import allocators
from paged_sim.allocators import KEPT, NO_ROOM, State
from paged_sim.allocators.contiguous import MOVED_FROM, Contiguous
from paged_sim.allocators.layout import PARTS, Residents
from paged_sim.arena import open_arena
from paged_sim.arena.operations import CHECK, COPY, POISON, WRITE
from paged_sim.engine.setup import build_allocator
from paged_sim.ledger import METADATA, OVER_RESERVATION, RESERVATION, ROUNDING, TAIL, TOKEN_STATE
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec

ROWS = 24
MAX_MODEL_LEN = 40


def snapshot(state: State) -> list[bytes]:
    """The content of all arrays, but for the answer to `moved_from`, which belongs to the last `grow` that had room."""
    state = deepcopy(state)
    if isinstance(state, Contiguous):
        state.numbers[MOVED_FROM] = -1
    return [array.tobytes() for array in arrays_of(state)]


def sizes_until_full(state: State, longest: int) -> list[int]:
    """What a copy of a state hands out if the largest demand it can meet is made again and again."""
    state, sizes = deepcopy(state), list[int]()
    for row in range(ROWS):
        demand = min(allocators.largest(state), longest)
        if demand == 0:
            return sizes
        sizes.append(allocators.take(state, row, demand))
    return sizes


class AllocatorContract(RuleBasedStateMachine):
    """Rows are filled, grow and go in any order."""

    spec: AllocatorSpec

    @initialize(slots=st.integers(1, 200), seed=st.integers(0, 99))
    def open(self, slots: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        prompt = rng.integers(1, MAX_MODEL_LEN // 2, 16)
        output = rng.integers(1, MAX_MODEL_LEN // 2, 16)
        requests = requests_of(prompt, output, max_tokens=output + rng.integers(0, 9, 16))
        self.final = requests.stored_tokens.tolist()
        self.longest = int(requests.stored_tokens.max())
        self.slots = slots
        self.state = build_allocator(self.spec, slots, requests, MAX_MODEL_LEN, ROWS)
        self.fresh = sizes_until_full(self.state, self.longest)
        self.arena = open_arena(ArenaSpec(device="cpu"), slots, 8, compiled=False)
        self.rows: dict[int, tuple[int, int, int, int]] = {}  # row: request, generation, tokens stored, slots held
        self.authors: dict[int, list[int]] = {}  # row: the generation that wrote each of its tokens
        self.generations = 0

    def execute(self, row: int, kind: int, first: int, last: int) -> None:
        """Let the arena write or check tokens `first` to `last - 1` of a row, wherever the allocator says they are."""
        authors = self.authors.setdefault(row, [])
        authors += [self.rows[row][1]] * (last - len(authors))
        while first < last:
            slot, run = allocators.locate(self.state, row, first)
            assert run > 0
            length = 1
            while length < min(run, last - first) and authors[first + length] == authors[first]:
                length += 1
            self.arena.execute(np.array([[kind, slot, length, authors[first], first]], np.int32))
            first += length

    def slots_of(self, row: int) -> list[int]:
        """Every slot that a row holds."""
        held, position, found, starts = self.rows[row][3], 0, list[int](), list[int]()
        while position < held:
            slot, run = allocators.locate(self.state, row, position)
            found += range(slot, slot + run)
            starts.append(slot)
            position += run
        if len(starts) > 1:
            listed = np.zeros(len(starts) + 1, np.int32)
            allocators.list_pages(self.state, row, run, len(starts) - 1, listed, 1)
            assert listed.tolist() == [0, *starts[1:], 0]
        return found

    @rule(request=st.integers(0, 15), share=st.floats(0, 1))
    def admit(self, request: int, share: float) -> None:
        free_rows = [row for row in range(ROWS) if row not in self.rows]
        if not free_rows:
            return
        row = free_rows[-1]
        tokens = 1 + round(share * (self.final[request] - 1))
        demand = allocators.want(self.state, request, tokens)
        assert demand >= tokens
        before, free = snapshot(self.state), allocators.free_slots(self.state)
        fits, footprint = allocators.fits(self.state, demand), allocators.footprint(self.state, demand)
        assert footprint >= demand
        held = allocators.take(self.state, row, demand)
        assert fits == (held != NO_ROOM)
        if held == NO_ROOM:
            assert snapshot(self.state) == before
            return
        assert held == footprint
        assert allocators.free_slots(self.state) == free - held
        self.rows[row] = (request, self.generations, tokens, held)
        self.generations += 1
        self.execute(row, WRITE, 0, tokens)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def grow(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(sorted(self.rows)))
        request, generation, stored, held = self.rows[row]
        if stored == self.final[request]:
            return
        tokens = data.draw(st.integers(stored + 1, self.final[request]))
        if stored < held and not self.part(row):
            return
        if tokens <= held:
            assert allocators.grow(self.state, row, tokens) == held
            assert allocators.moved_from(self.state) == -1
            self.rows[row] = (request, generation, tokens, held)
            self.execute(row, WRITE, stored, tokens)
            return
        old_slots = self.slots_of(row)
        before, free = snapshot(self.state), allocators.free_slots(self.state)
        demand = allocators.want(self.state, request, tokens)
        now = allocators.grow(self.state, row, demand)
        if now == NO_ROOM:
            assert snapshot(self.state) == before
            return
        self.rows[row] = (request, generation, tokens, now)
        assert now >= tokens
        assert allocators.free_slots(self.state) == free - (now - held)
        self.follow_move(row, stored, old_slots)
        self.execute(row, WRITE, stored, tokens)

    @precondition(lambda self: self.rows and allocators.shares(self.state))
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        """A row begins as another one: it takes nothing, and sees the same tokens."""
        parent = data.draw(st.sampled_from(sorted(self.rows)))
        child = next((row for row in range(ROWS) if row not in self.rows), None)
        if child is None:
            return
        request, _, stored, held = self.rows[parent]
        free = allocators.free_slots(self.state)
        assert allocators.fork(self.state, parent, child) == held
        assert allocators.free_slots(self.state) == free
        assert allocators.exclusive_from(self.state, parent) == allocators.exclusive_from(self.state, child) == held
        self.rows[child] = (request, self.generations, stored, held)
        self.authors[child] = list(self.authors[parent])
        self.generations += 1
        assert self.slots_of(child) == self.slots_of(parent)

    def part(self, row: int) -> bool:
        """Give a row the page it is about to write to; whether there was room for the copy."""
        stored = self.rows[row][2]
        slots, before, free = self.slots_of(row), snapshot(self.state), allocators.free_slots(self.state)
        others = [slot for other in self.rows if other != row for slot in self.slots_of(other)]
        source = allocators.unshare(self.state, row, stored)
        if source in (KEPT, NO_ROOM):
            assert snapshot(self.state) == before
            assert (source == KEPT) == (slots[stored] not in others)
            assert source == KEPT or free == 0
            return source == KEPT
        assert source <= slots[stored]
        assert allocators.unshare(self.state, row, stored) == KEPT
        begun = slots[stored] - source
        target = self.slots_of(row)[stored - begun]
        assert not {target, target + begun} & set(others)
        self.arena.execute(np.array([[COPY, source, begun, target, 0]], np.int32))
        return True

    def alone(self, row: int) -> list[int]:
        """The slots that only this row holds."""
        others = {slot for other in self.rows if other != row for slot in self.slots_of(other)}
        return [slot for slot in self.slots_of(row) if slot not in others]

    def follow_move(self, row: int, stored: int, old_slots: list[int]) -> None:
        """Copy a moved row's tokens; one that was not moved keeps the slots it had."""
        source = allocators.moved_from(self.state)
        if source < 0:
            assert self.slots_of(row)[: len(old_slots)] == old_slots
            return
        assert source == old_slots[0]
        target, _ = allocators.locate(self.state, row, 0)
        assert target != source
        operations = [[COPY, source, stored, target, 0], [POISON, source, len(old_slots), 0, 0]]
        self.arena.execute(np.array(operations, np.int32))

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.free(data.draw(st.sampled_from(sorted(self.rows))))

    def free(self, row: int) -> None:
        """Read a row's tokens back and release it; what others still see stays, the rest is poisoned."""
        stored = self.rows[row][2]
        self.execute(row, CHECK, 0, stored)
        free, alone = allocators.free_slots(self.state), self.alone(row)
        assert alone == self.slots_of(row)[allocators.exclusive_from(self.state, row) :]
        allocators.release(self.state, row)
        assert allocators.free_slots(self.state) == free + len(alone)
        self.arena.execute(np.array([[POISON, slot, 1, 0, 0] for slot in alone], np.int32).reshape(-1, 5))
        del self.rows[row], self.authors[row]

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def several(self, data: st.DataObject) -> None:
        """What is said to fit for the samples of a request can be handed out to them, one after the other."""
        request, others = data.draw(st.integers(0, 15)), data.draw(st.integers(1, 5))
        prompt = data.draw(st.integers(1, self.final[request]))
        tokens = data.draw(st.integers(prompt, self.final[request]))
        whole = allocators.want(self.state, request, tokens)
        part = allocators.own_part(self.state, request, prompt, tokens)
        empty = [row for row in range(ROWS) if row not in self.rows][: others + 1]
        if len(empty) <= others:
            return
        state, answers = deepcopy(self.state), list[int]()
        for row, slots in zip(empty, [whole] + [part] * others, strict=True):
            answers.append(allocators.take(state, row, slots))
        assert allocators.fits_all(self.state, whole, part, others) == (NO_ROOM not in answers)

    @invariant()
    def no_slot_has_two_owners_unless_it_is_shared(self) -> None:
        tokens: dict[int, tuple[int, int]] = {}
        for row, (_, _, stored, _) in self.rows.items():
            slots = self.slots_of(row)
            assert len(slots) == len(set(slots))
            for position, slot in enumerate(slots[:stored]):
                assert tokens.setdefault(slot, (self.authors[row][position], position))[1] == position
                assert tokens[slot][0] == self.authors[row][position]
        held = {slot for row in self.rows for slot in self.slots_of(row)}
        assert len(held) == allocators.capacity(self.state) - allocators.free_slots(self.state)
        assert all(0 <= slot < self.slots for slot in held)

    @invariant()
    def the_layout_says_what_lies_where(self) -> None:
        """Slot by slot what the longest of its owners has stored or will store there."""
        rows = sorted(self.rows)
        stored = [self.rows[row][2] for row in rows]
        final = [self.final[self.rows[row][0]] for row in rows]
        expected: dict[int, int] = {}
        for row, now, then in zip(rows, stored, final, strict=True):
            for position, slot in enumerate(self.slots_of(row)):
                kind = TOKEN_STATE if position < now else RESERVATION if position < then else TAIL
                expected[slot] = min(kind, expected.get(slot, TAIL))
        residents = Residents(*(np.array(column, np.int64) for column in (rows, stored, final)))
        layout = allocators.layout(self.state, residents, self.slots)
        said: dict[int, int] = {}
        for start, parts in zip(layout.starts.tolist(), layout.parts.T, strict=True):
            for slot, account in enumerate(np.repeat(PARTS, parts).tolist(), start):
                assert slot not in said
                said[slot] = TAIL if account in (OVER_RESERVATION, ROUNDING) else account
        nobodys = {slot for slot, account in said.items() if account == METADATA}
        assert {slot: account for slot, account in said.items() if slot not in nobodys} == expected
        assert len(nobodys) == self.slots - allocators.capacity(self.state)

    @invariant()
    def every_row_has_room_and_its_accounts_add_up(self) -> None:
        before = snapshot(self.state)
        for row, (request, _, stored, held) in self.rows.items():
            allocators.expect(self.state, row)
            accounts = allocators.beyond(self.state, row, self.final[request])
            assert stored <= held
            assert min(accounts) >= 0
            assert held == min(self.final[request], held) + sum(accounts)
        assert snapshot(self.state) == before

    @invariant()
    def what_is_said_to_fit_fits(self) -> None:
        largest = allocators.largest(self.state)
        assert 0 <= largest <= allocators.free_slots(self.state) <= allocators.capacity(self.state) <= self.slots
        empty = next((row for row in range(ROWS) if row not in self.rows), None)
        for demand in {min(largest, self.longest), min(largest + 1, self.longest)} - {0}:
            assert allocators.fits(self.state, demand) == (demand <= largest)
            if empty is not None:
                answer = allocators.take(deepcopy(self.state), empty, demand)
                assert answer == (allocators.footprint(self.state, demand) if demand <= largest else NO_ROOM)

    def teardown(self) -> None:
        if not hasattr(self, "arena"):
            return
        for row in list(self.rows):
            self.free(row)
        assert self.arena.stats().corrupt == 0
        self.arena.close()
        assert allocators.is_new(self.state)
        assert allocators.free_slots(self.state) == allocators.capacity(self.state)
        assert sizes_until_full(self.state, self.longest) == self.fresh


@pytest.mark.parametrize("spec", POLICIES, ids=by_name)
def test_contract(spec: AllocatorSpec) -> None:
    contract = type("Contract", (AllocatorContract,), {"spec": spec})
    run_state_machine_as_test(contract, settings=settings(max_examples=12, stateful_step_count=25))
