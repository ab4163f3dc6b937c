"""The contract of allocators: random calls in any order, beside a plain model and with real memory as the referee.

The functions of `paged_sim.allocators` are called as the step loop calls them. What each row should hold stands in a
plain model; an arena keeps the content, so a slot handed out twice is found in both. Rows of some thousand tokens are
among them: a mistake may begin at any size.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
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
from paged_sim.arena import open_arena
from paged_sim.arena.operations import CHECK, COPY, POISON, WRITE, Operations
from paged_sim.content import content_of
from paged_sim.requests import Ints, Requests
from paged_sim.scenario.models import ArenaSpec
from paged_sim.testing.memory_map import check_layout
from paged_sim.testing.requests import Build, random_requests
from paged_sim.testing.rows import Row, identities, operations, poisoned, slots_of

ROWS = 16
REQUESTS = 96
LONGEST = 2048


def check_contract(
    build: Build,
    *,
    caches: bool = False,
    exact: bool = True,
    ordered: bool = True,
    longest: int = LONGEST,
    examples: int = 10,
    steps: int = 25,
) -> None:
    """Drive allocators that `build(slots, requests, longest, rows)` makes by random calls; raises what does not hold.

    `caches` says that `find` may find tokens of other requests: then many of them begin alike. `exact` says
    that `take` gives what `footprint` says and no more, not even if that is what is asked for: there are no headers and
    no rests too short to be cut off. `ordered` says that what is shorter than a demand that fits does so,
    too. Sequences have up to `longest` tokens, in some examples; each of the `examples` makes up to `steps` calls. A
    failure is an AssertionError with the shortest list of calls that Hypothesis finds to lead to it.
    """
    traits = {"caches": caches, "exact": exact, "ordered": ordered, "most": longest}
    subject = type("Contract", (AllocatorContract,), {"build": lambda self, *given: build(*given), **traits})
    run_state_machine_as_test(
        subject, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )


class AllocatorContract(RuleBasedStateMachine):
    """Rows are filled, grow, share and go in any order. A subclass says what to `build`."""

    caches = False
    exact = True
    ordered = True
    most = LONGEST

    def build(self, slots: int, requests: Requests, longest: int, rows: int) -> State:
        """The empty allocator to test (see `Build`)."""
        raise NotImplementedError("a subclass says which allocator to build")

    @initialize(seed=st.integers(0, 1 << 16), share=st.sampled_from([1.0, 1.0, 0.15, 0.02]), rows=st.floats(0.1, 6.0))
    def open(self, seed: int, share: float, rows: float) -> None:
        """An empty arena that `rows` of the longest sequences would fill."""
        self.rng = np.random.default_rng(seed)
        self.longest = max(4, round(share * self.most))
        self.requests = random_requests(self.rng, REQUESTS, self.longest, alike=self.caches)
        self.final = self.requests.stored_tokens.tolist()
        self.content = content_of(self.requests)
        self.slots = max(1, round(rows * self.longest))
        self.state = self.build(self.slots, self.requests, self.longest + self.longest // 8 + 1, ROWS)
        self.demand = min(max(self.final), allocators.largest(self.state))
        self.fresh = self.sizes_until_full()
        self.arena = open_arena(ArenaSpec(device="cpu"), self.slots, 8, compiled=False)
        self.rows: dict[int, Row] = {}
        self.waiting = list(range(REQUESTS - 1, -1, -1))
        self.generations = self.content.output_stream[-1] + 1

    def snapshot(self) -> list[bytes]:
        """The content of all arrays."""
        return [array.tobytes() for array in arrays_of(self.state)]

    def sizes_until_full(self) -> list[int]:
        """What a copy of the state hands out if the largest demand it can meet is made again and again."""
        state, sizes = deepcopy(self.state), list[int]()
        for row in range(ROWS):
            allocators.match(state, 0, 1)
            demand = min(allocators.largest(state), self.demand)
            if demand == 0:
                break
            sizes.append(allocators.take(state, row, demand))
        return sizes

    def where(self, row: int) -> Ints:
        """Every slot that a row holds."""
        return slots_of(self.state, row, self.rows[row].held, self.rng)

    def execute(self, *lists: Operations) -> None:
        """Let the arena execute operations, and object to corrupt tokens at once."""
        for ops in lists:
            self.arena.execute(ops)
        assert self.arena.stats().corrupt == 0, f"first corrupt: {self.arena.stats().first_corrupt}"

    def store(self, row: int, tokens: int) -> None:
        """Write a row's tokens up to `tokens`."""
        here, slots = self.rows[row], self.where(row)
        assert tokens <= here.held, f"row {row} holds {here.held} slots for {tokens} tokens"
        if self.caches:
            authors = identities(self.content, here.request, here.stored, tokens)
        else:
            authors = np.full(tokens - here.stored, self.generations)
            self.generations += 1
        here.authors = np.concatenate((here.authors, authors))
        self.execute(operations(WRITE, slots[here.stored : tokens], authors, here.stored))
        here.stored = tokens

    def free_row(self) -> int | None:
        """An empty row, if there is one."""
        return next((row for row in range(ROWS - 1, -1, -1) if row not in self.rows), None)

    @rule(share=st.floats(0, 1), together=st.integers(1, 4))
    def admit(self, share: float, together: int) -> None:
        """The next requests come, each with some of its tokens."""
        for _ in range(together):
            row = self.free_row()
            if row is not None and self.waiting:
                self.admit_one(row, self.waiting[-1], share)

    def admit_one(self, row: int, request: int, share: float) -> None:
        """Give a row room for a request, and what is found of it; nothing changes where there is none."""
        state, tokens = self.state, 1 + round(share * (self.final[request] - 1))
        demand = allocators.want(state, request, tokens)
        assert demand >= tokens, f"{demand} slots are wanted for {tokens} tokens"
        hits = allocators.match(state, request, tokens)
        found, idle = allocators.matched(state)
        source, copied = allocators.copied(state)
        assert 0 <= idle <= found <= hits == found + copied < tokens
        before, free = self.snapshot(), allocators.free_slots(state)
        fits, footprint = allocators.fits(state, demand), allocators.footprint(state, demand)
        held = allocators.take(state, row, demand)
        assert fits == (held != NO_ROOM), f"fits said {fits} of {demand} slots, take {held}"
        if held == NO_ROOM:
            assert self.snapshot() == before, "take found no room, and changed something"
            return
        assert self.agree(held, footprint), f"take gave {held} slots, footprint said {footprint}"
        assert allocators.free_slots(state) == free - (held - (found - idle))
        self.waiting.remove(request)
        self.rows[row] = Row(request, hits, held, demand, identities(self.content, request, 0, hits))
        slots = self.where(row)
        if copied and source != slots[found]:
            self.execute(np.array([[COPY, source, copied, slots[found], 0]], np.int32))
        self.execute(operations(CHECK, slots[:hits], self.rows[row].authors, 0))
        self.store(row, tokens)
        self.learn(row, comes_back=False)

    def agree(self, taken: int, least: int) -> bool:
        """Whether so many slots may be taken where `footprint` says `least`."""
        return taken == least or (not self.exact and taken > least)

    def learn(self, row: int, *, comes_back: bool) -> None:
        """Tell the allocator what is stored: it may put equal pages together, and no slot gets lost."""
        before = allocators.free_slots(self.state)
        allocators.insert(self.state, row, self.rows[row].stored, comes_back)
        assert allocators.free_slots(self.state) >= before
        if not self.caches:
            assert allocators.free_slots(self.state) == before

    @precondition(lambda self: self.rows)
    @rule(share=st.floats(0, 1), together=st.integers(1, ROWS))
    def grow(self, share: float, together: int) -> None:
        """Some rows store more tokens."""
        for row in self.rng.permutation(sorted(self.rows))[:together].tolist():
            self.grow_one(row, share)

    def grow_one(self, row: int, share: float) -> None:
        """A row stores more tokens; it keeps its place or is moved."""
        here, state = self.rows[row], self.state
        left = self.final[here.request] - here.stored
        if left == 0 or (here.stored < here.held and not self.part(row)):
            return
        tokens = here.stored + 1 + round(share * (left - 1))
        if tokens <= here.held:
            assert allocators.grow(state, row, tokens) == here.held
            assert allocators.moved_from(state) == -1
            here.asked = tokens
            self.store(row, tokens)
            return
        old, before, free = self.where(row), self.snapshot(), allocators.free_slots(state)
        demand = allocators.want(state, here.request, tokens)
        now = allocators.grow(state, row, demand)
        if now == NO_ROOM:
            assert self.snapshot() == before, "grow found no room, and changed something"
            return
        assert now >= tokens, f"row {row} grew to {now} slots for {tokens} tokens"
        assert allocators.free_slots(state) == free - (now - here.held)
        here.held, here.asked = now, demand
        self.follow(row, old)
        self.store(row, tokens)

    def follow(self, row: int, old: Ints) -> None:
        """Copy a moved row's tokens; one that was not moved keeps the slots it had."""
        source, slots = allocators.moved_from(self.state), self.where(row)
        if source < 0:
            assert np.array_equal(slots[: len(old)], old), f"row {row} lies elsewhere, and was not moved"
            return
        assert source == old[0] != slots[0]
        self.execute(np.array([[COPY, source, self.rows[row].stored, slots[0], 0]], np.int32), poisoned(POISON, old))

    @precondition(lambda self: self.rows and allocators.shares(self.state))
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        """A row begins as another one: it takes nothing, and sees the same tokens."""
        parent, child = data.draw(st.sampled_from(sorted(self.rows))), self.free_row()
        if child is None:
            return
        here, free = self.rows[parent], allocators.free_slots(self.state)
        assert allocators.fork(self.state, parent, child) == here.held
        assert allocators.free_slots(self.state) == free
        assert (
            allocators.exclusive_from(self.state, parent) == allocators.exclusive_from(self.state, child) == here.held
        )
        self.rows[child] = replace(here, authors=here.authors.copy())
        assert np.array_equal(self.where(child), self.where(parent))

    def others(self, row: int) -> Ints:
        """The slots that other rows hold."""
        return np.concatenate([np.zeros(0, np.int64), *(self.where(other) for other in self.rows if other != row)])

    def part(self, row: int) -> bool:
        """Give a row the page it is about to write to; whether there was room for the copy."""
        stored, slots, others = self.rows[row].stored, self.where(row), self.others(row)
        before, free = self.snapshot(), allocators.free_slots(self.state)
        source = allocators.unshare(self.state, row, stored)
        if source in (KEPT, NO_ROOM):
            assert self.snapshot() == before
            assert (source == KEPT) == (slots[stored] not in others)
            assert source == KEPT or free == 0
            return source == KEPT
        assert source <= slots[stored]
        assert allocators.unshare(self.state, row, stored) == KEPT
        begun = int(slots[stored]) - source
        target = int(self.where(row)[stored - begun])
        assert not np.isin([target, target + begun], others).any()
        self.execute(np.array([[COPY, source, begun, target, 0]], np.int32))
        return True

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), comes_back=st.booleans())
    def release(self, data: st.DataObject, comes_back: bool) -> None:
        """A row ends, or its request is preempted and waits again."""
        row = data.draw(st.sampled_from(sorted(self.rows)))
        request = self.rows[row].request
        self.free(row, comes_back)
        if comes_back and request not in self.waiting and all(request != here.request for here in self.rows.values()):
            self.waiting.append(request)

    def free(self, row: int, comes_back: bool = False) -> None:
        """Read a row's tokens back and release it; what others still see or may find stays, the rest is poisoned."""
        here = self.rows[row]
        self.learn(row, comes_back=comes_back)
        slots, free = self.where(row), allocators.free_slots(self.state)
        self.execute(operations(CHECK, slots[: here.stored], here.authors, 0))
        alone = slots[~np.isin(slots, self.others(row))]
        exclusive = slots[allocators.exclusive_from(self.state, row) :]
        assert np.isin(exclusive, alone).all() if self.caches else np.array_equal(exclusive, alone)
        allocators.release(self.state, row)
        assert allocators.free_slots(self.state) == free + len(alone)
        self.execute(poisoned(POISON, exclusive))
        del self.rows[row]

    @rule(data=st.data(), others=st.integers(1, 5))
    def several(self, data: st.DataObject, others: int) -> None:
        """What is said to fit for the samples of a request can be handed out to them, one after the other."""
        request = data.draw(st.integers(0, REQUESTS - 1))
        prompt = data.draw(st.integers(1, self.final[request]))
        tokens = data.draw(st.integers(prompt, self.final[request]))
        empty = [row for row in range(ROWS) if row not in self.rows][: others + 1]
        if len(empty) <= others:
            return
        allocators.match(self.state, request, 1)
        whole = allocators.want(self.state, request, tokens)
        part = allocators.own_part(self.state, request, prompt, tokens)
        state = deepcopy(self.state)
        answers = [
            allocators.take(state, row, slots) for row, slots in zip(empty, [whole] + [part] * others, strict=True)
        ]
        assert allocators.fits_all(self.state, whole, part, others) == (NO_ROOM not in answers)

    @invariant()
    def no_slot_has_two_owners_unless_it_is_shared(self) -> None:
        """A slot is a token of one author at one position, whoever holds it; what is held is not free."""
        held, slots, tokens = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 2), np.int64)]
        for row, here in self.rows.items():
            held.append(self.where(row))
            assert len(np.unique(held[-1])) == here.held, f"row {row} holds a slot twice"
            slots.append(held[-1][: here.stored])
            tokens.append(np.stack((here.authors, np.arange(here.stored)), axis=1))
        where, order = np.concatenate(slots), np.argsort(np.concatenate(slots), kind="stable")
        same = np.flatnonzero(np.diff(where[order]) == 0)
        token = np.concatenate(tokens)[order]
        assert np.array_equal(token[same], token[same + 1]), "two rows have different tokens in one slot"
        every = np.unique(np.concatenate(held))
        assert len(every) == allocators.capacity(self.state) - allocators.free_slots(self.state)
        assert not len(every) or (every[0] >= 0 and every[-1] < self.slots)

    @invariant()
    def the_layout_says_what_lies_where(self) -> None:
        """Slot by slot what the longest of its owners has stored or will store there."""
        final = {row: self.final[here.request] for row, here in self.rows.items()}
        check_layout(self.state, self.slots, self.rows, final, {row: self.where(row) for row in self.rows}, self.caches)

    @invariant()
    def the_accounts_of_a_row_add_up(self) -> None:
        """What a row holds beyond its final tokens was asked for (over-reservation); the rest is in one account."""
        before = self.snapshot()
        for row, here in self.rows.items():
            allocators.expect(self.state, row)
            final = self.final[here.request]
            over, tail, rounding = allocators.beyond(self.state, row, final)
            assert over == max(0, here.asked - final), f"{over} of {here.asked} slots are over-reserved"
            assert min(tail, rounding) == 0 <= max(tail, rounding)
            assert here.held == min(final, here.held) + over + tail + rounding
        assert self.snapshot() == before, "a question changed something"

    @invariant()
    def what_is_said_to_fit_fits(self) -> None:
        """`fits`, `footprint` and `take` agree, up to the largest demand and no further; nothing is rounded twice."""
        state = self.state
        allocators.match(state, 0, 1)
        largest = allocators.largest(state)
        assert 0 <= largest <= allocators.free_slots(state) <= allocators.capacity(state) <= self.slots
        empty = self.free_row()
        near = (1 << int(self.rng.integers(0, 12))) + int(self.rng.integers(-1, 2))
        for wanted in {largest, largest + 1, near}:
            demand = min(wanted, self.demand)
            if demand <= 0:
                continue
            takes = allocators.footprint(state, demand)
            again = allocators.footprint(state, takes)
            assert self.agree(again, takes), f"{demand} slots take {takes}, and those {again}"
            assert takes >= demand
            fits = allocators.fits(state, demand)
            if self.ordered or demand >= largest:
                assert fits == (demand <= largest), f"fits said {fits} of {demand} slots, the largest is {largest}"
            if empty is not None:
                answer = allocators.take(deepcopy(state), empty, demand)
                assert self.agree(answer, takes) if fits else answer == NO_ROOM

    def teardown(self) -> None:
        """After everything was released the allocator is as new and hands out what it did at first."""
        if not hasattr(self, "arena"):
            return
        for row in list(self.rows):
            self.free(row)
        self.arena.close()
        assert allocators.is_new(self.state), "not as new after everything was released"
        assert allocators.free_slots(self.state) == allocators.capacity(self.state)
        assert self.sizes_until_full() == self.fresh


def arrays_of(state: tuple[Any, ...]) -> list[Any]:
    """All arrays of a state, in order."""
    return [array for field in state for array in (arrays_of(field) if isinstance(field, tuple) else [field])]
