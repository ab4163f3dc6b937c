"""What every arena offers, whatever memory lies behind it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from paged_sim.arena.operations import (
    CHECKED,
    COPIED,
    CORRUPT,
    FIRST_POSITION,
    FIRST_SLOT,
    NO_PAGES,
    RETRACTED,
    WRITTEN,
    Operations,
    Pages,
)


@dataclass(frozen=True, slots=True)
class ArenaStats:
    """What an arena has done and holds, at one moment.

    `fallback` says why a GPU was passed over, and is empty otherwise. `tokens_written` leaves out the
    `tokens_retracted`. `first_corrupt` is (slot, generation, position) of the first token that was not there when it
    was checked. `touched_bytes` belong to the distinct slots ever written, and `resident_bytes` is the memory the arena
    really takes, or None where that is not measured. With the payload "none" there is no memory and every number but
    `operations` is 0.
    """

    device: str
    fallback: str
    payload: str
    bytes_per_slot_stored: int
    bytes: int
    operations: int
    tokens_written: int
    tokens_checked: int
    tokens_copied: int
    tokens_retracted: int
    corrupt: int
    first_corrupt: tuple[int, int, int] | None
    touched_bytes: int
    resident_bytes: int | None


class Arena(Protocol):
    """Real memory of `slots` slots, each of `bytes_per_slot_stored` bytes. It executes operations and decides nothing.

    `device` is "cpu" or "cuda:N", `fallback` why a GPU was passed over, else empty, `payload` is "tag",
    "full", "none" or the number of bytes a slot. Fresh memory holds zeros. `runs_beside` says whether a thread that
    executes operations leaves the others time to run.
    """

    device: str
    fallback: str
    payload: str
    slots: int
    bytes_per_slot_stored: int
    runs_beside: bool

    def execute(self, ops: Operations, pages: Pages = NO_PAGES) -> None:
        """Execute operations, some over the pages listed in `pages`, strictly in order.

        Raises ArenaError if one is out of bounds: none behind it is carried out, nor is it, though of one over pages
        those listed before the wrong one may be.
        """

    def stats(self) -> ArenaStats:
        """The counters so far, with the memory measured now."""

    def digest(self) -> str:
        """SHA-256, in hex, over index and content of the slots ever touched: the same for every backend."""

    def close(self) -> None:
        """Give the memory back. The arena cannot be used afterwards; closing twice is fine."""

    def __enter__(self) -> Arena: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def summarise(
    arena: Arena,
    counters: npt.NDArray[np.int64],
    *,
    operations: int,
    touched_slots: int,
    resident_bytes: int | None,
) -> ArenaStats:
    """The statistics of an arena that has memory, from its counters (int64[COUNTERS])."""
    first = tuple(counters[FIRST_SLOT : FIRST_POSITION + 1].tolist())
    return ArenaStats(
        device=arena.device,
        fallback=arena.fallback,
        payload=arena.payload,
        bytes_per_slot_stored=arena.bytes_per_slot_stored,
        bytes=arena.slots * arena.bytes_per_slot_stored,
        operations=operations,
        tokens_written=int(counters[WRITTEN] - counters[RETRACTED]),
        tokens_checked=int(counters[CHECKED]),
        tokens_copied=int(counters[COPIED]),
        tokens_retracted=int(counters[RETRACTED]),
        corrupt=int(counters[CORRUPT]),
        first_corrupt=(first[0], first[1], first[2]) if counters[CORRUPT] else None,
        touched_bytes=touched_slots * arena.bytes_per_slot_stored,
        resident_bytes=resident_bytes,
    )
