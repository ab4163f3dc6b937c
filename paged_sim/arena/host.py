"""The host arena: an anonymous mapping, executed by compiled loops or by NumPy slices."""

from __future__ import annotations

from types import TracebackType

import numpy as np
import numpy.typing as npt

from paged_sim.arena.contract import ArenaStats, summarise
from paged_sim.arena.digest import content_digest
from paged_sim.arena.kernel import execute_operations
from paged_sim.arena.marks import count_marks, flags, no_marks
from paged_sim.arena.memory import resident_bytes, zeros_on_touch
from paged_sim.arena.operations import COUNTERS, NO_PAGES, ArenaError, Operations, Pages, validate_operations
from paged_sim.arena.sizing import WORD
from paged_sim.arena.sliced import execute_sliced
from paged_sim.compiled import jit


class HostArena:
    """An arena in the machine's own memory, which is taken only as slots are touched."""

    device = "cpu"

    def __init__(
        self, payload: str, slots: int, bytes_per_slot_stored: int, *, compiled: bool, fallback: str = ""
    ) -> None:
        self.fallback = fallback
        self.payload = payload
        self.slots = slots
        self.bytes_per_slot_stored = bytes_per_slot_stored
        # Compiled code holds no lock of Python's.
        self.runs_beside = compiled
        self._compiled = jit(execute_operations) if compiled else None
        words = bytes_per_slot_stored // WORD
        self._memory: npt.NDArray[np.uint64] | None = zeros_on_touch((slots, words), np.uint64)
        self._touched = no_marks(slots)
        self._counters = np.zeros(COUNTERS, np.int64)
        self._operations = 0

    def execute(self, ops: Operations, pages: Pages = NO_PAGES) -> None:
        """Execute operations strictly in order. Raises ArenaError at the first that is out of bounds."""
        memory = self._open()
        if self._compiled is None:
            execute_sliced(memory, self._touched, validate_operations(ops, self.slots, pages), self._counters)
        else:
            done = self._compiled(memory, self._touched, ops, pages, self._counters)
            if done < len(ops):
                # Either it is wrong, or its last page leaves the arena and none of its tokens does.
                validate_operations(ops, self.slots, pages)
                rest = validate_operations(ops[done:], self.slots, pages).astype(np.int32)
                self._compiled(memory, self._touched, rest, NO_PAGES, self._counters)
        self._operations += len(ops)

    def stats(self) -> ArenaStats:
        """The counters so far, with the memory measured now."""
        memory = self._open()
        return summarise(
            self,
            self._counters,
            operations=self._operations,
            touched_slots=count_marks(self._touched),
            resident_bytes=resident_bytes(memory),
        )

    def digest(self) -> str:
        """SHA-256, in hex, over index and content of the slots ever touched: the same for every backend."""
        memory = self._open()
        return content_digest(
            self.slots,
            self.bytes_per_slot_stored,
            lambda begin, end: flags(self._touched, begin, end),
            lambda indices: memory[indices],
        )

    def close(self) -> None:
        """Give the memory back. The arena cannot be used afterwards; closing twice is fine."""
        # The memory goes with the last view of it, which the traceback of an error on its way up may still hold.
        self._memory = None
        self._touched = np.zeros(0, np.uint64)

    def __enter__(self) -> HostArena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> npt.NDArray[np.uint64]:
        if self._memory is None:
            raise ArenaError("the arena is closed")
        return self._memory
