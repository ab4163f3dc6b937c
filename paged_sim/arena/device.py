"""Finding a GPU: the probe, the choice of a device, and the one place where CuPy is imported.

Importing CuPy, and even most of its objects, works without a driver, so only doing something proves anything. The probe
goes from the cheapest question to a small arena on the device itself and stops at the first that fails.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from paged_sim.arena.contract import Arena
from paged_sim.arena.device_arena import DeviceArena
from paged_sim.arena.failures import CHECK_DEVICE, CHECK_DRIVER, INSTALL, DeviceError, reason_of, remedy_of
from paged_sim.arena.host import HostArena
from paged_sim.arena.operations import CHECK, COPY, POISON, WRITE
from paged_sim.arena.sizing import readable
from paged_sim.errors import PagedSimError

_NO_CUPY = "CuPy is not installed"


@dataclass(frozen=True, slots=True)
class Stage:
    """One question of the probe and its answer; `remedy` says what to do if it is not `ok`."""

    name: str
    ok: bool
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """The device to use, "cpu" or "cuda:N", and why it is this one.

    `fallback` is empty unless the host stands in for a GPU that something is wrong with; then it says what.
    """

    device: str
    reason: str
    fallback: str = ""


class _UnusableError(Exception):
    """A stage's answer is no; `remedy` stands in for the stage's."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


def load_cupy() -> Any:
    """The module cupy. Raises ImportError where it is not installed."""
    return importlib.import_module("cupy")


@cache
def probe(index: int) -> tuple[Stage, ...]:
    """Ask whether GPU number `index` can be used, stage by stage, up to the first that fails; once in a process.

    It can be used if, and only if, the last stage is `ok`. Never raises.
    """
    stages: list[Stage] = []
    for name, question, remedy in _STAGES:
        try:
            stages.append(Stage(name, True, question(index)))
        except DeviceError as error:
            stages.append(Stage(name, False, error.reason, error.remedy))
            break
        except _UnusableError as error:
            stages.append(Stage(name, False, str(error), error.remedy or remedy))
            break
        # Whatever CuPy raises here, and some of it is a plain Exception, means that it cannot be used.
        except Exception as error:
            stages.append(Stage(name, False, reason_of(error), remedy_of(error, remedy)))
            break
    return tuple(stages)


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
        reason = f"no usable GPU: {last.reason}"
        return DeviceChoice("cpu", reason, fallback="" if last.reason == _NO_CUPY else reason)
    raise DeviceError(f"--device {requested}: no usable GPU", last.reason, last.remedy)


def _ask_import(index: int) -> str:
    try:
        return f"CuPy {load_cupy().__version__}"
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise
        raise _UnusableError(_NO_CUPY) from error


def _ask_driver(index: int) -> str:
    cuda = load_cupy().cuda
    version = int(cuda.runtime.driverGetVersion())
    if version == 0:
        raise _UnusableError("no NVIDIA driver is installed", "install it; nvidia-smi then shows the device")
    written = f"the driver supports CUDA {version // 1000}.{version % 1000 // 10}"
    if not cuda.is_available():
        hidden = "; CUDA_VISIBLE_DEVICES may hide the device"
        raise _UnusableError(f"{written}, but CuPy finds no device that it can use", CHECK_DRIVER + hidden)
    return written


def _ask_devices(index: int) -> str:
    runtime = load_cupy().cuda.runtime
    count = int(runtime.getDeviceCount())
    found = f"{count} device{'s' if count != 1 else ''}"
    if index >= count:
        raise _UnusableError(f"there is no cuda:{index}, CUDA sees {found}", "the first is cuda:0")
    return found


def _ask_memory(index: int) -> str:
    cuda = load_cupy().cuda
    with cuda.Device(index):
        free, total = cuda.runtime.memGetInfo()
    return f"{readable(free)} of {readable(total)} are free"


def _ask_kernel(index: int) -> str:
    """Run every operation of the device arena once, and compare what it leaves with the host's."""
    cupy = load_cupy()
    name: str = cupy.cuda.runtime.getDeviceProperties(index)["name"].decode()
    with DeviceArena(cupy, index, "tag", 8, 16, compiled=False) as tried:
        found = _outcome(tried)
    with HostArena("tag", 8, 16, compiled=False) as host:
        expected = _outcome(host)
    if found != expected:
        raise _UnusableError(f"{name} computes wrongly: {found} where the host has {expected}")
    return f"{name} runs kernels"


def _outcome(arena: Arena) -> str:
    rows = ((WRITE, 0, 3, 1, 0), (COPY, 1, 2, 4, 0), (POISON, 1, 1, 0, 0), (CHECK, 0, 3, 1, 0), (CHECK, 4, 2, 1, 1))
    arena.execute(np.array(rows, np.int32))
    stats = arena.stats()
    return f"{stats.corrupt} corrupt, first {stats.first_corrupt}, content {arena.digest()[:8]}"


_STAGES: tuple[tuple[str, Callable[[int], str], str], ...] = (
    ("import", _ask_import, INSTALL),
    ("driver", _ask_driver, CHECK_DRIVER),
    ("devices", _ask_devices, CHECK_DRIVER),
    ("memory", _ask_memory, CHECK_DRIVER),
    ("kernel", _ask_kernel, CHECK_DEVICE),
)
"""(name, question, what to do where the error itself does not say)."""
