"""The memory map: what lies where at chosen steps, exactly as the ledger's row of the same step counts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim import allocators
from paged_sim.allocators.layout import PARTS, Layout, Residents
from paged_sim.engine import machine as m
from paged_sim.engine.booking import is_long
from paged_sim.engine.machine import Machine
from paged_sim.engine.steps import duration_of
from paged_sim.ledger import FREE_ACCOUNTS, NUM_ACCOUNTS
from paged_sim.requests import Ints

Counts = npt.NDArray[np.uint32]


class MapRow(NamedTuple):
    """What lies where at one step, which begins at `time`, or in `idle` time before it (0: the step itself).

    `slots[j, k]` are the slots of account k in the j-th of some equal stretches of addresses.
    """

    step: int
    time: float
    idle: float
    slots: Counts


@dataclass(slots=True)
class MemoryMap:
    """What lies where at every `interval`-th step, in long idle time, and at the last step if a request ends with it.

    There are up to `most_bins` stretches of addresses. When there are `most_rows` rows the interval doubles, and what
    is not kept under it any more is dropped. The run ended at `end`.
    """

    most_rows: int = 512
    most_bins: int = 256
    interval: int = 1
    due: int = 0
    end: float = 0.0
    rows: list[MapRow] = field(default_factory=list)

    def look(self, machine: Machine) -> None:
        """Add the rows of the steps that were due and are over; nothing of the last step may have been freed yet.

        They are among the alike steps that ended with the last one: only tokens were stored since the first of them.
        """
        counts = machine.counts
        self.end = float(machine.times[m.NOW])
        while self.due < counts[m.STEP]:
            if len(self.rows) >= self.most_rows:
                self.thin_out()
                continue
            self.add(self.due, 0.0, machine)
            self.due += self.interval
        last = int(counts[m.STEP]) - 1
        is_last = counts[m.NUM_ENDING] > 0 and counts[m.NUM_ENDED] + counts[m.NUM_ENDING] == len(machine.arrival)
        if is_last and (self.rows[-1].step < last or self.rows[-1].idle):
            self.add(last, 0.0, machine)
        if counts[m.NUM_RUNNING] == 0:
            self.look_at_idle_time(machine)

    def look_at_idle_time(self, machine: Machine) -> None:
        """Add a row if the row that the timeline kept last is of idle time that is long in the map as well."""
        step, _, idle = machine.timeline[machine.counts[m.NUM_ROWS] - 1, :3].tolist()
        is_new = not self.rows or self.rows[-1].step < step or not self.rows[-1].idle
        if step == machine.counts[m.STEP] and is_new and is_long(idle, self.end, self.most_rows):
            self.add(int(step), idle, machine)

    def add(self, step: int, idle: float, machine: Machine) -> None:
        """Add a row, of a step or of the idle time before it that has just ended."""
        passed = idle or (int(machine.counts[m.STEP]) - step) * duration_of(machine)
        self.rows.append(MapRow(step, self.end - passed, idle, slots_by_account(machine, step, self.most_bins)))

    def thin_out(self) -> None:
        """Keep the rows of every second step that was kept, and those of idle time that is still long."""
        self.interval *= 2
        self.due += self.due % self.interval
        self.rows = [
            row
            for row in self.rows
            if (is_long(row.idle, self.end, self.most_rows) if row.idle else row.step % self.interval == 0)
        ]


def slots_by_account(machine: Machine, step: int, bins: int) -> Counts:
    """Slots of each account in each of up to `bins` equal stretches of addresses: uint32[bins, accounts].

    `step` is one of the alike steps that were booked last.
    """
    slots = int(machine.counts[m.CAPACITY])
    edges = np.linspace(0, slots, min(bins, slots) + 1).astype(np.int64)
    counted = np.zeros((len(edges) - 1, NUM_ACCOUNTS), np.int64)
    layout = allocators.layout(machine.allocator, residents_of(machine, step), slots)
    for account, part in zip(PARTS, np.diff(below(layout, edges), axis=1), strict=True):
        counted[:, account] = part
    free = max(FREE_ACCOUNTS, key=lambda account: int(machine.ledger.row[account]))
    counted[:, free] = np.diff(edges) - counted.sum(axis=1)
    return counted.astype(np.uint32)


def residents_of(machine: Machine, step: int) -> Residents:
    """The sequences that hold slots, with the tokens they have at a step; several of a request have as many each."""
    counts, seats = machine.counts, machine.seats
    taken = np.ones(len(seats), np.bool_)
    taken[machine.free_seats[: counts[m.NUM_FREE_SEATS]]] = False
    rows = np.flatnonzero(taken)
    rows = rows[np.argsort(seats[rows, m.GENERATION])]
    _, first, request = np.unique(seats[rows, m.REQUEST], return_index=True, return_inverse=True)
    leaders = rows[first[request]]
    stored = np.where(leaders == counts[m.PARTIAL], seats[leaders, m.STORED], step - seats[leaders, m.OFFSET])
    return Residents(rows, stored, seats[rows, m.FINAL])


def below(layout: Layout, edges: Ints) -> Ints:
    """Of each part of a layout the slots below each edge: int64[parts, edges]."""
    counted = np.zeros((len(PARTS), len(edges)), np.int64)
    begin = layout.starts
    for part, lengths in enumerate(layout.parts):
        if lengths.any():
            stretch = np.searchsorted(begin, edges, side="right") - 1
            before = np.append(0, np.cumsum(lengths))[np.maximum(stretch, 0)]
            within = np.minimum(edges - begin[stretch], lengths[stretch])
            counted[part] = np.where(stretch < 0, 0, before + within)
            begin = begin + lengths
    return counted
