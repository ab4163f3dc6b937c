"""Looks at the pages of a paged policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from paged_sim import allocators
from paged_sim.arena.operations import COPY
from paged_sim.engine import machine as m
from paged_sim.engine import pool_log
from paged_sim.engine.machine import Machine
from paged_sim.requests import Requests

from .looks import PageLook, SequenceLook, StepLook
from .seated import seated, waiting


class Pages:
    """Looks at the pool step by step, and remembers what it was like the step before."""

    def __init__(self, requests: Requests, page_size: int) -> None:
        self._requests = requests
        self._page_size = page_size
        self._before = _Pool({}, {}, frozenset())

    def look(self, machine: Machine) -> StepLook:
        """The step as it is."""
        state = machine.allocator
        sequences = tuple(
            SequenceLook(label, tokens, tuple(state.table[seat, : state.num_pages[seat]].tolist()))
            for seat, label, tokens in seated(machine, self._requests)
        )
        now = _pool(sequences, allocators.family_with(state).kept_pages(state), self._page_size)
        pages = _pages(self._before, now, _copies(machine, self._page_size), _found(machine))
        self._before = now
        return StepLook(int(machine.counts[m.STEP]), pages, sequences, waiting=waiting(machine, self._requests))


class _Pool(NamedTuple):
    """Who owns each page that is held, how many slots are filled of each that is held or idle, and which are idle."""

    owners: dict[int, tuple[str, ...]]
    filled: dict[int, int]
    idle: frozenset[int]


def _pool(sequences: Iterable[SequenceLook], idle: Mapping[int, int], page_size: int) -> _Pool:
    """The pages as they are."""
    owners: dict[int, tuple[str, ...]] = {}
    filled: dict[int, int] = {}
    for sequence in sequences:
        for index, page in enumerate(sequence.table):
            owners[page] = (*owners.get(page, ()), sequence.label)
            filled[page] = min(page_size, max(0, sequence.tokens - index * page_size))
    return _Pool(owners, {**filled, **idle}, frozenset(idle))


def _copies(machine: Machine, page_size: int) -> dict[int, int]:
    """The pages that were copied in this step, by the page they were copied to."""
    operations = machine.operations[: machine.counts[m.NUM_OPERATIONS]]
    copies = operations[operations[:, 0] == COPY]
    return dict(np.stack([copies[:, 3] // page_size, copies[:, 1] // page_size], axis=1).tolist())


def _found(machine: Machine) -> set[int]:
    """The pages that a prefix cache had for somebody since the last look."""
    return {page for record in pool_log.drain(machine) if record.kind == "T" for page in record.blocks}


def _pages(before: _Pool, now: _Pool, copies: dict[int, int], found: set[int]) -> tuple[PageLook, ...]:
    """Each page that is held or idle, or was in the step before, and what happened to it."""
    return tuple(
        PageLook(
            page,
            now.owners.get(page, ()),
            now.filled.get(page, 0),
            tuple(_events(page, before, now, copies.get(page), page in found)),
            page in now.idle,
        )
        for page in sorted({*before.filled, *now.filled})
    )


def _events(page: int, before: _Pool, now: _Pool, source: int | None, found: bool) -> Iterator[str]:
    """What happened to a page, of which a part may have been copied from the page `source`."""
    old, new = before.owners.get(page, ()), now.owners.get(page, ())
    stays = bool(set(old) & set(new))
    if old and not stays:
        yield "freed by " + " ".join(old)
    if page in now.idle and page not in before.idle:
        yield "kept"
    if page in before.idle and not found and page not in now.idle:
        yield "evicted"
    if new and source is not None:
        yield f"copied from page {source}"
    elif new and not stays:
        yield f"found by {new[0]}" if found else "allocated"
    if len(new) > max(1, len(old)):
        yield f"shared by {len(new)}"
    elif old and new and len(new) < len(old):
        yield "left by " + " ".join(owner for owner in old if owner not in new)
