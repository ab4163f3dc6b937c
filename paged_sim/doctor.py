"""What this machine offers: software, memory, a GPU, and what `--device auto` would choose here."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass

import numpy as np

from paged_sim import __version__
from paged_sim.arena import Stage, choose_device, probe
from paged_sim.arena.memory import resident_bytes, zeros_on_touch


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `ok` is None where there is nothing to judge; `remedy` says what to do if it is False."""

    name: str
    value: str
    ok: bool | None = None
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything that a simulation may use, in order; never raises and changes nothing."""
    choice = choose_device("auto")
    tags = "" if choice.device == "cpu" else "; payload tag stays on the host, which is faster with it"
    return [
        Finding("paged-sim", __version__),
        Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *(_package(name) for name in ("numpy", "numba", "matplotlib", "rich", "click", "PyYAML")),
        Finding("processors", str(os.cpu_count())),
        _memory(),
        _mincore(),
        *(_gpu_finding(stage) for stage in probe(0)),
        Finding("--device auto", f"{choice.device}: {choice.reason}{tags}"),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name), ok=True)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", ok=False, remedy=f"pip install {name}")


def _memory() -> Finding:
    try:
        page, total = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
        free = os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Finding("memory", "this system does not say")
    return Finding("memory", f"{page * free / 2**30:.1f} of {page * total / 2**30:.1f} GiB are free")


def _mincore() -> Finding:
    """Whether the resident bytes of the host arena can be measured: tried on one page."""
    page = zeros_on_touch((4096,), np.uint8)
    page[0] = 1
    if resident_bytes(page):
        return Finding("mincore", "resident memory of the host arena is measured", ok=True)
    return Finding("mincore", "resident memory cannot be measured here; reports leave it empty", ok=None)


def _gpu_finding(stage: Stage) -> Finding:
    return Finding(f"GPU: {stage.name}", stage.reason, ok=stage.ok, remedy=stage.remedy)
