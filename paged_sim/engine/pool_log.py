"""The operation log: which pages the allocator handed out, let others share and took back, step by step.

Entries lie one behind another in `machine.log`: step, kind, request, the number of pages, the pages. Nothing is logged
unless `machine.counts[LOG]` holds the page size.
"""

from __future__ import annotations

from collections.abc import Iterator

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.engine.machine import LOG, LOG_STEP, LOGGED, REQUEST, Machine
from paged_sim.oplog.records import Record

ALLOCATED, TOUCHED, FREED = range(3)
NAMES = ("A", "T", "F")
HEAD = 4


@inlined
def note(machine: Machine, seat: int, kind: int, first: int, last: int) -> None:
    """Note what happens to the pages with a seat's slots `first` to `last - 1`; freed are the last ones first."""
    if machine.counts[LOG] > 0 and first < last:
        note_pages(machine, seat, kind, first, last)


@kernel
def note_pages(machine: Machine, seat: int, kind: int, first: int, last: int) -> None:
    """Note it where there is a log."""
    page_size = machine.counts[LOG]
    begin, end = first // page_size, (last + page_size - 1) // page_size
    place = open_entry(machine, seat, kind, end - begin)
    for index in range(begin, end):
        slot, _ = allocators.locate(machine.allocator, seat, index * page_size)
        at = end - 1 - index if kind == FREED else index - begin
        machine.log[place + at] = slot // page_size


@kernel
def note_slot(machine: Machine, seat: int, kind: int, slot: int) -> None:
    """Note what happens to the page that holds `slot`, on behalf of a seat."""
    page_size = machine.counts[LOG]
    if page_size > 0:
        place = open_entry(machine, seat, kind, 1)
        machine.log[place] = slot // page_size


@kernel
def open_entry(machine: Machine, seat: int, kind: int, pages: int) -> int:
    """Begin an entry for so many pages; where the first of them belongs."""
    counts, log = machine.counts, machine.log
    place = counts[LOGGED]
    log[place] = counts[LOG_STEP]
    log[place + 1] = kind
    log[place + 2] = machine.seats[seat, REQUEST]
    log[place + 3] = pages
    counts[LOGGED] = place + HEAD + pages
    return int(place + HEAD)


def drain(machine: Machine) -> Iterator[Record]:
    """The entries, oldest first; the log is empty afterwards."""
    entries = machine.log[: machine.counts[LOGGED]].tolist()
    machine.counts[LOGGED] = 0
    place = 0
    while place < len(entries):
        step, kind, request, pages = entries[place : place + HEAD]
        place += HEAD + pages
        yield Record(step, NAMES[kind], entries[place - pages : place], request)
