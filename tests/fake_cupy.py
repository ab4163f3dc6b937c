"""A strict stand-in for CuPy, backed by NumPy: what is an accident on a GPU fails or goes visibly wrong here.

It offers just what the device arena and the probe use. Where CuPy differs from NumPy it does what CuPy does: an index
out of range wraps silently, results of reductions are 0-d arrays, host and device arrays do not mix. Where CuPy leaves
something open it picks the worst: the first of several values scattered to one place wins, fresh memory holds garbage.
Where CuPy helps silently (a host array as index or value, `int` of a device array) it refuses, so that every transfer
is one the arena means. A `FakeCupy` is one machine; its `failures` make single calls fail as they do in reality.
"""

from __future__ import annotations

import sys
import weakref
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

GARBAGE = 0xA5
BLOCK = 512
OPERATIONS = ("fill", "scatter", "copy", "take", "add", "not_equal", "any", "sum")


class CUDARuntimeError(RuntimeError):
    """As cupy.cuda.runtime.CUDARuntimeError."""


class OutOfMemoryError(MemoryError):
    """As cupy.cuda.memory.OutOfMemoryError."""


class DynamicLibNotFoundError(RuntimeError):
    """What CuPy raises when NVRTC cannot be loaded."""


CompileException = type("CompileException", (Exception,), {"__module__": "cupy.cuda.compiler"})

ILLEGAL_ADDRESS = "cudaErrorIllegalAddress: an illegal memory access was encountered"
NO_HEADERS = """/tmp/kernel.cubin.cu(12): catastrophic error: could not open source file "cuda_fp16.h" (no directories)
  #include <cuda_fp16.h>

1 catastrophic error detected in the compilation.
"""
NO_DRIVER = "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"


class Memory:
    """One block of a device's memory, full of garbage."""

    def __init__(self, machine, size):
        machine.need_driver()
        if "malloc" in machine.failures or size > machine.free:
            raise CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")
        self.cells = np.full(size, GARBAGE, np.uint8)
        self.size = size
        machine.free -= size
        weakref.finalize(self, machine.give_back, size).atexit = False


class MemoryPointer:
    """A place in a block."""

    def __init__(self, memory, offset):
        self.memory = memory
        self.offset = offset


class MemoryPool:
    """Keeps every block that it ever took until it is told to free them, and gives way by itself at its limit.

    CuPy's also splits and joins blocks; this one hands a block out again only for the very same size. A pool that is
    dropped without being told so loses its blocks, as CuPy's does.
    """

    def __init__(self, machine):
        self.machine = machine
        self.limit = 0
        self.taken = 0
        self.free_blocks = []
        machine.blocks_of_pools.append(self.free_blocks)

    def set_limit(self, size):
        self.machine.need_driver()
        self.limit = size

    def malloc(self, size):
        size = -(-size // BLOCK) * BLOCK
        fitting = [block for block in self.free_blocks if block.size == size]
        if fitting:
            block = fitting[0]
            self.free_blocks.remove(block)
            block.cells[:] = GARBAGE
        else:
            if self._beyond(size):
                self.free_all_blocks()
            if self._beyond(size):
                raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes (limit set to: {self.limit:,} bytes).")
            block = Memory(self.machine, size)
            self.taken += size
        pointer = MemoryPointer(block, 0)
        weakref.finalize(pointer, self.free_blocks.append, block).atexit = False
        return pointer

    def _beyond(self, size):
        return self.limit and self.taken + size > self.limit

    def total_bytes(self):
        return self.taken

    def free_all_blocks(self):
        self.taken -= sum(block.size for block in self.free_blocks)
        self.free_blocks.clear()


class Array:
    """A device array: `host` is its content, which nobody but this file may look at."""

    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, machine, host, pointer):
        self.machine = machine
        self.device = machine.current
        self.host = host
        self.pointer = pointer

    @property
    def shape(self):
        return self.host.shape

    def __array__(self, *arguments, **keywords):
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def __int__(self):
        raise TypeError("a hidden transfer: fetch the value first")

    __bool__ = __float__ = __index__ = __iter__ = __len__ = __int__

    def get(self):
        self.machine.on(self.device)
        self.machine.synchronize()
        self.machine.downloads += 1
        return self.host.copy()

    def fill(self, value):
        self.machine.launch("fill")
        self.machine.on(self.device)
        self.host[...] = value

    def __getitem__(self, index):
        if isinstance(index, Array):
            self.machine.launch("take")
            return self.machine.result(self.host[self._wrapped(index)])
        view = self.host[self._basic(index)]
        assert isinstance(view, np.ndarray)
        return Array(self.machine, view, self.pointer)

    def __setitem__(self, index, value):
        self.machine.launch("scatter" if isinstance(index, Array) else "copy")
        if isinstance(index, Array):
            places = self._wrapped(index)
            values = np.broadcast_to(self._operand(value), (*places.shape, *self.host.shape[1:]))
            self.host[places[::-1]] = values[::-1]
        else:
            self.host[self._basic(index)] = self._operand(value)

    def _wrapped(self, index):
        self.machine.on(self.device, index.device)
        if index.host.dtype != np.int64 or index.host.ndim != 1:
            raise IndexError("the stand-in takes one-dimensional int64 indices")
        return index.host % self.host.shape[0]

    def _basic(self, index):
        for part in index if isinstance(index, tuple) else (index,):
            if not (part is None or part is Ellipsis or isinstance(part, slice)):
                raise TypeError(f"a hidden upload or transfer: index {part!r}")
        return index

    def _operand(self, value):
        if isinstance(value, Array):
            self.machine.on(self.device, value.device)
            return value.host
        raise TypeError(f"Unsupported type {type(value)}")

    def __add__(self, other):
        self.machine.launch("add")
        return self.machine.result(self.host + self._operand(other))

    def __ne__(self, other):
        self.machine.launch("not_equal")
        return self.machine.result(self.host != self._operand(other))

    def any(self, axis):
        self.machine.launch("any")
        return self.machine.result(self.host.any(axis=axis))

    def sum(self):
        self.machine.launch("sum")
        return self.machine.result(np.asarray(self.host.sum()))


class FakeCupy:
    """A machine with CuPy: put it into `sys.modules["cupy"]`, or hand it to the arena.

    `failures` may hold: "driver" (no driver), "malloc" (no block can be had), "memory info", "nvrtc" (no kernel can be
    compiled), "launch" (kernels fail from now on), "scatter" (kernels run, and write nonsense), "late" (what runs now
    fails, and the next call that waits for it says so), and of OPERATIONS "no OPERATION", whose kernel cannot be
    compiled. A machine is `dead` after an error that stays: every call fails, and blocks are given back with a noise.
    """

    __version__ = "14.2.0"

    def __init__(self, *, devices=1, total=8 << 30, failures=()):
        self.devices = devices
        self.total = total
        self.free = total
        self.failures = set(failures)
        self.current = 0
        self.kernels = self.uploads = self.downloads = 0
        self.dead = False
        self.blocks_of_pools = []
        self.default_pool = MemoryPool(self)
        self.allocator = self.default_pool.malloc
        self.uint64 = np.uint64
        runtime = SimpleNamespace(
            CUDARuntimeError=CUDARuntimeError,
            driverGetVersion=lambda: 0 if "driver" in self.failures else 12090,
            getDeviceCount=self._device_count,
            memGetInfo=self._memory_info,
            getDeviceProperties=lambda index: {"name": b"Stand-in GPU"},
        )
        self.cuda = SimpleNamespace(
            runtime=runtime,
            is_available=lambda: "driver" not in self.failures and self.devices > 0,
            Device=self._device,
            Memory=lambda size: Memory(self, size),
            MemoryPointer=MemoryPointer,
            MemoryPool=lambda: MemoryPool(self),
            using_allocator=self._using_allocator,
            get_current_stream=lambda: SimpleNamespace(synchronize=self.synchronize),
        )

    def need_driver(self):
        if "driver" in self.failures:
            raise CUDARuntimeError(NO_DRIVER)
        if self.dead:
            raise CUDARuntimeError(ILLEGAL_ADDRESS)

    def synchronize(self):
        self.dead |= "late" in self.failures
        self.need_driver()

    def give_back(self, size):
        self.free += size
        if self.dead:
            print(f"Exception ignored in: cupy.cuda.memory.Memory.__dealloc__: {ILLEGAL_ADDRESS}", file=sys.stderr)

    def on(self, *devices):
        assert all(device == self.current for device in devices), "an array is used on another device than its own"

    def launch(self, operation):
        self.need_driver()
        if "nvrtc" in self.failures:
            raise DynamicLibNotFoundError('Failure finding "libnvrtc.so"')
        if f"no {operation}" in self.failures:
            raise CompileException(NO_HEADERS)
        if "launch" in self.failures:
            self.dead = True
            self.need_driver()
        self.kernels += 1

    def result(self, host):
        """A new array with this content, its memory from the current allocator."""
        array = self.ndarray(host.shape, host.dtype, self.allocator(host.nbytes))
        array.host[...] = 0x55 if "scatter" in self.failures else host
        return array

    def ndarray(self, shape, dtype, pointer):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        cells = pointer.memory.cells[pointer.offset : pointer.offset + size]
        assert len(cells) == size, "an array that leaves its block"
        return Array(self, cells.view(dtype).reshape(shape), pointer)

    def asarray(self, array):
        if not isinstance(array, np.ndarray):
            raise TypeError(f"only host arrays are uploaded, not {type(array)}")
        self.need_driver()
        self.uploads += 1
        return self.result(np.ascontiguousarray(array))

    def _device_count(self):
        self.need_driver()
        return self.devices

    def _memory_info(self):
        self.need_driver()
        if "memory info" in self.failures:
            raise CUDARuntimeError("cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable")
        return self.free, self.total

    @contextmanager
    def _device(self, index):
        self.need_driver()
        if index >= self.devices:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        before, self.current = self.current, index
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def _using_allocator(self, allocator):
        before, self.allocator = self.allocator, allocator
        try:
            yield
        finally:
            self.allocator = before
