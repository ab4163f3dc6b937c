"""GPUs by the names that people, drivers and vendors give them: `paged_sim/data/gpus.json`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.wording import close_names

GIB = 2**30

_MEMORY = re.compile(r"\b(\d+) ?gi?b?\b")
_WORDS = re.compile(r"[a-z]+[0-9]*[a-z0-9]*|\d+")
_VENDORS = {"nvidia", "amd", "geforce", "tesla", "quadro", "instinct", "cuda", "rocm"}
_PRODUCT = {"gpu", "graphics", "generation", "blackwell", "hopper", "ampere", "edition", "workstation", "server", "max"}
_NOISE = _VENDORS | _PRODUCT | {"q", "oam", "ac", "ts", "hbm2", "hbm2e", "hbm3", "hbm3e", "gddr6", "gddr7"}
_FORM = re.compile(r"pcie|nvl|sxm\d?")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: `memory_bytes` is the total that an engine prints, `low` and `high` the extremes seen, `source` where.

    `reported_bytes` is what its driver's tool prints (nvidia-smi), if known.
    """

    name: str
    memory_bytes: int
    low: int
    high: int
    reported_bytes: int | None
    source: str


def gpu_presets() -> list[str]:
    """The project's own name of every GPU it knows, sorted."""
    return sorted(_gpus())


def preset_gpu(name: str) -> Gpu:
    """A GPU by the project's name, the driver's ("NVIDIA H100 80GB HBM3") or a short one ("rtx4090", "L40S").

    Raises PagedSimError for a name that fits none or several.
    """
    found = find_gpu(name)
    if found is None:
        raise PagedSimError(f"memory.gpu: unknown GPU {name!r}; {advice(name)}")
    return _gpus()[found]


def find_gpu(name: str) -> str | None:
    """The project's name of the GPU that `name` means, None where it fits none or several."""
    candidates = _candidates(name)
    return candidates[0] if len(candidates) == 1 else None


def advice(name: str) -> str:
    """What to write in place of a name that `find_gpu` does not know."""
    close = _candidates(name) or _candidates(_MEMORY.sub(" ", _spaced(name))) or close_names(name, gpu_presets(), 3)
    own = "give its memory as an engine prints it, gpu: {memory: 94GiB}"
    return (
        f"did you mean {' or '.join(close)}? Or {own}"
        if close
        else f"`paged-sim list gpus` shows those known; or {own}"
    )


def _candidates(name: str) -> list[str]:
    """The GPUs that a name may mean: of the chip it names, with the memory it names if any."""
    if name in _gpus():
        return [name]
    text = _spaced(name)
    memory = _MEMORY.search(text)
    words = [word for word in _WORDS.findall(_MEMORY.sub(" ", text)) if word not in _NOISE]
    plain = [word for word in words if not _FORM.fullmatch(word)]
    for chip in (" ".join(words), " ".join(plain)):
        fitting = [name for name, size in _chips().get(chip, ()) if memory is None or int(memory.group(1)) == size]
        if fitting:
            return fitting
    return []


def _spaced(name: str) -> str:
    """A name in small letters, its parts apart: "RTX4090" and "rtx-4090" are "rtx 4090"."""
    return re.sub(r"\b(rtx|gtx)(?=\d)", r"\1 ", re.sub(r"\([^)]*\)|[-_/,]+", " ", name.lower()))


@cache
def _chips() -> dict[str, list[tuple[str, int]]]:
    """By chip the GPUs that carry it, each with the gigabytes of its label."""
    chips: dict[str, list[tuple[str, int]]] = {}
    for entry in _entries():
        for chip in entry["chips"]:
            chips.setdefault(chip, []).append((entry["name"], entry["vendor_gb"]))
    return chips


@cache
def _gpus() -> dict[str, Gpu]:
    return {
        entry["name"]: Gpu(
            name=entry["name"],
            memory_bytes=int(entry["visible_gib"]["likely"] * GIB),
            low=int(entry["visible_gib"]["low"] * GIB),
            high=int(entry["visible_gib"]["high"] * GIB),
            reported_bytes=entry["reported_mib"] * 2**20 if "reported_mib" in entry else None,
            source=entry["source"],
        )
        for entry in _entries()
    }


@cache
def _entries() -> list[dict[str, Any]]:
    text = files("paged_sim.data").joinpath("gpus.json").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = json.loads(text)["gpus"]
    return entries
