"""From the values of a file to the frozen scenario, with the defaults that depend on other keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paged_sim.scenario.context import At, Notes
from paged_sim.scenario.crosscheck import Places, crosscheck
from paged_sim.scenario.keys import SCENARIO
from paged_sim.scenario.mistakes import UNSOUND, Mistakes
from paged_sim.scenario.models import (
    AllocatorSpec,
    ArenaSpec,
    Beam,
    ListedRequest,
    Measure,
    Prefix,
    Scenario,
    Scheduler,
    TraceSource,
    Variant,
    Workload,
)
from paged_sim.scenario.nodes import Node

DEFAULT_MODEL = Variant("preset", {"preset": "llama-2-7b", "tensor_parallel": 1})


def build(root: Node, label: str, source: Path | None, mistakes: Mistakes) -> Scenario:
    """The scenario that the tree of a file says, checked; `label` is the file's name as the user wrote it.

    Raises PagedSimError with everything that is wrong, what the `mistakes` hold already included.
    """
    at = At(notes=Notes(mistakes=mistakes))
    values = SCENARIO.read(root, at)
    places = Places(at.notes, label)
    workload = mistakes.tried(_workload, values["workload"], values["max_model_len"], at.child("workload"))
    if "name" not in values:
        values["name"] = Path(label).stem
        at.child("name").default()
    scenario = Scenario(
        name=values["name"],
        seed=values["seed"],
        repeats=values["repeats"],
        model=mistakes.tried(_model, values, at, places),
        memory=values["memory"],
        max_model_len=values["max_model_len"],
        workload=workload,
        scheduler=_made(Scheduler, values["scheduler"]),
        clock=values["clock"],
        allocators=mistakes.tried(_all_made, AllocatorSpec, values["allocators"]),
        arena=_made(ArenaSpec, values["arena"]),
        measure=_made(Measure, values["measure"]),
        checks=values.get("checks", ()),
        origins=at.notes.origins,
        source=source,
        version=values["version"],
    )
    crosscheck(scenario, places)
    mistakes.raise_any()
    return scenario


def _made(model: Callable[..., Any], values: Any) -> Any:
    """The values as frozen data, if they are sound."""
    return UNSOUND if values is UNSOUND else model(**values)


def _all_made(model: Callable[..., Any], values: Any) -> tuple[Any, ...]:
    return tuple(_made(model, each) for each in values)


def _model(values: Mapping[str, Any], at: At, places: Places) -> Variant:
    """The model, or the default one where only slots are counted."""
    if "model" in values:
        model: Variant = values["model"]
        return model
    missing = SCENARIO.spellings()["model"].missing()
    if values["memory"].kind in ("kv_cache", "gpu", "log"):
        raise places.mistake("model", f"{missing}; the memory is in bytes, so the bytes of a slot must be known")
    if values["arena"]["payload"] == "full":
        raise places.mistake("model", f"{missing}; payload: full writes the model's real bytes")
    at.child("model").default()
    return DEFAULT_MODEL


def _workload(values: Mapping[str, Any], max_model_len: int, at: At) -> Workload:
    requests = values.get("requests")
    listed = _all_made(ListedRequest, requests) if isinstance(requests, tuple) else ()
    tried = at.notes.mistakes.tried
    prompt, output = (tried(_lengths, values.get(key), max_model_len, at.child(key)) for key in ("prompt", "output"))
    count = None if listed else requests
    if requests is None:
        count = tried(_count_of_values, prompt, output, at.child("requests"))
    if "max_tokens" not in values:
        at.child("max_tokens").default()
    return Workload(
        count=count,
        prompt=prompt,
        output=output,
        max_tokens=values.get("max_tokens", Variant("constant", {"value": max_model_len})),
        arrival=values["arrival"],
        listed=listed,
        samples=values["samples"],
        beam=_made(Beam, values["beam"]) if "beam" in values else None,
        prefix=_made(Prefix, values["prefix"]) if "prefix" in values else None,
        trace=_made(TraceSource, values["trace"]) if "trace" in values else None,
    )


def _count_of_values(prompt: Variant | None, output: Variant | None, at: At) -> int | None:
    """As many requests as there are values, where lengths are given as values."""
    lengths = [way for way in (prompt, output) if way is not None and way.kind == "values"]
    if not lengths:
        return None
    at.default()
    return min(len(way.params["values"]) for way in lengths)


def _lengths(lengths: Variant | None, max_model_len: int, at: At) -> Variant | None:
    if lengths is None or lengths.kind != "normal" or "max" in lengths.params:
        return lengths
    at.child("normal").child("max").default()
    return Variant("normal", {**lengths.params, "max": max_model_len})
