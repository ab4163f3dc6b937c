"""What an allocator's `layout` says lies where, held against the plain model of its rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from paged_sim.allocators import State, capacity, layout
from paged_sim.allocators.layout import PARTS, Residents
from paged_sim.ledger import CACHED, METADATA, OVER_RESERVATION, RESERVATION, ROUNDING, TAIL, TOKEN_STATE
from paged_sim.requests import Ints
from paged_sim.testing.rows import Row

FREE = -1


def check_layout(
    state: State, slots: int, rows: Mapping[int, Row], final: Mapping[int, int], held: Mapping[int, Ints], caches: bool
) -> None:
    """Raise AssertionError unless each slot is in the account of what the longest of its owners stores or will store.

    `final` are the tokens that each row will have stored, `held` its slots in order. What a cache keeps and no row
    holds may be in `cached` or `tail`.
    """
    expected = np.full(slots, FREE)
    for row, here in rows.items():
        position = np.arange(here.held)
        kind = np.where(position < here.stored, TOKEN_STATE, np.where(position < final[row], RESERVATION, TAIL))
        before = expected[held[row]]
        expected[held[row]] = np.where(before == FREE, kind, np.minimum(before, kind))
    said = accounts_of(state, slots, rows, final)
    said[np.isin(said, (OVER_RESERVATION, ROUNDING))] = TAIL
    assert (said == METADATA).sum() == slots - capacity(state), "metadata is not what can never be handed out"
    said[said == METADATA] = FREE
    if caches:
        said[(expected == FREE) & np.isin(said, (CACHED, TAIL))] = FREE
    wrong = np.flatnonzero(said != expected)
    assert not len(wrong), f"layout: slot {wrong[0]} is in account {said[wrong[0]]}, not {expected[wrong[0]]}"


def accounts_of(state: State, slots: int, rows: Mapping[int, Row], final: Mapping[int, int]) -> Ints:
    """The account of each slot, or FREE, as `layout` says it: its stretches follow each other and do not overlap."""
    columns = ([*rows], [here.stored for here in rows.values()], [final[row] for row in rows])
    residents = Residents(*(np.array(column, np.int64) for column in columns))
    said_by = layout(state, residents, slots)
    ends = said_by.starts + said_by.parts.sum(axis=0)
    assert (said_by.starts[1:] >= ends[:-1]).all(), "stretches of the layout overlap"
    said = np.full(slots, FREE)
    for start, parts in zip(said_by.starts.tolist(), said_by.parts.T, strict=True):
        accounts = np.repeat(PARTS, parts)
        said[start : start + len(accounts)] = accounts
    return said
