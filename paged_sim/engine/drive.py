"""Driving one simulation: the step loop in turns with the arena, until every request has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

from paged_sim import allocators
from paged_sim.arena import Arena
from paged_sim.compiled import jit
from paged_sim.engine import machine as m
from paged_sim.engine import pool_log, queue, steps
from paged_sim.engine.admission import hits_of_head, need_of_head, tokens_of_head
from paged_sim.engine.handover import Handover
from paged_sim.engine.machine import Machine
from paged_sim.engine.memory_map import MemoryMap
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.ledger import NUM_ACCOUNTS
from paged_sim.oplog.records import Record

STEPS_PER_TURN = 1 << 20


class Progress(Protocol):
    """Who wants to hear how far a simulation is."""

    def update(self, name: str, done: int, total: int) -> None:
        """`done` of `total` requests of the policy `name` have ended."""

    def announce(self, text: str) -> None:
        """Something that takes a while is about to happen."""


class LedgerError(AssertionError):
    """The accounts did not sum to the arena: the allocator or the engine is broken. Never a user's mistake."""


def drive(
    machine: Machine,
    arena: Arena,
    *,
    compiled: bool,
    beside: bool = False,
    memory_map: MemoryMap | None = None,
    log: Callable[[Record], None] | None = None,
) -> Iterator[int]:
    """Run a simulation to its end, yielding the number of requests that have ended now and then.

    With `beside` a thread of its own executes the operations if the arena allows it; the results are the same.
    `memory_map` looks at what lies where from time to time; `log` is given what the machine logs of the pool.

    Raises PagedSimError (exit code 1) when requests wait that nothing will ever admit, LedgerError when the accounts
    do not balance, ArenaError when an operation leaves the arena.
    """
    advance: Callable[[Machine, int], int] = jit(steps.advance) if compiled else steps.advance
    counts = machine.counts
    handover = Handover(arena, beside=beside and arena.runs_beside)
    with closing(handover):
        while True:
            until = int(counts[m.STEP]) + STEPS_PER_TURN if memory_map is None else memory_map.due + 1
            reason = advance(machine, until)
            if memory_map is not None:
                memory_map.look(machine)
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
                raise PagedSimError(stuck(machine), exit_code=EXIT_ERROR)
            yield int(counts[m.NUM_ENDED])
            if reason == steps.DONE:
                return


def unbalanced(machine: Machine) -> str:
    """What the accounts said when they did not sum to the arena."""
    row = machine.ledger.row.tolist()
    total = sum(row[:NUM_ACCOUNTS])
    return f"step {machine.counts[m.STEP]}: the accounts sum to {total} of {machine.counts[m.CAPACITY]}: {row}"


def stuck(machine: Machine) -> str:
    """Why nothing will happen any more."""
    request = queue.head(machine)
    tokens = tokens_of_head(machine, hits_of_head(machine) + machine.counts[m.MAX_TOKENS])
    free, largest = allocators.free_slots(machine.allocator), allocators.largest(machine.allocator)
    return (
        f"no progress after step {machine.counts[m.STEP]}: request {request} needs "
        f"{need_of_head(machine, tokens)} slots, "
        f"{free} are free, {largest} could be placed, and nothing runs that "
        "could free more; give it more memory or a smaller reservation"
    )
