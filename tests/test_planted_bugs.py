"""Bugs planted one at a time: each must be found, token by token and written ahead, and by what is said here.

A bug that only loses count is found by the ledger's balance. Those that keep their books in order are the reason for
the arena: two owners of a slot find each other's tokens. What harms nobody but the next ones is found when everything
has been freed and the allocator is not as new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers import play, requests_of, scenario_of, set_up

from paged_sim import allocators
from paged_sim.allocators import NO_ROOM, buddy, contiguous, paged, placement
from paged_sim.allocators.placements import extents
from paged_sim.allocators.space import FREE, Space
from paged_sim.arena import ArenaError, open_arena
from paged_sim.arena.operations import COPY, RETRACT
from paged_sim.engine import accounts, recording
from paged_sim.engine import machine as m
from paged_sim.engine.drive import LedgerError, drive
from paged_sim.engine.machine import TAIL, Machine
from paged_sim.errors import PagedSimError
from paged_sim.ledger import TAIL as TAIL_ACCOUNT
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, Scenario

Plant = Callable[[pytest.MonkeyPatch], None]
Setting = Callable[[AllocatorSpec], tuple[Scenario, Requests]]

PAGES = AllocatorSpec(name="pages", policy="paged", page_size=4)
EXTENTS = AllocatorSpec(name="extents", policy="contiguous", reserve="oracle", placement="first_fit")
GROWING = AllocatorSpec(name="growing", policy="contiguous", reserve="grow", placement="first_fit", chunk=3)
BUDDIES = AllocatorSpec(name="buddies", policy="contiguous", reserve="oracle", placement="buddy")

CONTENT, OUTSIDE, COUNT = "corrupted content", "an operation outside of the arena", "more written than checked"
BALANCE, AS_NEW, NO_PROGRESS = "balance", "not as new", "no progress"


def busy(spec: AllocatorSpec) -> tuple[Scenario, Requests]:
    """Many sequences through memory for about ten: everything is handed out, freed and handed out again."""
    rng = np.random.default_rng(5)
    requests = requests_of(rng.integers(1, 20, 150), rng.integers(2, 20, 150))
    return scenario_of(spec, slots=256), requests


def findings(spec: AllocatorSpec, eager: bool, setting: Setting = busy) -> set[str]:
    """All by which a simulation was found out."""
    scenario, requests = setting(spec)
    machine = set_up(scenario, requests, eager=eager)
    found = set()
    with open_arena(scenario.arena, 256, 8, compiled=False) as arena:
        try:
            for _ in drive(machine, arena, compiled=False):
                pass
        except LedgerError:
            found.add(BALANCE)
        except ArenaError:
            found.add(OUTSIDE)
        except PagedSimError:
            found.add(NO_PROGRESS)
        stats = arena.stats()
    if stats.corrupt:
        found.add(CONTENT)
    if machine.counts[m.NUM_RUNNING] == 0:
        # What is shared is read back once by each that sees it.
        unread = stats.tokens_checked - stats.tokens_written
        found |= {COUNT} if unread < 0 or (unread > 0 and requests.samples.max() == 1) else set()
        found |= set() if allocators.is_new(machine.allocator) else {AS_NEW}
    return found


def wrap(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace a function by `around(original, *arguments)`."""
    original = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *arguments: around(original, *arguments))


def free_a_page_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def release(original: Any, state: paged.Paged, row: int) -> None:
        page, room = state.table[row, 0], state.numbers[paged.NUM_FREE] + state.num_pages[row] < len(state.stack)
        original(state, row)
        if room:
            state.stack[state.numbers[paged.NUM_FREE]] = page
            state.numbers[paged.NUM_FREE] += 1

    wrap(monkeypatch, paged, "release", release)


def free_one_page_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of free pages stays right: one page is on the stack twice and another is lost."""

    def release(original: Any, state: paged.Paged, row: int) -> None:
        held = state.num_pages[row]
        original(state, row)
        if held > 1:
            state.stack[state.numbers[paged.NUM_FREE] - 1] = state.stack[state.numbers[paged.NUM_FREE] - 2]

    wrap(monkeypatch, paged, "release", release)


def hand_a_page_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def grow(original: Any, state: paged.Paged, row: int, slots: int) -> int:
        had = state.num_pages[row]
        held: int = original(state, row, slots)
        others = np.flatnonzero(state.num_pages)
        if held != NO_ROOM and state.num_pages[row] > had and others[0] != row:
            state.table[row, had] = state.table[others[0], 0]
        return held

    wrap(monkeypatch, paged, "grow", grow)


def leak_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def release(original: Any, state: paged.Paged, row: int) -> None:
        state.num_pages[row] -= 1
        original(state, row)

    wrap(monkeypatch, paged, "release", release)


def leave_a_table_entry_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a row that held the seat before stays in the table."""

    def grow(original: Any, state: paged.Paged, row: int, slots: int) -> int:
        had, stale = state.num_pages[row], state.table[row].copy()
        held: int = original(state, row, slots)
        if held != NO_ROOM and had > 0 and 0 <= stale[had] < len(state.references):
            state.table[row, had] = stale[had]
        return held

    wrap(monkeypatch, paged, "grow", grow)


def count_one_slot_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def grow(original: Any, state: contiguous.Contiguous, row: int, slots: int) -> int:
        held: int = original(state, row, slots)
        return held if held == NO_ROOM else held + 1

    wrap(monkeypatch, contiguous, "grow", grow)


def grow_by_one_slot_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The books say that all of the growth was taken, and give it all back, but its last slot stays free for others."""
    short: set[int] = set()

    def extend(original: Any, space: Space, start: int, length: int, extra: int) -> bool:
        if start in short:
            return bool(original(space, start, length - 1, extra))
        taken = bool(original(space, start, length, extra - 1)) if extra > 1 else False
        if taken:
            short.add(start)
            space.numbers[FREE] -= 1
        return taken

    def give_back(original: Any, space: Space, start: int, length: int) -> None:
        if start in short:
            short.remove(start)
            space.numbers[FREE] += 1
            length -= 1
        original(space, start, length)

    wrap(monkeypatch, placement, "extend", extend)
    wrap(monkeypatch, placement, "give_back", give_back)


def place_one_slot_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every extent is one slot shorter than the books say when it is placed and when it is given back."""

    def place(original: Any, space: Space, length: int) -> int:
        start: int = original(space, max(1, length - 1))
        space.numbers[FREE] -= length > 1 and start != NO_ROOM
        return start

    def give_back(original: Any, space: Space, start: int, length: int) -> None:
        original(space, start, max(1, length - 1))
        space.numbers[FREE] += length > 1

    wrap(monkeypatch, placement, "place", place)
    wrap(monkeypatch, placement, "give_back", give_back)


def forget_to_merge_extents(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_back(original: Any, space: Space, start: int, length: int) -> None:
        space.numbers[FREE] += length
        extents.add_extent(space, start, length)

    wrap(monkeypatch, placement, "give_back", give_back)


def forget_to_merge_buddies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buddy, "give_back", buddy.push)


def merge_with_a_buddy_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buddy of which only a part is free is taken for a free one."""

    def give_back(original: Any, state: buddy.Buddy, start: int, order: int) -> None:
        other = start ^ (1 << order)
        if other < len(state.order) and state.order[other] != buddy.NOT_FREE:
            buddy.unlink(state, other)
            original(state, min(start, other), order + 1)
        else:
            original(state, start, order)

    wrap(monkeypatch, buddy, "give_back", give_back)


def merge_with_the_neighbour_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """A free block of the same size behind this one is not always its buddy."""

    def give_back(original: Any, state: buddy.Buddy, start: int, order: int) -> None:
        above = start + (1 << order)
        if above < len(state.order) and state.order[above] == order:
            buddy.unlink(state, above)
            order += 1
        buddy.push(state, start, order)

    wrap(monkeypatch, buddy, "give_back", give_back)


def move_without_copying(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(original: Any, machine: Machine, kind: int, *arguments: int) -> None:
        if kind != COPY:
            original(machine, kind, *arguments)

    wrap(monkeypatch, recording, "record", record)


def forget_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def account(original: Any, machine: Machine, seat: int, slots: int) -> None:
        original(machine, seat, slots)
        machine.ledger.row[TAIL_ACCOUNT] -= machine.seats[seat, TAIL]
        machine.seats[seat, TAIL] = 0

    wrap(monkeypatch, accounts, "account", account)


def forget_to_release(monkeypatch: pytest.MonkeyPatch) -> None:
    wrap(monkeypatch, contiguous, "release", lambda original, state, row: None)


PLANTS: dict[Plant, tuple[AllocatorSpec, set[str]]] = {
    free_a_page_twice: (PAGES, {BALANCE}),
    free_one_page_for_another: (PAGES, {CONTENT}),
    hand_a_page_out_twice: (PAGES, {CONTENT}),
    leak_a_page: (PAGES, {BALANCE}),
    leave_a_table_entry_stale: (PAGES, {CONTENT}),
    forget_an_account: (PAGES, {BALANCE}),
    count_one_slot_more: (GROWING, {BALANCE, OUTSIDE}),
    grow_by_one_slot_too_few: (GROWING, {CONTENT, OUTSIDE}),
    move_without_copying: (GROWING, {CONTENT}),
    place_one_slot_too_few: (EXTENTS, {CONTENT}),
    forget_to_release: (EXTENTS, {BALANCE}),
    forget_to_merge_extents: (replace(EXTENTS, placement="best_fit"), {AS_NEW}),
    forget_to_merge_buddies: (BUDDIES, {AS_NEW}),
    merge_with_a_buddy_in_use: (BUDDIES, {CONTENT}),
    merge_with_the_neighbour_above: (BUDDIES, {AS_NEW}),
}
"""What is planted where, and what finds it (of two, whichever comes first)."""

both_ways = pytest.mark.parametrize("eager", [True, False], ids=["token-by-token", "ahead"])


@both_ways
@pytest.mark.parametrize("spec", [PAGES, EXTENTS, GROWING, BUDDIES], ids=lambda spec: spec.name)
def test_nothing_is_found_where_nothing_is_wrong(spec: AllocatorSpec, eager: bool) -> None:
    assert findings(spec, eager) == set()


@both_ways
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_planted_bug_is_found(plant: Plant, eager: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, expected = PLANTS[plant]
    plant(monkeypatch)
    assert findings(spec, eager) & expected


def lose_retractions(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(original: Any, machine: Machine, kind: int, *arguments: int) -> None:
        if kind != RETRACT:
            original(machine, kind, *arguments)

    wrap(monkeypatch, recording, "record", record)


@pytest.mark.parametrize("spec", [PAGES, GROWING], ids=lambda spec: spec.name)
def test_a_lost_retraction_is_found_by_count(spec: AllocatorSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Token by token nothing is ever written that would have to be taken back."""
    lose_retractions(monkeypatch)
    assert findings(spec, eager=False) == {COUNT}
    assert findings(spec, eager=True) == set()


def test_a_lost_retraction_is_found_by_the_other_way_of_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it leaves behind is not what token by token leaves behind."""
    requests = requests_of([7, 4, 5, 2], [5, 2, 5, 9])
    scenario = scenario_of(PAGES, slots=24)
    assert play(scenario, requests).digest == play(scenario, requests, eager=True).digest
    lose_retractions(monkeypatch)
    assert play(scenario, requests).digest != play(scenario, requests, eager=True).digest
