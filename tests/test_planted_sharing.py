"""Bugs of sharing planted one at a time: each must be found, token by token and written ahead.

Most keep their books in order until the end, and are found by content. What was freed is poisoned, so that a page that
is given back too early is missed at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import requests_of, scenario_of
from test_planted_bugs import AS_NEW, BALANCE, CONTENT, PAGES, Plant, Setting, both_ways, findings, wrap

from paged_sim.allocators import KEPT, paged
from paged_sim.arena.operations import COPY
from paged_sim.engine import beams, recording
from paged_sim.engine.machine import Machine
from paged_sim.requests import Beams, Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Scenario


def sampled(spec: AllocatorSpec) -> tuple[Scenario, Requests]:
    """Many requests of one to four samples, with preemptions."""
    rng = np.random.default_rng(5)
    requests = requests_of(rng.integers(1, 20, 60), rng.integers(2, 20, 60), samples=rng.integers(1, 5, 60).tolist())
    return scenario_of(spec, slots=256, arena=ArenaSpec(device="cpu", poison=True)), requests


def searched(spec: AllocatorSpec) -> tuple[Scenario, Requests]:
    """The same as beams."""
    scenario, requests = sampled(spec)
    beamed = requests_of(
        requests.prompt_tokens, requests.output_tokens, samples=requests.samples.tolist(), beams=Beams(0.3, 9)
    )
    return scenario, beamed


def write_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes to a shared page believes to have it to itself: the books miss the copy at once."""
    wrap(monkeypatch, paged, "unshare", lambda original, state, row, position: KEPT)


def lose_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table says that the page was copied; its content was not."""

    def record(original: Any, machine: Machine, kind: int, *arguments: int) -> None:
        if kind != COPY:
            original(machine, kind, *arguments)

    wrap(monkeypatch, recording, "record", record)


def copy_one_token_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(original: Any, machine: Machine, kind: int, slot: int, length: int, *arguments: int) -> None:
        original(machine, kind, slot, length - 1 if kind == COPY else length, *arguments)

    wrap(monkeypatch, recording, "record", record)


def fork_without_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last page does not know of its new owner: it is not copied, and the books miss the copy at once."""

    def fork(original: Any, state: paged.Paged, row: int, child: int) -> int:
        held: int = original(state, row, child)
        last = state.table[row, state.num_pages[row] - 1]
        state.references[last] -= 1
        return held

    wrap(monkeypatch, paged, "fork", fork)


def free_a_shared_page_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is free when one owner is left, and not when the last one goes."""

    def release(original: Any, state: paged.Paged, row: int) -> None:
        pages = state.table[row, : state.num_pages[row]]
        early = [page for page in pages if state.references[page] == 2]
        late = [page for page in pages if state.references[page] == 1 and page in freed]
        state.references[late] += 1
        original(state, row)
        state.references[late] -= 1
        freed.difference_update(late)
        for page in early:
            state.stack[state.numbers[paged.NUM_FREE]] = page
            state.numbers[paged.NUM_FREE] += 1
            freed.add(page)

    freed: set[int] = set()
    wrap(monkeypatch, paged, "release", release)


def leak_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of the prompt is never given back."""

    def fork(original: Any, state: paged.Paged, row: int, child: int) -> int:
        held: int = original(state, row, child)
        state.references[state.table[row, 0]] += state.num_pages[row] > 1
        return held

    wrap(monkeypatch, paged, "fork", fork)


def fork_from_the_wrong_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A beam continues another one than the one it was told to: it reads somebody else's tokens."""

    def fork(original: Any, state: paged.Paged, row: int, child: int) -> int:
        others = [other for other in np.flatnonzero(state.num_pages) if state.num_pages[other] == state.num_pages[row]]
        return int(original(state, int(others[-1]), child))

    wrap(monkeypatch, paged, "fork", fork)


def forget_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokens of a beam that another one continues are taken for its own."""

    def continue_as(original: Any, machine: Machine, parent: int, seat: int, stored: int) -> None:
        own = machine.group.writers[seat].copy()
        original(machine, parent, seat, stored)
        machine.group.writers[seat] = own

    wrap(monkeypatch, beams, "continue_as", continue_as)


PLANTS: list[tuple[Plant, Setting, set[str]]] = [
    (write_without_a_copy, sampled, {BALANCE}),
    (lose_a_copy, sampled, {CONTENT}),
    (copy_one_token_too_few, sampled, {CONTENT}),
    (fork_without_a_reference, sampled, {BALANCE}),
    (leak_a_reference, sampled, {BALANCE, AS_NEW}),
    (write_without_a_copy, searched, {BALANCE}),
    (lose_a_copy, searched, {CONTENT}),
    (copy_one_token_too_few, searched, {CONTENT}),
    (fork_without_a_reference, searched, {BALANCE}),
    (free_a_shared_page_early, searched, {CONTENT}),
    (fork_from_the_wrong_row, searched, {CONTENT}),
    (forget_the_authors, searched, {CONTENT}),
    (leak_a_reference, searched, {BALANCE, AS_NEW}),
]
"""What is planted, into what, and what finds it."""


@both_ways
@pytest.mark.parametrize("setting", [sampled, searched])
def test_nothing_is_found_where_nothing_is_wrong(setting: Setting, eager: bool) -> None:
    assert findings(PAGES, eager, setting) == set()


@both_ways
@pytest.mark.parametrize(("plant", "setting", "expected"), PLANTS, ids=lambda part: getattr(part, "__name__", "found"))
def test_planted_bug_is_found(
    plant: Plant, setting: Setting, expected: set[str], eager: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert findings(PAGES, eager, setting) & expected
