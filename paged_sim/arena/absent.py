"""The arena of payload "none": bookkeeping only, no memory."""

from __future__ import annotations

from types import TracebackType

from paged_sim.arena.contract import ArenaStats
from paged_sim.arena.operations import NO_PAGES, Operations, Pages, validate_operations


class AbsentArena:
    """Checks the bounds of operations and does nothing else: no token is written, so none can be found corrupt."""

    device = "cpu"
    payload = "none"
    bytes_per_slot_stored = 0
    fallback = ""
    runs_beside = False

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._operations = 0

    def execute(self, ops: Operations, pages: Pages = NO_PAGES) -> None:
        """Raises ArenaError if an operation is out of bounds."""
        validate_operations(ops, self.slots, pages)
        self._operations += len(ops)

    def stats(self) -> ArenaStats:
        """Zeros, but for the number of operations."""
        return ArenaStats(
            device=self.device,
            fallback=self.fallback,
            payload=self.payload,
            bytes_per_slot_stored=0,
            bytes=0,
            operations=self._operations,
            tokens_written=0,
            tokens_checked=0,
            tokens_copied=0,
            tokens_retracted=0,
            corrupt=0,
            first_corrupt=None,
            touched_bytes=0,
            resident_bytes=0,
        )

    def digest(self) -> str:
        """There is no content: "none"."""
        return "none"

    def close(self) -> None:
        """There is nothing to give back."""

    def __enter__(self) -> AbsentArena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
