"""From the scenario's `model` to the bytes of a slot."""

from __future__ import annotations

from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.geometry.choice import Choice, positive_int
from paged_sim.geometry.dtypes import parse_dtype
from paged_sim.geometry.hf_config import read_hf_config
from paged_sim.geometry.kv_bytes import Geometry, geometry_of
from paged_sim.geometry.layers import Heads, Layer
from paged_sim.geometry.presets import preset_shape
from paged_sim.geometry.shape import Shape
from paged_sim.geometry.terms import Facts, Term


def resolve_model(model: Choice) -> Geometry:
    """Bytes per slot, and all that leads there, of the model the scenario names.

    `model.kind` is preset {preset, kv_dtype?, tensor_parallel?}, hf_config {path, kv_dtype?, tensor_parallel?},
    explicit {layers, kv_heads, head_dim, dtype, kv_dtype?, tensor_parallel?} or bytes_per_slot {bytes}. An absent
    `dtype` is fp16; an absent `kv_dtype` is the model's own. Reads local files only. Raises PagedSimError.
    """
    if model.kind == "bytes_per_slot":
        return _given(positive_int(model.params, "bytes", "model.bytes_per_slot"))
    return geometry_of(_shape(model), positive_int(model.params, "tensor_parallel", "model", default=1))


def _shape(model: Choice) -> Shape:
    kv_dtype = model.params.get("kv_dtype")
    dtype = None if kv_dtype is None else parse_dtype(kv_dtype, "model.kv_dtype")
    if model.kind == "explicit":
        return _explicit(model, dtype)
    if model.kind == "hf_config":
        return read_hf_config(Path(model.params["path"]), dtype)
    if model.kind != "preset":
        raise PagedSimError(f"model: {model.kind!r} is none of preset, hf_config, explicit, bytes_per_slot")
    return preset_shape(str(model.params["preset"]), dtype)


def _explicit(model: Choice, kv_dtype: str | None) -> Shape:
    """The shape of a model whose layers are all alike."""
    layers, heads, dim = (positive_int(model.params, key, "model") for key in ("layers", "kv_heads", "head_dim"))
    stated, origin = model.params.get("dtype"), "scenario"
    if kv_dtype is not None:
        stated, origin = kv_dtype, "model.kv_dtype"
    dtype = "fp16" if stated is None else parse_dtype(stated, "model.dtype")
    facts = Facts()
    for key, value, unit in (("layers", layers, "layers"), ("kv_heads", heads, "heads"), ("head_dim", dim, "elements")):
        facts.add(key, value, unit, "scenario")
    facts.add("kv_dtype", dtype, "", "default" if stated is None else origin)
    kept = (Layer("full", Heads(heads, dim, dim)),) * layers
    return Shape("explicit", "given", kept, dtype, tuple(facts.terms))


def _given(bytes_per_slot: int) -> Geometry:
    """A geometry of which only the result is known."""
    return Geometry(
        name="given",
        attention="given",
        layer_kinds=(),
        dtype=None,
        tensor_parallel=1,
        bytes_per_slot=bytes_per_slot,
        bytes_per_token=bytes_per_slot,
        bytes_per_token_above_window=bytes_per_slot,
        state_bytes=0,
        weights_bytes=None,
        terms=(Term("bytes_per_slot", bytes_per_slot, "bytes", "", "scenario"),),
    )
