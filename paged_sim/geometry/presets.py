"""The built-in models: `paged_sim/data/models.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from paged_sim.geometry.choice import unknown_name
from paged_sim.geometry.shape import Shape, Weights
from paged_sim.geometry.sizes import preset_sizes


def model_presets() -> list[str]:
    """Every name `model:` accepts, aliases included, sorted."""
    return sorted([*_models(), *_aliases()])


def find_model(name: str) -> str | None:
    """The built-in model that people call `name`: a preset, an alias or a Hub id, in any case; None for no model."""
    plain = re.sub(r"[\s_]+", "-", name.strip().lower()).rpartition("/")[2].removeprefix("meta-")
    known = model_presets()
    return next(
        (text for text in (plain, re.sub(r"-(instruct|it|chat|hf|v0\.\d)(-hf)?$", "", plain)) if text in known), None
    )


def preset_shape(name: str) -> Shape:
    """The KV shape of a built-in model. Raises PagedSimError with close matches for a name that is not one."""
    entry = _models().get(_aliases().get(name, name))
    if entry is None:
        raise unknown_name("model preset", name, model_presets())
    return _shape(name, entry)


def aliases_of(name: str) -> list[str]:
    """Other names of the built-in model `name`, sorted."""
    return sorted(alias for alias, target in _aliases().items() if target == name)


def parameters_of(name: str) -> int:
    """Number of parameters of the built-in model `name` (no alias)."""
    return int(_models()[name]["parameters"])


def canonical_models() -> list[str]:
    """The built-in models without aliases, in the order of the file."""
    return list(_models())


def _shape(name: str, entry: Mapping[str, Any]) -> Shape:
    weights = Weights(
        bytes=entry.get("weights_bytes", 2 * entry["parameters"]),
        formula=entry.get("weights_from", f"{entry['parameters']:,} parameters x 2 bytes (16 bit)"),
        origin=entry["source"],
    )
    latent = (entry["kv_lora_rank"], entry["qk_rope_head_dim"]) if entry["attention"] == "mla" else None
    return Shape(
        name=name,
        attention=entry["attention"],
        layers=entry["layers"],
        kv_heads=1 if latent else entry["kv_heads"],
        head_dim=sum(latent) if latent else entry["head_dim"],
        dtype=entry["dtype"],
        source=f"preset {entry['name']}",
        tensors=1 if latent else 2,
        latent=latent,
        sliding_layers=entry.get("sliding_layers", 0),
        window=entry.get("window"),
        weights=weights,
        sizes=preset_sizes(entry["name"]),
    )


@cache
def _models() -> dict[str, Mapping[str, Any]]:
    return {entry["name"]: entry for entry in _load("models.json")["models"]}


@cache
def _aliases() -> dict[str, str]:
    aliases: dict[str, str] = _load("models.json")["aliases"]
    return aliases


def _load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(files("paged_sim.data").joinpath(name).read_text(encoding="utf-8"))
    return data
