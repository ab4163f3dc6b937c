"""The built-in models: `paged_sim/data/models.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.geometry.hf_config import shape_of
from paged_sim.geometry.names import hint_for, plain
from paged_sim.geometry.shape import Shape, Weights
from paged_sim.geometry.terms import Term


def model_presets() -> list[str]:
    """The built-in models and their short aliases, sorted; `find_model` knows them by their Hub ids as well."""
    return sorted([*_models(), *_aliases()])


def hub_ids() -> list[str]:
    """The Hub ids of all built-in models, sorted."""
    return sorted(hub for name in _models() for hub in hub_ids_of(name))


def find_model(name: str) -> str | None:
    """The built-in model that people call `name`: a preset, an alias or a Hub id, in any case; None for no model.

    The last part of the name decides: a copy under another organisation, or in a folder, is the same model.
    """
    return _names().get(plain(name).rpartition("/")[2])


def unknown_model(name: str) -> PagedSimError:
    """The error for a name that no built-in model has: what is known of its family, and how to give a file."""
    return PagedSimError(f"model preset {name!r} is unknown; {model_hint(name)}")


def model_hint(name: str) -> str:
    """What to do about a name that no built-in model has."""
    if name.endswith(".json") or Path(name).exists():
        return f"a file or folder is said as model: {{hf_config: {name}}}"
    known = hint_for(name, model_presets())
    return f"{known}any other model is given by its config.json or folder: model: {{hf_config: PATH}}, or --model PATH"


def preset_shape(name: str, kv_dtype: str | None = None) -> Shape:
    """The shape of a built-in model; `kv_dtype` overrules its own. Raises PagedSimError for a name that is not one."""
    known = find_model(name)
    if known is None:
        raise unknown_model(name)
    entry = _models()[known]
    shape = shape_of(f"preset {known}", entry["config"], kv_dtype)
    facts = (Term("model", name, "", "", f"preset {known}: {entry['source']}"), *shape.facts)
    return replace(shape, name=name, facts=facts, weights=_weights(entry) or shape.weights)


def aliases_of(name: str) -> list[str]:
    """Other names of the built-in model `name`, sorted."""
    return sorted(alias for alias, target in _aliases().items() if target == name)


def parameters_of(name: str) -> int | None:
    """Number of parameters of the built-in model `name` (no alias), None where it is not stated."""
    parameters: int | None = _models()[name].get("parameters")
    return parameters


def hub_ids_of(name: str) -> list[str]:
    """The Hub ids under which the built-in model `name` is published."""
    return list(_models()[name]["hub"])


def canonical_models() -> list[str]:
    """The built-in models without aliases, in the order of the file."""
    return list(_models())


def _weights(entry: Mapping[str, Any]) -> Weights | None:
    """The weights that the entry states."""
    if "parameters" not in entry:
        return None
    return Weights(
        bytes=entry.get("weights_bytes", 2 * entry["parameters"]),
        formula=entry.get("weights_from", f"{entry['parameters']:,} parameters x 2 bytes (16 bit)"),
        origin=entry["source"],
    )


@cache
def _models() -> dict[str, Mapping[str, Any]]:
    return {entry["name"]: entry for entry in _load("models.json")["models"]}


@cache
def _aliases() -> dict[str, str]:
    aliases: dict[str, str] = _load("models.json")["aliases"]
    return aliases


@cache
def _names() -> dict[str, str]:
    """The model of every name as `plain` writes it, Hub ids without their organisation."""
    hubs = {plain(hub).partition("/")[2]: name for name in _models() for hub in hub_ids_of(name)}
    aliases = {plain(alias): name for alias, name in _aliases().items()}
    return hubs | aliases | {plain(name): name for name in _models()}


def _load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(files("paged_sim.data").joinpath(name).read_text(encoding="utf-8"))
    return data
