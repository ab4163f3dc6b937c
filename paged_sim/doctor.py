"""What this machine offers: software, memory, a GPU, and what `--device auto` would choose here."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paged_sim import __version__
from paged_sim.arena import Stage, choose_device, probe
from paged_sim.arena.memory import resident_bytes, zeros_on_touch
from paged_sim.compiled import is_usable, machine_code_folder, ways
from paged_sim.compiled.folder import can_keep, contents_of
from paged_sim.errors import PagedSimWarning


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
        *_compilation(),
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


def _compilation() -> list[Finding]:
    """The way in which something small compiles here, and the folder where machine code is kept."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", PagedSimWarning)
        if is_usable():
            with suppress(ways.CannotCompileError):
                ways.try_here()
        way, why = ways.chosen()
        if way == ways.PLAIN:
            return [Finding("compilation", f"{way}: {why}", ok=False, remedy="reinstall numba: pip install -U numba")]
        said.clear()
        folder = machine_code_folder()
    remedy = "" if way == ways.LINKED else "slower; give a Numba that paged-sim was tried with (docs/performance.md)"
    compilation = Finding("compilation", f"{way}: {why}" if why else way, ok=way == ways.LINKED, remedy=remedy)
    return [compilation, _cache(folder, "; ".join(str(warning.message) for warning in said))]


def _cache(folder: Path | None, passed: str) -> Finding:
    if folder is None:
        return Finding("compile cache", "nowhere", ok=False, remedy=f"set PAGED_SIM_CACHE_DIR; {passed}")
    held = contents_of(folder)
    value = f"{folder}: {held.num_bytes / 2**20:.1f} MiB in {held.num_files} files"
    if held.damaged:
        again = "nothing: what is damaged is compiled again when it is needed"
        return Finding("compile cache", f"{value}; damaged: {', '.join(held.damaged)}", ok=False, remedy=again)
    if not can_keep(folder):
        return Finding("compile cache", f"{value}; no more can be kept", ok=False, remedy="make room, or writable")
    return Finding("compile cache", value, ok=not passed, remedy=passed)


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
