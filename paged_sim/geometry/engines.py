"""Engines by name and version, and what each is known to take of a GPU: `paged_sim/data/engines.json`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from paged_sim.errors import PagedSimError

_WRITTEN = re.compile(r"(vllm|sglang|tensorrt[-_ ]?llm|trt[-_ ]?llm)[-_ =@:]*v?(\d[\w.+]*)?", re.IGNORECASE)
_EXPECTED = "an engine with its version, such as vllm-0.19, sglang-0.5 or tensorrt-llm-1.0"

_TITLES = {"vllm": "vLLM", "sglang": "SGLang", "tensorrt-llm": "TensorRT-LLM"}

Range = tuple[float, float, float]
"""GiB: low, likely, high."""


@dataclass(frozen=True, slots=True)
class Overheads:
    """What one range of versions takes: see `engines.json`. `batch` says how the profiling run is sized by default."""

    start: str
    seen: tuple[str, ...]
    logits: float
    tokens: float
    workspace: bool
    batch: str
    non_torch: Range
    non_torch_parallel: Range
    graphs: Range
    small_card: Range
    utilization: float


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as a scenario names it: `version` is "" where it names none.

    `likely` is the range of versions taken, `possible` those it may be; `note` says what of it is a guess.
    """

    name: str
    version: str
    likely: Overheads
    possible: tuple[Overheads, ...]
    note: str

    @property
    def title(self) -> str:
        """The engine as it writes itself, with its version."""
        return f"{_TITLES[self.name]} {self.version}".strip()


def find_engine(text: str | None) -> Engine:
    """The engine that `text` names ("vllm-0.19", "sglang"); vLLM of any version where it is None.

    Where no version is named, the one with most logs on record is likely; one that is not on record is taken as the
    versions before it. Raises PagedSimError for another engine.
    """
    name, version = parse_engine(text) if text is not None else ("vllm", "")
    usual, known = _engines()[name]
    taken = [entry for entry in known if _number(entry.start) <= _number(version or usual)][-1]
    if not version:
        what = "no engine is named" if text is None else "no version is named"
        return Engine(name, "", taken, known, f"{what}: taken as {_TITLES[name]} {usual}, with most logs on record")
    seen = [release for entry in known for release in entry.seen]
    nearest = min(seen, key=lambda release: _distance(release, version))
    note = "" if _number(nearest) == _number(version) else f"{version} is not on record; the nearest is {nearest}"
    return Engine(name, version, taken, (taken,), note)


def parse_engine(text: str) -> tuple[str, str]:
    """The name of an engine and its version ("" where there is none). Raises PagedSimError for any other text."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise PagedSimError(f"memory.engine: {text!r} is no engine that is known; write {_EXPECTED}")
    name = found.group(1).lower()
    return ("tensorrt-llm" if name.startswith(("tensorrt", "trt")) else name), found.group(2) or ""


def _number(version: str) -> tuple[int, int]:
    """The release of a version: 0.19.1 is (0, 19)."""
    parts = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return (parts[0], parts[1]) if len(parts) > 1 else (parts[0], 0)


def _distance(release: str, version: str) -> int:
    (major, minor), (other, least) = _number(release), _number(version)
    return abs(1000 * (major - other) + minor - least)


@cache
def _engines() -> dict[str, tuple[str, tuple[Overheads, ...]]]:
    """By engine the version taken where none is named, and what each range of versions takes, oldest first."""
    text = files("paged_sim.data").joinpath("engines.json").read_text(encoding="utf-8")
    engines: dict[str, Any] = json.loads(text)["engines"]
    return {name: (entry["usual"], tuple(map(_overheads, entry["versions"]))) for name, entry in engines.items()}


def _overheads(entry: dict[str, Any]) -> Overheads:
    return Overheads(
        start=entry["from"],
        seen=tuple(entry["seen"]),
        logits=entry["logits"],
        tokens=entry["tokens"],
        workspace=entry["workspace"],
        batch=entry["batch"],
        non_torch=_range(entry["non_torch"]),
        non_torch_parallel=_range(entry["non_torch_parallel"]),
        graphs=_range(entry["graphs"]),
        small_card=_range(entry["small_card"]),
        utilization=entry["utilization"],
    )


def _range(values: list[float]) -> Range:
    low, likely, high = values
    return low, likely, high
