"""The contract suite finds what begins only at larger sizes: bugs planted into an allocator, one at a time.

Each would pass with rows of forty tokens. They are planted where authors of allocators make them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from test_planted_bugs import wrap

from paged_sim.allocators import State, block_table, buddy, paged
from paged_sim.allocators.contiguous import FAMILY as CONTIGUOUS
from paged_sim.allocators.contract import Beyond
from paged_sim.allocators.prefix import hash as whole
from paged_sim.allocators.prefix import radix
from paged_sim.allocators.prefix.family import FAMILY as CACHED
from paged_sim.content import NUM_NODES, Content
from paged_sim.engine.setup import build_allocator
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec
from paged_sim.testing import AllocatorContract, check_contract

Plant = Callable[[pytest.MonkeyPatch], None]

PAGES = AllocatorSpec(name="pages", policy="paged", page_size=16)
EXTENTS = AllocatorSpec(name="extents", policy="contiguous", reserve="limit", placement="first_fit")
GROWING = AllocatorSpec(name="growing", policy="contiguous", reserve="grow", placement="best_fit", chunk=64)
BUDDIES = AllocatorSpec(name="buddies", policy="contiguous", reserve="oracle", placement="buddy")
HASH = AllocatorSpec(name="hash", policy="paged", page_size=16, prefix_cache="hash")
RADIX = AllocatorSpec(name="radix", policy="paged", page_size=16, prefix_cache="radix")


def is_found(spec: AllocatorSpec, examples: int = 40) -> bool:
    """Whether the suite objects; the shortest example is not looked for."""

    class Contract(AllocatorContract):
        caches = spec.prefix_cache != "none"

        def build(self, slots: int, requests: Requests, longest: int, rows: int) -> State:
            return build_allocator(spec, slots, requests, longest, rows)

    quick = settings(
        max_examples=examples, stateful_step_count=25, deadline=None, derandomize=True, phases=[Phase.generate]
    )
    try:
        run_state_machine_as_test(Contract, settings=quick)
    except Exception:
        return True
    return False


def answer(family: Any, name: str, around: Callable[..., Any]) -> Plant:
    """Replace what a family answers by `around(original, *arguments)`."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        wrap(monkeypatch, family.functions, name, around)

    return plant


def pages(change: Callable[[int], int]) -> Plant:
    """Change how many pages a number of tokens takes."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (block_table, paged):
            wrap(monkeypatch, module, "pages_for", lambda original, state, tokens: change(original(state, tokens)))

    return plant


def a_narrow_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of a pool has no room for the last, partly filled page of the longest sequences."""
    create = paged.create

    def narrow(**options: Any) -> paged.Paged:
        page_size = options["page_size"]
        return create(**{**options, "longest": max(page_size, options["longest"] // page_size * page_size)})

    monkeypatch.setattr(paged, "create", narrow)


def large_blocks_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buddies of 256 slots and more never merge."""

    def give_back(original: Any, state: buddy.Buddy, start: int, order: int) -> None:
        (buddy.push if order >= 8 else original)(state, start, order)

    wrap(monkeypatch, buddy, "give_back", give_back)


def one_page_is_given_back_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows with more than 64 pages the first takes the place of the second on the stack."""

    def release(original: Any, state: paged.Paged, row: int) -> None:
        held = state.num_pages[row]
        original(state, row)
        if held > 64:
            state.stack[state.numbers[paged.NUM_FREE] - 1] = state.stack[state.numbers[paged.NUM_FREE] - 2]

    wrap(monkeypatch, paged.FAMILY.functions, "release", release)


def a_list_that_ends_early(original: Any, state: Any, row: int, position: int, count: int, into: Any, at: int) -> None:
    """Of more than 32 pages the last is not listed."""
    original(state, row, position, count - (count > 32), into, at)


def a_chain_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind 64 tokens blocks with one id count as equal whatever stands before them."""

    def unchained(original: Any, content: Content, request: int, position: int) -> tuple[int, int]:
        number, end = original(content, request, position)
        return (0 if position > 64 and number < content.numbers[NUM_NODES] else number), end

    for module in (whole, radix):
        wrap(monkeypatch, module, "stretch", unchained)


PLANTS: dict[str, tuple[AllocatorSpec, Plant]] = {
    "fits for one slot less from 33 on": (
        PAGES,
        answer(paged.FAMILY, "footprint", lambda original, state, slots: original(state, slots - (slots > 33))),
    ),
    "a page too many from 33 pages on": (PAGES, pages(lambda count: count + (count > 33))),
    "a page too few from 33 pages on": (PAGES, pages(lambda count: count - (count > 33))),
    "a narrow table": (PAGES, a_narrow_table),
    "a page twice on the stack": (PAGES, one_page_is_given_back_twice),
    "a list that ends early": (PAGES, answer(paged.FAMILY, "list_pages", a_list_that_ends_early)),
    "tail booked as over-reservation": (
        PAGES,
        answer(paged.FAMILY, "beyond", lambda original, *given: Beyond(original(*given).tail, 0, 0)),
    ),
    "over-reservation and rounding swapped": (
        EXTENTS,
        answer(
            CONTIGUOUS,
            "beyond",
            lambda original, *given: (lambda was: Beyond(was.rounding, 0, was.over_reservation))(original(*given)),
        ),
    ),
    "large blocks stay apart": (BUDDIES, large_blocks_stay_apart),
    "rounded to one slot less from 33 on": (
        BUDDIES,
        answer(CONTIGUOUS, "footprint", lambda original, state, slots: original(state, slots) - (slots > 33)),
    ),
    "largest is one too many from 1,000 on": (
        EXTENTS,
        answer(CONTIGUOUS, "largest", lambda original, state: original(state) + (original(state) > 1000)),
    ),
    "no room changes something": (
        EXTENTS,
        answer(
            CONTIGUOUS,
            "take",
            lambda original, state, row, slots: state.reserved.__setitem__(row, slots) or original(state, row, slots),
        ),
    ),
    "a move that is not told": (GROWING, answer(CONTIGUOUS, "moved_from", lambda original, state: -1)),
    "a chain that ends": (HASH, a_chain_that_ends),
    "a match of the last token": (
        RADIX,
        answer(
            CACHED, "match", lambda original, state, request, tokens: original(state, request, tokens + (tokens > 100))
        ),
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_the_contract_finds_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, plant = PLANTS[name]
    plant(monkeypatch)
    assert is_found(spec)


@pytest.mark.parametrize("spec", [PAGES, EXTENTS, GROWING, BUDDIES, HASH, RADIX], ids=lambda spec: spec.name)
def test_it_finds_nothing_where_nothing_is_planted(spec: AllocatorSpec) -> None:
    assert not is_found(spec, examples=3)


def test_a_failure_is_an_assertion_that_says_what_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(slots: int, requests: Requests, longest: int, rows: int) -> State:
        return build_allocator(PAGES, slots, requests, longest, rows)

    wrap(monkeypatch, paged.FAMILY.functions, "fits", lambda original, state, slots: False)
    with pytest.raises(AssertionError):
        check_contract(deaf, examples=3)
