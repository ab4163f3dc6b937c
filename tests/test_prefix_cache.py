"""Prefix caches: what is found, what is evicted, and that what is found is what would have been written.

The oracles are plain Python over tuples of token names. The arena is the referee of the rest: what a page holds is
compared with what its finder would have written, so a page found in error shows as corrupt content.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engine_cases import Case, cases
from helpers import CACHED, RUNNING, Played, by_name, evictable_pages, play, requests_of, scenario_of, set_up
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paged_sim.allocators import block_table, prefix
from paged_sim.allocators.prefix import Cached, eviction, pool, radix
from paged_sim.allocators.prefix import hash as whole
from paged_sim.allocators.prefix.index import KEY
from paged_sim.allocators.prefix.leaves import CHILDREN
from paged_sim.allocators.prefix.order import Order
from paged_sim.allocators.prefix.record import FILLED, LISTED, NONE, REFERENCES
from paged_sim.arena import open_arena
from paged_sim.content import Content, content_of, stretch
from paged_sim.engine import machine as m
from paged_sim.engine import recording, steps
from paged_sim.engine.drive import LedgerError, drive
from paged_sim.errors import PagedSimError
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Scenario, Scheduler

HASH = AllocatorSpec(name="hash", policy="paged", page_size=4, prefix_cache="hash")
RADIX = AllocatorSpec(name="radix", policy="paged", page_size=4, prefix_cache="radix")
ONE_BY_ONE = Scheduler(max_num_seqs=1, max_num_batched_tokens=4096)
both = pytest.mark.parametrize("spec", [HASH, RADIX], ids=by_name)


def names_of(requests: Requests) -> list[list[tuple[int, int]]]:
    """The names of the tokens that each request has stored at its end: equal names are equal tokens."""
    content = content_of(requests)
    return [
        [(int(stretch(content, request, position)[0]), position) for position in range(stored)]
        for request, stored in enumerate(requests.stored_tokens.tolist())
    ]


@st.composite
def alike_requests(draw: st.DrawFn) -> Requests:
    """Up to 25 requests of which many begin alike, in blocks of 1 to 5 tokens."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    total, block = draw(st.integers(1, 25)), draw(st.integers(1, 5))
    prompt, output = rng.integers(1, 30, total), rng.integers(1, 12, total)
    counts = np.maximum(0, -(-prompt // block) - rng.integers(0, 2, total))
    prefixes = [rng.choice([1, 2], count, p=[0.8, 0.2]).tolist() for count in counts]
    return requests_of(prompt, output, prefix_block=block, prefixes=prefixes)


def play_one_by_one(spec: AllocatorSpec, requests: Requests, slots: int) -> Played:
    """Serve the requests one after another."""
    return play(scenario_of(spec, slots=slots, scheduler=ONE_BY_ONE), requests)


@settings(max_examples=60)
@given(alike_requests(), st.integers(1, 6))
def test_hits_of_an_endless_cache(requests: Requests, page_size: int) -> None:
    """A radix tree has all leading tokens that were ever stored, whole pages floor them; the last one is computed."""
    known: set[tuple[tuple[int, int], ...]] = set()
    to_the_token, in_pages = 0, 0
    for names, prompt in zip(names_of(requests), requests.prompt_tokens.tolist(), strict=True):
        hits = max((length for length in range(prompt) if tuple(names[:length]) in known), default=0)
        to_the_token += hits
        in_pages += hits // page_size * page_size
        known |= {tuple(names[:length]) for length in range(1, len(names) + 1)}
    for cache, expected in (("hash", in_pages), ("radix", to_the_token)):
        spec = AllocatorSpec(name=cache, policy="paged", page_size=page_size, prefix_cache=cache)
        played = play_one_by_one(spec, requests, 6000)
        assert played.machine.counts[m.HIT] == expected
        assert played.stats.corrupt == 0
        if cache == "radix":
            floors = played.machine.counts[m.HIT] - played.machine.counts[m.HIT_IN_PAGES]
            assert floors <= expected - in_pages or page_size == 1


class LruModel:
    """A cache of the leading pages of sequences, in which the page idle longest goes first, the later ones before."""

    def __init__(self, pages: int, page_size: int) -> None:
        self.free = pages
        self.page_size = page_size
        self.used: dict[tuple[Any, ...], tuple[int, int]] = {}

    def serve(self, time: int, names: list[Any], prompt: int) -> int:
        """Serve a sequence to its end; its hits."""
        full = len(names) // self.page_size
        pages = [tuple(names[: (place + 1) * self.page_size]) for place in range(full)]
        hits = 0
        while hits < (prompt - 1) // self.page_size and pages[hits] in self.used:
            hits += 1
        needed = -(-len(names) // self.page_size) - hits
        held = set(pages[:hits])
        while self.free < needed:
            oldest = min(set(self.used) - held, key=lambda page: self.used[page])
            del self.used[oldest]
            self.free += 1
        self.free -= needed
        # A page never goes before those that follow it, so what follows a missing page is missing too.
        for place, page in enumerate(pages):
            assert place < hits or page not in self.used
            self.used[page] = (time, -place)
        self.free += needed - (full - hits)
        return hits * self.page_size


@settings(max_examples=80)
@given(alike_requests(), st.integers(1, 4), st.integers(0, 30), st.booleans())
def test_least_recently_used_first(requests: Requests, page_size: int, more: int, radix: bool) -> None:
    longest = int(requests.stored_tokens.max())
    pages = -(-longest // page_size) + more
    cache = "radix" if radix and page_size == 1 else "hash"
    spec = AllocatorSpec(name="lru", policy="paged", page_size=page_size, prefix_cache=cache)
    model = LruModel(pages, page_size)
    names = names_of(requests)
    # Whoever has all of a prompt that ends with a page computes that page again and keeps it twice: not in this model.
    assume(not any(names[later][:end] == names[sooner][:end] for sooner, later, end in page_ends(requests, page_size)))
    expected = [model.serve(time, names[time], int(requests.prompt_tokens[time])) for time in range(len(requests))]
    played = play_one_by_one(spec, requests, pages * page_size)
    assert played.machine.counts[m.HIT] == sum(expected)
    assert played.stats.corrupt == 0


def page_ends(requests: Requests, page_size: int) -> list[tuple[int, int, int]]:
    """Pairs of requests, and where the prompt of the later one ends if that is where a page ends."""
    ends = requests.prompt_tokens.tolist()
    return [(sooner, later, end) for later, end in enumerate(ends) if end % page_size == 0 for sooner in range(later)]


def check_cache(state: Cached) -> None:
    """Every usable page is blank, held or idle, and the order of eviction has just the idle ones that may go."""
    numbers, records = state.numbers, state.pages
    usable = set(range(len(records) - int(numbers[block_table.USABLE]), len(records)))
    blank = state.blank[: numbers[pool.NUM_BLANK]].tolist()
    entered = set(np.flatnonzero(records[:, FILLED] > 0).tolist())
    listed = (state.known.entries[:, KEY] != NONE).reshape(len(records), -1)
    assert listed.sum(axis=1).tolist() == state.pages[:, LISTED].tolist()
    assert set(np.flatnonzero(listed.any(axis=1)).tolist()) <= entered
    held = [page for row, count in enumerate(state.num_pages) for page in state.table[row, :count].tolist()]
    references = np.bincount(np.array(held, int), minlength=len(records))
    assert references.tolist() == records[:, REFERENCES].tolist()
    idle = entered - set(held)
    assert len(blank) == len(set(blank)) and set(blank) | set(held) | idle == usable
    assert not set(blank) & (set(held) | idle)
    assert numbers[pool.NUM_EVICTABLE] == len(idle)
    assert numbers[pool.EVICTABLE_TOKENS] == records[sorted(idle), FILLED].sum()
    leaves = {page for page in idle if state.order.links[page, CHILDREN] == 0}
    assert evictable_pages(state.order) == sorted(leaves)


@settings(max_examples=60)
@given(cases((*CACHED, *RUNNING)))
def test_every_page_is_accounted_for_at_every_step(case: Case) -> None:
    machine = set_up(case.scenario, case.requests, eager=True)
    state = machine.allocator
    assert isinstance(state, Cached)
    while steps.advance(machine, int(machine.counts[m.STEP]) + 1) == steps.PAUSED:
        machine.counts[m.NUM_OPERATIONS] = 0
        check_cache(state)
    check_cache(state)


@pytest.mark.parametrize("policy", prefix.EVICTIONS)
@settings(max_examples=40)
@given(alike_requests(), st.integers(1, 5), st.integers(0, 20))
def test_a_tree_loses_its_leaves_first(policy: str, requests: Requests, page_size: int, more: int) -> None:
    spec = AllocatorSpec(name=policy, policy="paged", page_size=page_size, prefix_cache="radix", eviction=policy)
    pages = -(-int(requests.stored_tokens.max()) // page_size) + more
    before: dict[int, int] = {}
    released, evicted = prefix.release, whole.evict

    def release(state: Cached, row: int) -> None:
        path = state.table[row, : state.num_pages[row]].tolist()
        before.update(zip(path, [NONE, *path[:-1]], strict=True))
        released(state, row)

    def evict(state: Cached) -> int:
        page = evicted(state)
        followers = [child for child, parent in before.items() if parent == page]
        idle = (state.pages[:, FILLED] > 0) & (state.pages[:, REFERENCES] == 0)
        assert not idle[followers].any()
        return page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefix, "release", release)
        patch.setattr(whole, "evict", evict)
        assert play(scenario_of(spec, slots=pages * page_size), requests).stats.corrupt == 0


def busy() -> Requests:
    """Many sequences that begin alike, through memory for about ten."""
    rng = np.random.default_rng(5)
    prompt, output = rng.integers(1, 24, (2, 150))
    prefixes = [rng.choice([1, 2], tokens // 3, p=[0.8, 0.2]).tolist() for tokens in prompt]
    return requests_of(prompt, output, prefix_block=3, prefixes=prefixes)


@both
def test_sharing_spares_slots_and_computation(spec: AllocatorSpec) -> None:
    played = play(scenario_of(spec, slots=256), busy())
    counts, stats = played.machine.counts, played.stats
    assert counts[m.HIT] > 0 and counts[m.HIT_AGAIN] > 0
    assert played.column("saved").max() > 0
    assert (stats.tokens_copied > 0) == (counts[m.COW_COPIES] > 0) == (spec is RADIX)
    assert stats.tokens_checked == stats.tokens_written + counts[m.HIT] + counts[m.HIT_AGAIN]
    assert stats.corrupt == 0


@settings(max_examples=60)
@given(alike_requests(), st.integers(1, 6))
def test_nothing_is_kept_of_who_has_ended(requests: Requests, page_size: int) -> None:
    """One request after another finds nothing, and leaves every page blank; all at once find each other's tokens."""
    spec = AllocatorSpec(name="running", policy="paged", page_size=page_size, prefix_cache="running")
    alone = play_one_by_one(spec, requests, 6000)
    assert alone.machine.counts[m.HIT] == 0
    assert isinstance(alone.state, Cached)
    assert alone.state.numbers[pool.NUM_BLANK] == alone.state.numbers[block_table.USABLE]
    known: set[tuple[tuple[int, int], ...]] = set()
    expected = 0
    for names, prompt in zip(names_of(requests), requests.prompt_tokens.tolist(), strict=True):
        expected += max((length for length in range(prompt) if tuple(names[:length]) in known), default=0)
        known |= {tuple(names[:length]) for length in range(1, prompt + 1)}
    together = play(scenario_of(spec, slots=6000), requests)
    assert together.machine.counts[m.HIT] == expected
    assert together.stats.corrupt == alone.stats.corrupt == 0


def test_a_page_is_shared_while_somebody_runs() -> None:
    """Prompts of 10 common tokens in pages of 4: two pages are shared, the third is copied; the last token is new."""
    requests = requests_of([10, 10, 10], [3, 3, 3], prefix_block=5, prefixes=[[1, 2]] * 3)
    spec = AllocatorSpec(name="running", policy="paged", page_size=4, prefix_cache="running")
    played = play(scenario_of(spec, slots=64), requests)
    assert played.machine.counts[m.HIT] == 2 * 9
    assert played.machine.counts[m.HIT_IN_PAGES] == 2 * 8
    assert played.machine.counts[m.COW_COPIES] == 2
    assert played.stats.tokens_copied == 2
    assert played.column("saved").max() == 2 * 8


def test_equal_prompts_of_samples_are_found() -> None:
    """Each sample is a request of its own that finds the prompt of the first; what they generate is their own."""
    requests = requests_of([9], [4])
    requests = Requests(**{**vars_of(requests), "samples": np.array([3])}).spread_samples()
    assert requests.source.tolist() == [0, 0, 0]
    content = content_of(requests)
    prompts, outputs = ([stretch(content, request, at)[0] for request in range(3)] for at in (8, 9))
    assert len(set(prompts)) == 1 and len(set(outputs)) == 3
    assert play(scenario_of(HASH), requests).machine.counts[m.HIT] == 2 * 8
    assert play(scenario_of(RADIX), requests).machine.counts[m.HIT] == 2 * 8


def vars_of(requests: Requests) -> dict[str, Any]:
    return {name: getattr(requests, name) for name in requests.__dataclass_fields__}


def test_belady_keeps_what_is_needed_sooner() -> None:
    """Room for two of three pages that are asked for in turn: LRU never has the right one."""
    prefixes = [[number] for number in (1, 2, 3, 1, 2, 3, 1, 2, 3)]
    requests = requests_of([5] * 9, [1] * 9, prefix_block=4, prefixes=prefixes)
    hits = {
        policy: play_one_by_one(
            AllocatorSpec(name=policy, policy="paged", page_size=4, prefix_cache="hash", eviction=policy), requests, 12
        ).machine.counts[m.HIT]
        for policy in ("lru", "fifo", "belady")
    }
    assert hits["lru"] == hits["fifo"] == 0
    assert hits["belady"] == 3 * 4


Plant = Callable[[pytest.MonkeyPatch], None]


def corrupt_until_it_breaks(scenario: Scenario, requests: Requests, eager: bool) -> int:
    """Corrupt tokens found; the books of a broken cache may stop a simulation, but not before content was wrong."""
    machine = set_up(scenario, requests, eager=eager, flush_at=1)
    with open_arena(scenario.arena, 256, 8, compiled=False) as arena:
        with suppress(LedgerError, PagedSimError, IndexError):
            for _ in drive(machine, arena, compiled=False):
                pass
        return arena.stats().corrupt


def lose_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "record_copy", lambda *arguments: None)


def evict_a_page_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was found idle stays among those that may be evicted."""
    withdrawn = eviction.withdraw

    def withdraw(order: Order, page: int) -> None:
        withdrawn(order, page)
        eviction.offer(order, page)

    monkeypatch.setattr(eviction, "withdraw", withdraw)


def forget_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds a page in use does not count as its holder: it becomes idle when the first one leaves."""
    taken = prefix.take

    def take(state: Cached, row: int, slots: int) -> int:
        found = state.matched[: state.numbers[pool.NUM_MATCHED]].copy()
        answer: int = taken(state, row, slots)
        for page in found.tolist():
            if state.pages[page, REFERENCES] > 1:
                state.pages[page, REFERENCES] -= 1
        return answer

    monkeypatch.setattr(prefix, "take", take)


def forget_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks with one id count as equal whatever stands before them."""

    def unchained(content: Content, request: int, position: int) -> tuple[int, int]:
        number, end = stretch(content, request, position)
        return (0, end) if number < content.numbers[1] else (number, end)

    monkeypatch.setattr(whole, "stretch", unchained)
    monkeypatch.setattr(radix, "stretch", unchained)


@pytest.mark.parametrize("eager", [True, False], ids=["token-by-token", "ahead"])
@pytest.mark.parametrize(
    ("plant", "spec"),
    [
        (lose_the_copy, RADIX),
        (evict_a_page_in_use, HASH),
        (evict_a_page_in_use, RADIX),
        (forget_a_reference, HASH),
        (forget_a_reference, RADIX),
        (forget_the_chain, HASH),
        (forget_the_chain, RADIX),
    ],
    ids=lambda value: value.name if isinstance(value, AllocatorSpec) else value.__name__,
)
def test_planted_bug_is_found_by_content(
    plant: Plant, spec: AllocatorSpec, eager: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = scenario_of(spec, slots=256, arena=ArenaSpec(device="cpu", poison=True))
    assert play(scenario, busy(), eager=eager).stats.corrupt == 0
    plant(monkeypatch)
    assert corrupt_until_it_breaks(scenario, busy(), eager) > 0


@both
def test_a_step_of_pages_of_many_blocks_has_room_for_its_operations(spec: AllocatorSpec) -> None:
    """Every token of 40 prompts is a block of its own, and all are written, checked and freed in one step."""
    ids = [[100 * request + block for block in range(64)] for request in range(40)]
    requests = requests_of([64] * 40, [1] * 40, prefix_block=1, prefixes=ids)
    wide = replace(spec, page_size=64)
    scheduler = Scheduler(max_num_seqs=40, max_num_batched_tokens=4096)
    scenario = scenario_of(wide, slots=64 * 40, max_model_len=80, scheduler=scheduler)
    assert play(scenario, requests, flush_at=1).stats.corrupt == 0
