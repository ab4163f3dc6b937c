"""The device arena: one block of a GPU's memory, worked on with CuPy's arrays.

Arrays go to the device in `_upload` and come back in `_fetch`, nowhere else. Tags are computed on the host, so that an
epoch costs one upload and one scatter for all it writes, and one gather, one comparison and one integer for all it
checks. `cupy` is handed in as a module; this file also runs over any other module that behaves like it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, suppress
from io import StringIO
from traceback import clear_frames
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from paged_sim.arena.contract import ArenaStats, summarise
from paged_sim.arena.digest import content_digest
from paged_sim.arena.epochs import cut_epochs, epoch_bounds, spread_tokens
from paged_sim.arena.failures import CHECK_DRIVER, DeviceError, is_of_device, is_out_of_memory, reason_of, remedy_of
from paged_sim.arena.memory import zeros_on_touch
from paged_sim.arena.operations import (
    CHECK,
    CHECKED,
    COPIED,
    COPY,
    CORRUPT,
    COUNTERS,
    FIRST_POSITION,
    FIRST_SLOT,
    GENERATION,
    KIND,
    LENGTH,
    NO_PAGES,
    RETRACT,
    RETRACTED,
    SLOT,
    WRITE,
    WRITTEN,
    ArenaError,
    Operations,
    Pages,
    validate_operations,
    word_offsets,
)
from paged_sim.arena.sizing import SCALE_DOWN, WORD, readable
from paged_sim.compiled import jit

# Temporaries of one scatter or comparison: at most this many bytes of tokens, and at most this many tokens. A
# comparison holds the tokens twice, with their slots, tags and a truth value a word: well below half of the pool's
# limit. The other half is for blocks that the pool keeps from earlier work, whose sizes need not suit.
_BYTES_AT_ONCE = 32 << 20
_TOKENS_AT_ONCE = 1 << 20
_TEMPORARIES_LIMIT = 256 << 20

_LEAST_HEADROOM = 512 << 20
_HEADROOM_SHARE = 20


class DeviceArena:
    """An arena in the memory of GPU number `index`, all of it taken at once and zeroed."""

    fallback = ""
    runs_beside = False

    def __init__(
        self,
        cupy: Any,
        index: int,
        payload: str,
        slots: int,
        bytes_per_slot_stored: int,
        *,
        compiled: bool,
    ) -> None:
        self.device = f"cuda:{index}"
        self.payload = payload
        self.slots = slots
        self.bytes_per_slot_stored = bytes_per_slot_stored
        self._cupy = cupy
        self._index = index
        self._cut_epochs = jit(cut_epochs) if compiled else cut_epochs
        self._tokens_at_once = max(1, min(_TOKENS_AT_ONCE, _BYTES_AT_ONCE // bytes_per_slot_stored))
        self._touched = zeros_on_touch((slots,), np.uint8)
        self._stamps = zeros_on_touch((slots,), np.int32)
        self._epoch = 0
        self._counters = np.zeros(COUNTERS, np.int64)
        self._operations = 0
        self._memory: Any = None
        with self._on_device("allocating the arena", pooled=False):
            self._temporaries = cupy.cuda.MemoryPool()
            self._temporaries.set_limit(size=_TEMPORARIES_LIMIT)
            self._memory = self._allocate(slots * bytes_per_slot_stored)
        with self._on_device("clearing the arena"):
            self._memory.fill(0)
            self._offsets = self._upload(word_offsets(bytes_per_slot_stored // WORD))
            cupy.cuda.get_current_stream().synchronize()

    def execute(self, ops: Operations, pages: Pages = NO_PAGES) -> None:
        """Execute operations as if strictly in order.

        Raises ArenaError, and does nothing, if one is out of bounds; DeviceError, and closes, if the device fails.
        """
        self._open()
        runs = validate_operations(ops, self.slots, pages)
        epochs = np.empty(len(runs), np.int32)
        self._cut_epochs(runs, self._stamps, self._epoch, epochs)
        self._epoch = int(epochs[-1]) if len(runs) else self._epoch
        with self._on_device("executing memory operations"):
            for begin, end in epoch_bounds(epochs):
                epoch = runs[begin:end]
                kinds = epoch[:, KIND]
                if kinds[0] == COPY:
                    self._copy(epoch)
                else:
                    self._write(epoch[kinds != CHECK])
                    self._check(epoch[kinds == CHECK])
        for kind, counter in ((WRITE, WRITTEN), (CHECK, CHECKED), (RETRACT, RETRACTED), (COPY, COPIED)):
            self._counters[counter] += runs[runs[:, KIND] == kind, LENGTH].sum()
        self._operations += len(ops)

    def stats(self) -> ArenaStats:
        """The counters so far. What a device really takes is not measured, so `resident_bytes` is None."""
        return summarise(
            self,
            self._counters,
            operations=self._operations,
            touched_slots=int(np.count_nonzero(self._touched)),
            resident_bytes=None,
        )

    def digest(self) -> str:
        """SHA-256, in hex, over index and content of the slots ever touched: the same for every backend."""
        self._open()
        with self._on_device("reading the arena back"):
            return content_digest(
                self.slots,
                self.bytes_per_slot_stored,
                lambda begin, end: self._touched[begin:end],
                lambda indices: self._fetch(self._memory[self._upload(indices)]),
            )

    def close(self) -> None:
        """Give the memory back to the device. The arena cannot be used afterwards; closing twice is fine."""
        if self._memory is None:
            return
        with self._on_device("closing the arena"):
            self._cupy.cuda.get_current_stream().synchronize()
            self._release()

    def __enter__(self) -> DeviceArena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A device that failed once fails again on closing; the first error is the one to report.
        with suppress(DeviceError) if error else nullcontext():
            self.close()

    def _open(self) -> None:
        if self._memory is None:
            raise ArenaError("the arena is closed")

    def _release(self) -> None:
        """Let go of everything: the block outside the pool goes with the last view, the pool's when it is told so."""
        self._memory = self._offsets = None
        with self._cupy.cuda.Device(self._index):
            self._temporaries.free_all_blocks()

    def _allocate(self, size: int) -> Any:
        """One block outside CuPy's pools, so that closing returns it to the device."""
        runtime = self._cupy.cuda.runtime
        free, total = runtime.memGetInfo()
        headroom = max(_LEAST_HEADROOM, total // _HEADROOM_SHARE)
        name = runtime.getDeviceProperties(self._index)["name"].decode()
        where = f"{self.device} ({name})"
        numbers = (
            f"an arena of {readable(size)} does not fit, {readable(free)} of {readable(total)} are free and "
            f"{readable(headroom)} of them stay so as headroom"
        )
        if size > free - headroom:
            raise DeviceError(where, numbers, SCALE_DOWN)
        try:
            block = self._cupy.cuda.Memory(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise DeviceError(where, f"{numbers}; the device says {error}", SCALE_DOWN) from None
        shape = (self.slots, self.bytes_per_slot_stored // WORD)
        return self._cupy.ndarray(shape, np.uint64, self._cupy.cuda.MemoryPointer(block, 0))

    @contextmanager
    def _on_device(self, doing: str, *, pooled: bool = True) -> Iterator[None]:
        """Work on this arena's device, with temporaries from its own pool; what fails there ends in one clear line."""
        cuda = self._cupy.cuda
        try:
            with cuda.Device(self._index), cuda.using_allocator(self._temporaries.malloc) if pooled else nullcontext():
                yield
        except Exception as error:
            self._abandon(error)
            if not is_of_device(error):
                raise
            where = f"{self.device} failed while {doing}"
            raise DeviceError(where, reason_of(error), remedy_of(error, CHECK_DRIVER)) from error

    def _abandon(self, error: Exception) -> None:
        """Let go of everything after an error, without the traceback that CuPy prints for each block not taken back."""
        with redirect_stderr(StringIO()), suppress(Exception):
            clear_frames(error.__traceback__)
            self._release()

    def _upload(self, array: npt.NDArray[Any]) -> Any:
        # At its limit the pool gives up whole blocks by itself, but none of which a part is in use: let go in time.
        if self._temporaries.total_bytes() > _TEMPORARIES_LIMIT // 2:
            self._temporaries.free_all_blocks()
        return self._cupy.asarray(array)

    def _fetch(self, array: Any) -> npt.NDArray[Any]:
        fetched: npt.NDArray[Any] = array.get()
        return fetched

    def _contents(self, tags: npt.NDArray[np.uint64]) -> Any:
        return self._upload(tags)[:, None] + self._offsets[None, :]

    def _write(self, runs: npt.NDArray[np.int64]) -> None:
        for tokens in spread_tokens(runs, self._tokens_at_once):
            self._memory[self._upload(tokens.slots)] = self._contents(tokens.tags)
            self._touched[tokens.slots] = 1

    def _check(self, runs: npt.NDArray[np.int64]) -> None:
        for tokens in spread_tokens(runs, self._tokens_at_once):
            wrong = (self._memory[self._upload(tokens.slots)] != self._contents(tokens.tags)).any(axis=1)
            corrupt = int(self._fetch(wrong.sum()))
            if corrupt and not self._counters[CORRUPT]:
                first = int(self._fetch(wrong).argmax())
                where = (tokens.slots[first], tokens.generations[first], tokens.positions[first])
                self._counters[FIRST_SLOT : FIRST_POSITION + 1] = where
            self._counters[CORRUPT] += corrupt

    def _copy(self, copies: npt.NDArray[np.int64]) -> None:
        for source, length, target in copies[:, (SLOT, LENGTH, GENERATION)].tolist():
            self._memory[target : target + length] = self._memory[source : source + length]
            self._touched[target : target + length] = 1
