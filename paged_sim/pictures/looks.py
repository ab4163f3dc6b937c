"""What a picture of a small run shows: at each step its pages or its extents, its sequences, and who waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageLook:
    """One page: its owners ("request" or "request.sample", in running order), slots filled, and what happened.

    An idle one has no owner and tokens that a prefix cache keeps.
    """

    page: int
    owners: tuple[str, ...]
    filled: int
    events: tuple[str, ...]
    idle: bool = False


@dataclass(frozen=True, slots=True)
class ExtentLook:
    """One extent, held or free: where it begins, its slots by account in order of address, its owner, what happened."""

    start: int
    accounts: tuple[tuple[str, int], ...]
    owner: str
    events: tuple[str, ...]

    @property
    def slots(self) -> int:
        """Its length."""
        return sum(slots for _, slots in self.accounts)


@dataclass(frozen=True, slots=True)
class SequenceLook:
    """One sequence: its tokens stored, and its block table, physical pages in logical order."""

    label: str
    tokens: int
    table: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StepLook:
    """One step, read as the ledger is: before anything is freed.

    `pages` are all pages that are, or just were, held or idle, with the `sequences` that hold them; `extents` are all
    of a contiguous policy, in order of address. `waiting` are the requests in the queue, the next one first.
    """

    step: int
    pages: tuple[PageLook, ...] = ()
    sequences: tuple[SequenceLook, ...] = ()
    extents: tuple[ExtentLook, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pictures:
    """The steps of one allocator of a scenario, with `slots` in pages of `page_size` (None: in extents)."""

    name: str
    slots: int
    page_size: int | None
    steps: tuple[StepLook, ...]
