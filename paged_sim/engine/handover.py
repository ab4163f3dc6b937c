"""Handing the record of memory operations to the arena: at once, or to a thread that executes it beside the step loop.

The step loop never asks the arena anything, so nothing but time depends on when a record is executed, as long as the
records are executed one after the other. On two cores the arena's half of the work then takes next to no time, and
neither half takes the other's place in its core's cache.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from paged_sim.arena import Arena
from paged_sim.arena.operations import Operations, Pages
from paged_sim.engine.machine import NUM_LISTED, NUM_OPERATIONS, NUM_RECORDED, Machine


class Handover:
    """Executes records in order. `beside` lets it start a thread; it must be closed."""

    def __init__(self, arena: Arena, *, beside: bool) -> None:
        self._arena = arena
        self._thread = ThreadPoolExecutor(1, "arena") if beside else None
        self._under_way: Future[None] | None = None
        self._spare: tuple[Operations, Pages] | None = None

    def hand_over(self, machine: Machine) -> Machine:
        """Have the record of a machine executed; the machine to go on with, whose record is empty.

        Raises ArenaError if an operation is out of bounds: of this record, or of the one before where a thread executes
        them.
        """
        if self._thread is None:
            self._execute(machine)
            return machine
        self._wait()
        counts, record = machine.counts, (machine.operations, machine.pages)
        recorded = record[0][: counts[NUM_OPERATIONS]], record[1][: counts[NUM_LISTED]]
        self._under_way = self._thread.submit(self._arena.execute, *recorded)
        counts[NUM_RECORDED] += counts[NUM_OPERATIONS]
        counts[NUM_OPERATIONS] = counts[NUM_LISTED] = 0
        operations, pages = self._spare or (np.empty_like(record[0]), np.empty_like(record[1]))
        self._spare = record
        return machine._replace(operations=operations, pages=pages)

    def finish(self, machine: Machine) -> None:
        """Execute what is left of all records. Raises ArenaError if an operation is out of bounds."""
        self._wait()
        self._execute(machine)

    def close(self) -> None:
        """End the thread, once it has executed what it was given."""
        if self._thread is not None:
            self._thread.shutdown()

    def _wait(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def _execute(self, machine: Machine) -> None:
        counts = machine.counts
        self._arena.execute(machine.operations[: counts[NUM_OPERATIONS]], machine.pages[: counts[NUM_LISTED]])
        counts[NUM_RECORDED] += counts[NUM_OPERATIONS]
        counts[NUM_OPERATIONS] = counts[NUM_LISTED] = 0


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
