"""The arena against the machine: writing and checking runs of tokens beside a plain copy and a plain scatter.

All of them move the same bytes of a warm arena of 8-byte slots: `copy` reads and writes them in order, `scatter` puts
them, and `gather` takes them, page by page in the random order in which the arena meets them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.settings import Settings
from benchmarks.timing import Row, alternate, seconds_of, spread
from paged_sim.arena.kernel import execute_operations
from paged_sim.arena.marks import no_marks
from paged_sim.arena.memory import zeros_on_touch
from paged_sim.arena.operations import CHECK, COLUMNS, CORRUPT, COUNTERS, NO_PAGES, WRITE, Operations
from paged_sim.arena.sliced import execute_sliced
from paged_sim.compiled import jit
from paged_sim.requests import Ints

RUNS = (16, 2048)


def measure(settings: Settings) -> list[Row]:
    """One row for each way to move the bytes, length of run and number of tokens."""
    return [
        row
        for tokens in settings.bandwidth_tokens
        for run in RUNS
        if run <= tokens
        for row in measure_runs(tokens, run, settings)
    ]


def measure_runs(tokens: int, run: int, settings: Settings) -> list[Row]:
    """The arena's two operations and NumPy's three on runs of one length, in turns."""
    memory = zeros_on_touch((tokens, 1), np.uint64)
    touched = no_marks(tokens)
    other = zeros_on_touch((tokens, 1), np.uint64)
    source = zeros_on_touch((tokens, 1), np.uint64)
    source[:] = 1
    starts = np.random.default_rng(run).permutation(tokens // run) * run
    slots = (starts[:, None] + np.arange(run)).reshape(-1)

    def execute(operations: Ints) -> None:
        if settings.compiled:
            jit(execute_operations)(memory, touched, operations, NO_PAGES, counters)
        else:
            execute_sliced(memory, touched, operations, counters)

    counters = np.zeros(COUNTERS, np.int64)
    writes, checks = operations_over(WRITE, starts, run), operations_over(CHECK, starts, run)
    work: dict[str, Callable[[], object]] = {
        "write": lambda: execute(writes),
        "check": lambda: execute(checks),
        "copy": lambda: np.copyto(other, source),
        "scatter": lambda: other.__setitem__(slots, source),
        "gather": lambda: np.take(memory, slots, axis=0, out=source),
    }
    # Few tokens are moved over and over, so that a timing is never shorter than the clock can tell.
    rounds = max(1, (1 << 20) // tokens) if settings.compiled else 1
    seconds = alternate({name: timer(act, rounds) for name, act in work.items()}, settings.repeats)
    assert counters[CORRUPT] == 0
    rows = []
    for name, timings in seconds.items():
        row = {"what": name, "run": run, "tokens": tokens, **spread([second / rounds for second in timings])}
        row["gigabytes_per_second"] = tokens * 8 / row["seconds"] / 1e9
        row["nanoseconds_per_token"] = row["seconds"] / tokens * 1e9
        rows.append(row)
    for row in rows:
        row["of_copy"] = rows[2]["seconds"] / row["seconds"]
        row["of_scatter"] = rows[3]["seconds"] / row["seconds"]
    return rows


def operations_over(kind: int, starts: Ints, run: int) -> Operations:
    """One operation for each run, each of a sequence of its own."""
    operations = np.zeros((len(starts), COLUMNS), np.int32)
    operations[:, 0] = kind
    operations[:, 1] = starts
    operations[:, 2] = run
    operations[:, 3] = np.arange(len(starts))
    return operations


def timer(act: Callable[[], object], rounds: int) -> Callable[[], float]:
    """A measurement of `act`, `rounds` times over."""

    def work(_: None) -> None:
        for _round in range(rounds):
            act()

    return lambda: seconds_of(lambda: None, work)
