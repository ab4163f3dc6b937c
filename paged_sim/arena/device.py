"""Finding a GPU: the probe, the choice of a device, and the one place where CuPy is imported.

Importing CuPy, and even most of its objects, works without a driver, so only doing something proves anything. The probe
goes from the cheapest question to a real kernel and stops at the first that fails.
"""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from paged_sim.arena.sizing import readable
from paged_sim.errors import EXIT_ERROR, PagedSimError

_INSTALL = "install the extra paged-sim[cuda12x] (or paged-sim[cuda13x] for CUDA 13)"
_CHECK_DRIVER = "check the NVIDIA driver with nvidia-smi"


@dataclass(frozen=True, slots=True)
class Stage:
    """One question of the probe and its answer; `remedy` says what to do if it is not `ok`."""

    name: str
    ok: bool
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """The device to use, "cpu" or "cuda:N", and why it is this one."""

    device: str
    reason: str


class _UnusableError(Exception):
    """A stage's answer is no."""


def load_cupy() -> Any:
    """The module cupy. Raises ImportError where it is not installed."""
    return importlib.import_module("cupy")


def probe(index: int = 0) -> list[Stage]:
    """Ask whether GPU number `index` can be used, stage by stage, up to the first that fails.

    It can be used if, and only if, the last stage is `ok`. Never raises.
    """
    stages: list[Stage] = []
    for name, question, remedy in _STAGES:
        try:
            stages.append(Stage(name, True, question(index)))
        # A CUDA error is a RuntimeError, a full device a MemoryError, a lacking library any of these three.
        except (ImportError, RuntimeError, MemoryError, OSError, AttributeError, _UnusableError) as error:
            stages.append(Stage(name, False, _one_line(error), remedy))
            break
    return stages


def choose_device(requested: str) -> DeviceChoice:
    """The device for "auto", "cpu", "cuda" or "cuda:N".

    "auto" takes the first GPU if the probe passes and else the host, and says why. Raises PagedSimError with exit code
    1 if a GPU is asked for that cannot be used, and with exit code 2 for any other word.
    """
    if requested == "cpu":
        return DeviceChoice("cpu", "asked for")
    match = re.fullmatch(r"auto|cuda(?::(\d{1,4}))?", requested)
    if match is None:
        raise PagedSimError(f"unknown device {requested!r}: use auto, cpu, cuda or cuda:N, as in cuda:0")
    index = int(match[1] or 0)
    last = probe(index)[-1]
    if last.ok:
        return DeviceChoice(f"cuda:{index}", last.reason)
    if requested == "auto":
        return DeviceChoice("cpu", f"no usable GPU: {last.reason}")
    raise PagedSimError(
        f"--device {requested}: no usable GPU: {last.reason}; {last.remedy}, or use --device cpu",
        exit_code=EXIT_ERROR,
    )


def _ask_import(index: int) -> str:
    try:
        return f"CuPy {load_cupy().__version__}"
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise
        raise _UnusableError("CuPy is not installed") from error


def _ask_driver(index: int) -> str:
    cuda = load_cupy().cuda
    version = int(cuda.runtime.driverGetVersion())
    if version == 0:
        raise _UnusableError("no NVIDIA driver is installed")
    written = f"the driver supports CUDA {version // 1000}.{version % 1000 // 10}"
    if not cuda.is_available():
        raise _UnusableError(f"{written}, but CuPy finds no device that it can use")
    return written


def _ask_devices(index: int) -> str:
    runtime = load_cupy().cuda.runtime
    count = int(runtime.getDeviceCount())
    found = f"{count} device{'s' if count != 1 else ''}"
    if index >= count:
        raise _UnusableError(f"there is no cuda:{index}, CUDA sees {found}")
    return found


def _ask_memory(index: int) -> str:
    cuda = load_cupy().cuda
    with cuda.Device(index):
        free, total = cuda.runtime.memGetInfo()
    return f"{readable(free)} of {readable(total)} are free"


def _ask_kernel(index: int) -> str:
    cupy = load_cupy()
    with cupy.cuda.Device(index), cupy.cuda.using_allocator(cupy.cuda.MemoryPool().malloc):
        cells = cupy.asarray(np.zeros(4, np.uint64))
        cells[cupy.asarray(np.array([3, 1]))] = cupy.asarray(np.array([7, 9], np.uint64))
        read_back = cells.get().tolist()
        name = cupy.cuda.runtime.getDeviceProperties(index)["name"].decode()
    if read_back != [0, 9, 0, 7]:
        raise _UnusableError(f"{name} returned {read_back} where [0, 9, 0, 7] was written")
    return f"{name} runs kernels"


_STAGES: tuple[tuple[str, Callable[[int], str], str], ...] = (
    ("import", _ask_import, _INSTALL),
    ("driver", _ask_driver, _CHECK_DRIVER),
    ("devices", _ask_devices, _CHECK_DRIVER),
    ("memory", _ask_memory, "see with nvidia-smi what uses the device"),
    ("kernel", _ask_kernel, f"{_INSTALL}, which brings the run-time compiler NVRTC"),
)


def _one_line(error: Exception) -> str:
    text = textwrap.shorten(str(error), 200, placeholder=" ...")
    return text if isinstance(error, _UnusableError) else f"{type(error).__name__}: {text}"
