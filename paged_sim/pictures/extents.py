"""Looks at the extents of a contiguous policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from paged_sim import allocators
from paged_sim.engine import machine as m
from paged_sim.engine.machine import Machine
from paged_sim.requests import Requests

from .looks import ExtentLook, StepLook
from .seated import seated, waiting


class _Held(NamedTuple):
    """Where an extent lies, and its slots by account in order of address."""

    start: int
    end: int
    accounts: tuple[tuple[str, int], ...]


class Extents:
    """Looks at the arena step by step, and remembers what it was like the step before."""

    def __init__(self, requests: Requests, slots: int) -> None:
        self._requests = requests
        self._slots = slots
        self._before: dict[str, _Held] = {}

    def look(self, machine: Machine) -> StepLook:
        """The step as it is."""
        now = {
            label: _held(machine, seat, tokens)
            for seat, label, tokens in seated(machine, self._requests)
            if machine.seats[seat, m.SLOTS] > 0
        }
        extents = tuple(
            ExtentLook(held.start, held.accounts, owner, tuple(_events(owner, held, self._before, now)))
            for owner, held in _with_free(now, self._slots)
        )
        self._before = now
        return StepLook(int(machine.counts[m.STEP]), extents=extents, waiting=waiting(machine, self._requests))


def _held(machine: Machine, seat: int, tokens: int) -> _Held:
    """The extent of a seat: its tokens first, then what it is to write, then what it never will."""
    fields = machine.seats[seat]
    start, slots = int(allocators.locate(machine.allocator, seat, 0).slot), int(fields[m.SLOTS])
    beyond = {"over_reservation": m.OVER, "tail": m.TAIL, "rounding": m.ROUNDING}
    never = {account: int(fields[field]) for account, field in beyond.items()}
    accounts = {"token_state": tokens, "reservation": slots - tokens - sum(never.values()), **never}
    return _Held(start, start + slots, tuple((account, number) for account, number in accounts.items() if number))


def _with_free(held: dict[str, _Held], slots: int) -> Iterator[tuple[str, _Held]]:
    """(owner, extent) in order of address, with the free ones, which have no owner, between them."""
    end = 0
    for owner, extent in sorted(held.items(), key=lambda pair: pair[1].start):
        if extent.start > end:
            yield "", _free(end, extent.start)
        yield owner, extent
        end = extent.end
    if slots > end:
        yield "", _free(end, slots)


def _free(start: int, end: int) -> _Held:
    return _Held(start, end, (("idle", end - start),))


def _events(owner: str, held: _Held, before: dict[str, _Held], now: dict[str, _Held]) -> Iterator[str]:
    """What happened since the step before to an extent and to whom its slots belonged."""
    for other, old in before.items():
        gone = other not in now or now[other].start != old.start
        if other != owner and gone and old.start < held.end and held.start < old.end:
            yield f"freed by {other}"
    if not owner:
        return
    if owner not in before:
        yield "placed"
    elif before[owner].start != held.start:
        yield f"moved from {before[owner].start}-{before[owner].end - 1}"
    elif before[owner].end < held.end:
        yield f"grew by {held.end - before[owner].end}"
