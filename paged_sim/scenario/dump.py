"""The resolved scenario as JSON: every value, default or not, and where each came from."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from paged_sim.geometry import resolve_model
from paged_sim.scenario.keys import SCENARIO
from paged_sim.scenario.load import folder_of
from paged_sim.scenario.models import Scenario


def resolved(scenario: Scenario) -> dict[str, Any]:
    """The scenario in the file's own keys, quantities as numbers (tokens, bytes, seconds, requests per second).

    `origins` gives for each key path "--set", "--seed", "--device", "--trace", "file.yaml:12", "preset NAME" or
    "default"; paths of files are as the user wrote them, so that the same command prints the same on every machine.
    """
    dump = SCENARIO.dump(_values(scenario))
    if scenario.model.kind == "hf_config":
        path = scenario.model.params["path"]
        dump["model"]["hf_config"] = _as_written(path, scenario, "model.hf_config")
    if scenario.memory.kind == "log":
        dump["memory"]["log"] = _as_written(scenario.memory.params["path"], scenario, "memory.log")
    if scenario.workload.trace:
        files = [_as_written(path, scenario, "workload.trace.file") for path in scenario.workload.trace.paths]
        dump["workload"]["trace"]["file"] = files[0] if len(files) == 1 else files
        if tokenizer := scenario.workload.trace.tokenizer:
            dump["workload"]["trace"]["tokenizer"] = _as_written(tokenizer, scenario, "workload.trace.tokenizer")
    origins = dict(scenario.origins)
    if scenario.model.kind == "preset" and "kv_dtype" not in dump["model"]:
        dump["model"]["kv_dtype"] = resolve_model(scenario.model).dtype
        origins["model.kv_dtype"] = f"preset {dump['model']['preset']}"
    return {**dump, "origins": origins}


def _values(scenario: Scenario) -> dict[str, Any]:
    """The values as a file's sections hold them."""
    workload = scenario.workload
    requests = tuple(_plain(request) for request in workload.listed) or workload.count
    sections = {
        "workload": {
            **_plain(workload),
            "requests": requests,
            "beam": _plain(workload.beam) if workload.beam else None,
            "prefix": _plain(workload.prefix) if workload.prefix else None,
            "trace": _plain(workload.trace) if workload.trace else None,
        },
        "scheduler": _plain(scenario.scheduler),
        "allocators": tuple(_plain(allocator) for allocator in scenario.allocators),
        "arena": _plain(scenario.arena),
        "measure": _plain(scenario.measure),
        "checks": scenario.checks or None,
    }
    return {**_plain(scenario), **sections}


def _plain(part: Any) -> dict[str, Any]:
    """The fields of a dataclass, not those of what they hold."""
    return {field.name: getattr(part, field.name) for field in fields(part)}


def _as_written(path: Path, scenario: Scenario, key: str) -> str:
    folder = folder_of(scenario.source)
    from_flag = scenario.origins[key].startswith("--")
    return str(path if from_flag or not path.is_relative_to(folder) else path.relative_to(folder))
