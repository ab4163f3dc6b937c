"""What goes wrong with a GPU: which errors are the device's, their reason in one line, and the remedy that fits."""

from __future__ import annotations

import re
import textwrap

from paged_sim.arena.sizing import SCALE_DOWN
from paged_sim.errors import EXIT_ERROR, PagedSimError

INSTALL = "install the extra paged-sim[cuda12x] (or paged-sim[cuda13x] for CUDA 13)"
CHECK_DRIVER = "check the NVIDIA driver with nvidia-smi"
CHECK_DEVICE = "look for errors of the device (ECC, Xid) with nvidia-smi -q"
_BUSY = "see with nvidia-smi what uses the device"

_OUT_OF_MEMORY = r"MemoryAllocation|OutOfMemory|MemoryError"
_REMEDIES = (
    (r"InsufficientDriver", "install an NVIDIA driver that is as new as CuPy's CUDA"),
    (r"UnsupportedPtx|NoKernelImage|InvalidDeviceFunction|gpu-architecture", f"{INSTALL} that fits GPU and driver"),
    (r"libnvrtc|nvrtc\w*\.dll", f"{INSTALL}, which brings the run-time compiler NVRTC"),
    (r"(cannot|not) open source|CUDA_PATH|CUDA root", f"CUDA's headers are missing: {INSTALL}, or set CUDA_PATH"),
    (r"CompileException|NVRTC_ERROR", f"CuPy, NVRTC and CUDA's headers must be of one version: {INSTALL} anew"),
    (r"DynamicLib|cannot open shared", f"{INSTALL}, which brings CUDA's libraries"),
    (_OUT_OF_MEMORY, f"{_BUSY}; if it is the arena, {SCALE_DOWN}"),
    (r"DevicesUnavailable|DeviceAlreadyInUse", _BUSY),
    (
        r"IllegalAddress|LaunchFail|LaunchTimeout|ECC|Hardware|Misaligned|InvalidPc|IllegalInstruction|AddressSpace",
        f"this process can use the device no more: run again, and {CHECK_DEVICE}",
    ),
    (r"ImportError|ModuleNotFoundError", f"{INSTALL} anew"),
)
"""(what the error's class or text says, what to do), the first that matches."""


class DeviceError(PagedSimError):
    """A GPU that cannot be used, or no longer: `reason` says why and `remedy` what mends it (exit code 1)."""

    def __init__(self, where: str, reason: str, remedy: str) -> None:
        super().__init__(f"{where}: {reason}; {remedy}, or use --device cpu", exit_code=EXIT_ERROR)
        self.where, self.reason, self.remedy = where, reason, remedy

    def __reduce__(self) -> tuple[type[DeviceError], tuple[str, str, str]]:
        return DeviceError, (self.where, self.reason, self.remedy)


def is_of_device(error: Exception) -> bool:
    """Whether CuPy or what lies below it raised this, and not a mistake in this program.

    A CUDA error is a RuntimeError, a full device a MemoryError, a library that is missing an ImportError or OSError;
    what fails to compile is a plain Exception of CuPy's.
    """
    of_cupy = type(error).__module__.partition(".")[0] in ("cupy", "cupy_backends", "cuda")
    return of_cupy or isinstance(error, (RuntimeError, MemoryError, ImportError, OSError))


def is_out_of_memory(error: Exception) -> bool:
    """Whether the device had no memory left; the runtime and the pool say so with errors of different classes."""
    return re.search(_OUT_OF_MEMORY, f"{type(error).__name__}: {error}") is not None


def reason_of(error: Exception) -> str:
    """An error's class and text in one line."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 220, placeholder=" ...")


def remedy_of(error: Exception, otherwise: str) -> str:
    """What to do about an error, `otherwise` where nothing better is known."""
    text = f"{type(error).__name__}: {error}"
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text)), otherwise)
