"""An allocator's own operations under heavy fragmentation: nanoseconds each, over the number of free extents.

The arena is filled with sequences of 1 to 32 slots, and every second one is freed: as many free extents as sequences
stay, none of which can merge. Then sequences of 1 to 16 slots are taken, grown by up to 8 slots and released, in random
order; afterwards the arena is as before, so that every round meets the same fragmentation.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.settings import Settings
from benchmarks.timing import Row, repeat, spread
from paged_sim import allocators
from paged_sim.allocators import NO_ROOM, contiguous, paged
from paged_sim.allocators.layout import Residents
from paged_sim.compiled import jit
from paged_sim.requests import Ints

LONGEST_HELD, LONGEST_TAKEN, GROWTH, PAGE_SIZE = 32, 16, 8, 16
POLICIES = ("paged", "first_fit", "best_fit", "worst_fit", "next_fit", "buddy")
"""Those that fill an arena to its last slot."""

SCAN, READ = "linear scan", "one random read"


def take_all(state: allocators.State, rows: Ints, slots: Ints) -> int:
    """Take `slots[row]` for each of some empty rows; how many found no room."""
    failed = 0
    for index in range(len(rows)):
        row = rows[index]
        if allocators.take(state, row, slots[row]) == NO_ROOM:
            failed += 1
    return failed


def grow_all(state: allocators.State, rows: Ints, slots: Ints) -> int:
    """Let each of some rows grow to `slots[row]`; how many found no room."""
    failed = 0
    for index in range(len(rows)):
        row = rows[index]
        if allocators.grow(state, row, slots[row]) == NO_ROOM:
            failed += 1
    return failed


def release_all(state: allocators.State, rows: Ints, slots: Ints) -> int:
    """Release some rows; none can fail."""
    for index in range(len(rows)):
        allocators.release(state, rows[index])
    return 0


def scan_all(lengths: Ints, wanted: Ints) -> int:
    """What best fit costs without a tree: look at every free extent. Returns the sum of the answers."""
    answers = 0
    for index in range(len(wanted)):
        found, tightest = -1, np.iinfo(np.int64).max
        for extent in range(len(lengths)):
            if wanted[index] <= lengths[extent] < tightest:
                found, tightest = extent, lengths[extent]
        answers += found
    return answers


def read_all(following: Ints, reads: Ints) -> int:
    """Read `len(reads)` places of a list one after the other, each where the one before it says; the last place."""
    place = 0
    for _ in range(len(reads)):
        place = following[place]
    return place


OPERATIONS = {"take": take_all, "grow": grow_all, "release": release_all}


def measure(settings: Settings) -> list[Row]:
    """One row for each policy, operation and number of free extents."""
    rows = []
    for extents in settings.extents:
        for policy in POLICIES:
            rows += measure_policy(policy, extents, settings)
        rows.append(measure_scan(extents, settings))
        rows.append(measure_read(extents, max(row["state_bytes"] for row in rows if "state_bytes" in row), settings))
    return rows


def measure_policy(policy: str, extents: int, settings: Settings) -> list[Row]:
    """The three operations of one policy at one fragmentation."""
    rng = np.random.default_rng(extents)
    compiled = {name: _maybe_jit(function, settings) for name, function in OPERATIONS.items()}
    state, empty = fragmented(policy, extents, rng, compiled)
    rows = rng.permutation(empty)[: max(1, extents // 8)]
    released = rng.permutation(rows)
    slots = rng.integers(1, LONGEST_TAKEN + 1, 2 * extents)
    grown = slots + rng.integers(1, GROWTH + 1, 2 * extents)
    work = {"take": (rows, slots), "grow": (rows, grown), "release": (released, slots)}
    rounds = max(1, settings.operations // len(rows))
    nobody = rows[:0]

    def once() -> dict[str, float]:
        """Nanoseconds per operation, without what calling the machine code costs; of all rounds the middle one."""
        spent: dict[str, list[float]] = {name: [] for name in work}
        called: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(rounds):
            for name, (who, goals) in work.items():
                called[name].append(_timed(compiled[name], state, nobody, goals))
                spent[name].append(_timed(compiled[name], state, who, goals))
        return {name: (median(spent[name]) - median(called[name])) / len(rows) * 1e9 for name in work}

    found = free_extents(state)
    once()
    timings = [once() for _ in range(settings.repeats)]
    return [
        {
            "policy": policy,
            "operation": name,
            "extents": extents,
            "free_extents": found,
            "state_bytes": num_bytes(state),
            "operations": rounds * len(rows),
            **spread([timing[name] for timing in timings], "nanoseconds"),
        }
        for name in work
    ]


def fragmented(
    policy: str, extents: int, rng: np.random.Generator, compiled: dict[str, Callable[..., int]]
) -> tuple[allocators.State, Ints]:
    """An arena whose sequences alternate with about `extents` free extents, and the rows that are empty."""
    total = 2 * extents
    lengths = rng.integers(1, LONGEST_HELD + 1, total)
    state: allocators.State
    if policy == "paged":
        pages = -(-lengths // PAGE_SIZE)
        state = paged.create(
            slots=int(pages.sum()) * PAGE_SIZE, page_size=PAGE_SIZE, null_page=False, rows=total, longest=64
        )
    else:
        taken = 1 << np.ceil(np.log2(lengths)).astype(np.int64) if policy == "buddy" else lengths
        state = contiguous.create(
            slots=int(taken.sum()),
            rule=policy,
            asks=np.zeros(0, np.int64),
            chunk=1,
            longest=64,
            rows=total,
        )
    # Buddy blocks fill an arena to the last slot only if the longest come first.
    order = np.argsort(-lengths, kind="stable") if policy == "buddy" else rng.permutation(total)
    assert compiled["take"](state, order, lengths) == 0
    start = state.table[:, 0] if isinstance(state, paged.Paged) else state.start
    empty = np.argsort(start, kind="stable")[1::2]
    compiled["release"](state, rng.permutation(empty), lengths)
    return state, empty


def free_extents(state: allocators.State) -> int:
    """Runs of free slots."""
    slots = int(allocators.capacity(state))
    held = np.flatnonzero(state.num_pages if isinstance(state, paged.Paged) else state.held)
    nothing = np.zeros(len(held), np.int64)
    layout = allocators.layout(state, Residents(held, nothing, nothing), slots)
    ends = layout.starts + layout.parts.sum(axis=0)
    return int(np.count_nonzero(np.append(layout.starts, slots) > np.append(0, ends)))


def measure_scan(extents: int, settings: Settings) -> Row:
    """The same demands met by a linear scan, for comparison: this is what growing with the extents looks like."""
    rng = np.random.default_rng(extents)
    lengths = rng.integers(1, LONGEST_HELD + 1, extents)
    wanted = rng.integers(1, LONGEST_TAKEN + 1, max(1, min(1_000, settings.operations // 100)))
    scan = _maybe_jit(scan_all, settings)
    seconds = repeat(lambda: _timed(scan, lengths, wanted), settings.repeats)
    return {
        "policy": SCAN,
        "operation": "take",
        "extents": extents,
        "free_extents": extents,
        "operations": len(wanted),
        **spread([second / len(wanted) * 1e9 for second in seconds], "nanoseconds"),
    }


def measure_read(extents: int, state_bytes: int, settings: Settings) -> Row:
    """What the machine takes to read one place at random in as many bytes as the largest of these states has."""
    rng = np.random.default_rng(extents)
    order = rng.permutation(state_bytes // 8)
    following = np.empty_like(order)
    following[order] = np.roll(order, -1)
    reads = np.empty(settings.operations, np.int64)
    read = _maybe_jit(read_all, settings)
    seconds = repeat(lambda: _timed(read, following, reads), settings.repeats)
    return {
        "policy": READ,
        "operation": "take",
        "extents": extents,
        "free_extents": extents,
        "operations": len(reads),
        **spread([second / len(reads) * 1e9 for second in seconds], "nanoseconds"),
    }


def num_bytes(state: Any) -> int:
    """Bytes of the arrays of a state, which may hold other states."""
    return state.nbytes if isinstance(state, np.ndarray) else sum(map(num_bytes, state))


def _maybe_jit(function: Callable[..., int], settings: Settings) -> Callable[..., int]:
    return jit(function) if settings.compiled else function


def _timed(function: Callable[..., int], *arguments: Any) -> float:
    started = perf_counter()
    failed = function(*arguments)
    seconds = perf_counter() - started
    assert failed >= 0
    return seconds
