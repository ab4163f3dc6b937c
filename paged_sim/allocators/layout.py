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
    """Stretches of slots, in order: the i-th begins at slot `starts[i]` and has `parts[i, k]` slots of the account
    `PARTS[k]`, one part behind the other. Slots outside of all stretches are free.
    """

    starts: Ints
    parts: Ints


def of_extents(residents: Residents, start: Ints, held: Ints, reserved: Ints) -> Layout:
    """One stretch per row: an extent of `held[row]` slots at `start[row]`, of which `reserved[row]` were asked for."""
    order = np.argsort(start[residents.rows], kind="stable")
    rows, stored, final = residents.rows[order], residents.stored[order], residents.final[order]
    parts = np.zeros((len(rows), len(PARTS)), np.int64)
    parts[:, STORED] = stored
    parts[:, RESERVED] = np.minimum(final, held[rows]) - stored
    parts[:, OVER] = np.maximum(0, reserved[rows] - final)
    parts[:, ROUNDED] = held[rows] - parts.sum(axis=1)
    return Layout(start[rows], parts)


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

    A page is there once however many rows hold it, with the tokens of the longest among them. What is in front of the
    `usable` last pages, and behind them all, is nobody's.
    """
    total = len(kept)
    tokens, reach = np.zeros(total, np.int64), np.zeros(total, np.int64)
    held = np.zeros(total, np.bool_)
    count = num_pages[residents.rows]
    owner = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    pages = table[residents.rows[owner], place]
    held[pages] = True
    for most, of_row in ((tokens, residents.stored), (reach, residents.final)):
        np.maximum.at(most, pages, np.clip(of_row[owner] - place * page_size, 0, page_size))
    parts = np.zeros((total, len(PARTS)), np.int64)
    parts[:, STORED] = tokens
    parts[:, RESERVED] = reach - tokens
    parts[:, KEPT] = np.where(held, 0, kept)
    parts[:, REST] = page_size - parts.sum(axis=1)
    parts[: total - usable] = 0
    parts[: total - usable, NOBODYS] = page_size
    shown = held | (kept > 0)
    shown[: total - usable] = True
    remainder = np.zeros((1, len(PARTS)), np.int64)
    remainder[0, NOBODYS] = slots - total * page_size
    starts = np.append(np.flatnonzero(shown) * page_size, total * page_size)
    return Layout(starts, np.concatenate((parts[shown], remainder)))
