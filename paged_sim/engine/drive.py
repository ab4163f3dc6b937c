"""Driving one simulation: the step loop in turns with the arena, until every request has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from paged_sim import allocators
from paged_sim.allocators import FAMILIES
from paged_sim.arena import Arena
from paged_sim.compiled import jit
from paged_sim.engine import machine as m
from paged_sim.engine import pool_log, queue, steps
from paged_sim.engine.admission import hits_of_head, need_of_head, tokens_of_head
from paged_sim.engine.handover import Handover
from paged_sim.engine.machine import Machine
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.oplog.records import Record

FOREVER = 1 << 62
STEPS_PER_TURN = 1 << 20
MAP_ROWS = 512
MAP_BINS = 256


class Progress(Protocol):
    """Who wants to hear how far a simulation is."""

    def update(self, name: str, done: int, total: int) -> None:
        """`done` of `total` requests of the policy `name` have ended."""

    def announce(self, text: str) -> None:
        """Something that takes a while is about to happen."""


class LedgerError(AssertionError):
    """The accounts did not sum to the arena: the allocator or the engine is broken. Never a user's mistake."""


@dataclass(slots=True)
class MemoryMap:
    """What is handed out where as steps begin, at least an interval apart; it doubles when MAP_ROWS rows are full."""

    interval: int = 1
    steps: list[int] = field(default_factory=list)
    rows: list[npt.NDArray[np.uint8]] = field(default_factory=list)

    def look(self, step: int, state: allocators.State, slots: int) -> None:
        """Add the row of a step: for each of up to MAP_BINS stretches of addresses the share handed out, 0 … 255."""
        if self.steps and self.steps[-1] == step:
            return
        flags = FAMILIES[type(state)].occupied(state, slots)
        edges = np.linspace(0, slots, min(MAP_BINS, slots) + 1).astype(np.int64)
        share = np.add.reduceat(flags.astype(np.int64), edges[:-1]) / np.diff(edges)
        self.steps.append(step)
        self.rows.append(np.round(share * 255).astype(np.uint8))
        if len(self.rows) > MAP_ROWS:
            self.interval *= 2
            self.steps, self.rows = self.steps[::2], self.rows[::2]


def drive(
    machine: Machine,
    state: allocators.State,
    arena: Arena,
    *,
    compiled: bool,
    beside: bool = False,
    memory_map: MemoryMap | None = None,
    log: Callable[[Record], None] | None = None,
) -> Iterator[int]:
    """Run a simulation to its end, yielding the number of requests that have ended now and then.

    With `beside` a thread of its own executes the operations if the arena allows it; the results are the same.
    `memory_map` looks at the allocator from time to time; `log` is given what the machine logs of the pool.

    Raises PagedSimError (exit code 1) when requests wait that nothing will ever admit, LedgerError when the accounts
    do not balance, ArenaError when an operation leaves the arena.
    """
    advance: Callable[[Machine, allocators.State, int], int] = jit(steps.advance) if compiled else steps.advance
    counts = machine.counts
    handover = Handover(arena, beside=beside and arena.runs_beside)
    with closing(handover):
        while True:
            until = int(counts[m.STEP]) + STEPS_PER_TURN
            if memory_map is not None:
                memory_map.look(int(counts[m.STEP]), state, int(counts[m.CAPACITY]))
                until = int(counts[m.STEP]) + memory_map.interval
            reason = advance(machine, state, until)
            if reason != steps.PAUSED:
                handover.finish(machine)
            elif max(counts[m.NUM_OPERATIONS], counts[m.NUM_LISTED]) >= counts[m.FLUSH_AT]:
                machine = handover.hand_over(machine)
            if log is not None:
                for record in pool_log.drain(machine):
                    log(record)
            if reason == steps.UNBALANCED:
                raise LedgerError(unbalanced(machine))
            if reason == steps.STUCK:
                raise PagedSimError(stuck(machine, state), exit_code=EXIT_ERROR)
            yield int(counts[m.NUM_ENDED])
            if reason == steps.DONE:
                return


def unbalanced(machine: Machine) -> str:
    """What the accounts said when they did not sum to the arena."""
    row = machine.ledger.row.tolist()
    return f"step {machine.counts[m.STEP]}: the accounts sum to {sum(row[:12])} of {machine.counts[m.CAPACITY]}: {row}"


def stuck(machine: Machine, state: allocators.State) -> str:
    """Why nothing will happen any more."""
    request = queue.head(machine)
    tokens = tokens_of_head(machine, hits_of_head(machine, state) + machine.counts[m.MAX_TOKENS])
    return (
        f"no progress after step {machine.counts[m.STEP]}: request {request} needs "
        f"{need_of_head(machine, state, tokens)} slots, "
        f"{allocators.free_slots(state)} are free, {allocators.largest(state)} could be placed, and nothing runs that "
        "could free more; give it more memory or a smaller reservation"
    )
