"""What lies where in the arena, account by account: for the memory map, in plain NumPy outside of the step loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.ledger import CACHED, METADATA, OVER_RESERVATION, RESERVATION, ROUNDING, TAIL, TOKEN_STATE
from paged_sim.requests import Ints

PARTS = (TOKEN_STATE, CACHED, RESERVATION, OVER_RESERVATION, ROUNDING, TAIL, METADATA)
"""The accounts of slots that are not free, in the order in which they follow each other in an extent or a page."""

STORED, KEPT, RESERVED, OVER, ROUNDED, REST, NOBODYS = range(len(PARTS))


class Residents(NamedTuple):
    """The rows in use: the tokens that each has stored, and those that it will have stored at its end."""

    rows: Ints
    stored: Ints
    final: Ints


class Layout(NamedTuple):
    """Stretches of slots, in order: the i-th begins at slot `starts[i]` and has `parts[k, i]` slots of the account
    `PARTS[k]`, one part behind the other. Slots outside of all stretches are free.
    """

    starts: Ints
    parts: Ints


def of_extents(residents: Residents, start: Ints, held: Ints, reserved: Ints, capacity: int, slots: int) -> Layout:
    """One stretch per row: an extent of `held[row]` slots at `start[row]`, of which `reserved[row]` were asked for.

    Behind the `capacity` first slots is a stretch that nobody can ever get.
    """
    order = np.argsort(start[residents.rows], kind="stable")
    rows, stored, final = residents.rows[order], residents.stored[order], residents.final[order]
    parts = np.zeros((len(PARTS), len(rows) + 1), np.int64)
    parts[STORED, :-1] = stored
    parts[RESERVED, :-1] = np.minimum(final, held[rows]) - stored
    parts[OVER, :-1] = np.maximum(0, reserved[rows] - final)
    parts[ROUNDED, :-1] = held[rows] - parts[:, :-1].sum(axis=0)
    parts[NOBODYS, -1] = slots - capacity
    return Layout(np.append(start[rows], capacity), parts)


def of_pages(
    residents: Residents,
    table: npt.NDArray[np.int32],
    num_pages: Ints,
    kept: npt.NDArray[np.int32],
    page_size: int,
    usable: int,
    slots: int,
) -> Layout:
    """One stretch per page that a row holds or that keeps tokens for later, of which it has `kept[page]`.

    A page is there once however many rows hold it, with the tokens of the longest among them. Before the `usable` last
    pages, and behind them, is a stretch that nobody can ever get.
    """
    first = len(kept) - usable
    # Of each page the tokens that are there and those that will be; the latter are -1 where nobody holds it.
    tokens, reach = np.zeros_like(kept), np.full_like(kept, -1)
    count = num_pages[residents.rows]
    place = np.arange(count.max(initial=0), dtype=np.int32)
    is_held = place < count[:, None]
    held = table[residents.rows, : len(place)][is_held]
    for most, of_row in ((tokens, residents.stored), (reach, residents.final)):
        np.maximum.at(most, held, np.clip(of_row.astype(np.int32)[:, None] - place * page_size, 0, page_size)[is_held])
    pages = np.flatnonzero((reach >= 0) | (kept > 0))
    stored, planned = tokens[pages], np.maximum(reach[pages], 0)
    used = np.where(reach[pages] >= 0, planned, kept[pages])
    parts = np.zeros((len(PARTS), 1 + len(pages) + 1), np.int64)
    parts[STORED, 1:-1] = stored
    parts[RESERVED, 1:-1] = planned - stored
    parts[KEPT, 1:-1] = used - planned
    parts[REST, 1:-1] = page_size - used
    parts[NOBODYS, [0, -1]] = first * page_size, slots - len(kept) * page_size
    return Layout(np.concatenate(([0], pages * page_size, [len(kept) * page_size])), parts)
