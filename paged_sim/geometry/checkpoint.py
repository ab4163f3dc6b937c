"""What a checkpoint says of its element types and size: in `config.json`, and in the files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.geometry.config_file import ConfigFile, load_json
from paged_sim.geometry.dtypes import parse_dtype
from paged_sim.geometry.shape import Weights

# 16 bit, as engines take it where a file names none of these.
_USUAL = "bf16"
_SERVED = ("fp16", "bf16")


def model_dtype(config: ConfigFile) -> tuple[str, str]:
    """Element type that an engine computes in, and where it comes from: the file's, 16 bit where that is another.

    Engines serve a float32 checkpoint, and one that names no type, in 16 bit (vLLM: `_get_and_verify_dtype`).
    Raises PagedSimError for a word that is no element type.
    """
    found = config.inherited("dtype", "torch_dtype")
    if found is None or found[1] == "auto":
        return _USUAL, f"{config.label}: no dtype, which engines serve in 16 bit"
    where = f"{config.label}: {found[0]}"
    dtype = parse_dtype(found[1], where)
    if dtype in _SERVED:
        return dtype, where
    return _USUAL, f"{where} is {found[1]}, which engines serve in 16 bit"


def quantized_in(config: ConfigFile, beside: Mapping[str, Any] | None) -> tuple[str, Any] | None:
    """Where the checkpoint says how it is quantized, and that section; None where it says nothing.

    It is the file's `quantization_config`, or where it has none `beside`: the `quantization` of the
    `hf_quant_config.json` beside it, as vLLM reads them.
    """
    found = config.inherited("quantization_config", "compression_config")
    if found is not None:
        return f"{config.label}: {found[0]}", found[1]
    return None if beside is None else ("hf_quant_config.json: quantization", beside)


def checkpoint_kv_dtype(quantized: tuple[str, Any] | None) -> tuple[str, str] | None:
    """Element type that `quantized` asks for the KV cache, and where; None where it asks for none.

    `kv_cache_scheme` or `kv_cache_quant_algo`. Raises PagedSimError for a type that is not known.
    """
    return None if quantized is None else _kv_cache(quantized[1], quantized[0])


def _kv_cache(quantization: Any, where: str) -> tuple[str, str] | None:
    """The KV element type of a section about quantization."""
    if not isinstance(quantization, Mapping):
        raise PagedSimError(f"{where}: expected an object, found {type(quantization).__name__}")
    inner = quantization.get("quantization")
    for values in (quantization, inner if isinstance(inner, Mapping) else {}):
        for key in ("kv_cache_scheme", "kv_cache_quant_algo"):
            if values.get(key) not in (None, "auto"):
                return _scheme(values[key], f"{where}.{key}"), f"{where}.{key}"
    return None


def _scheme(scheme: Any, where: str) -> str:
    """fp8 of {type: float, num_bits: 8}, or of "FP8"."""
    if isinstance(scheme, Mapping):
        kind, bits = scheme.get("type"), scheme.get("num_bits")
        name = {"float": "fp", "int": "int"}.get(str(kind), "?")
        scheme = f"{name}{bits}"
    try:
        return parse_dtype(scheme, where)
    except PagedSimError:
        raise PagedSimError(f"{where}: {scheme!r} is no element type known here; say it as kv_dtype") from None


def beside(path: Path, name: str) -> Path:
    """The file `name` beside a `config.json`; a prefix of the latter ("x_config.json") counts for both."""
    return path.with_name(path.name.removesuffix("config.json") + name)


def read_quantization(path: Path) -> Mapping[str, Any] | None:
    """The section about quantization of the `hf_quant_config.json` beside a config.json, None where there is none."""
    file = beside(path, "hf_quant_config.json")
    if not file.is_file():
        return None
    quantization = load_json(file).get("quantization")
    if not isinstance(quantization, Mapping):
        raise PagedSimError(f"{file}: quantization: expected an object, found {type(quantization).__name__}")
    return quantization


def stored_weights(path: Path) -> Weights | None:
    """Bytes of the checkpoint beside a config.json: its index's total_size, or the size of its only file.

    None where neither file says it.
    """
    index = beside(path, "model.safetensors.index.json")
    if index.is_file():
        metadata = load_json(index).get("metadata")
        total = metadata.get("total_size") if isinstance(metadata, Mapping) else None
        if total is None:  # mergekit writes its version alone
            return None
        if isinstance(total, float) and total.is_integer():
            total = int(total)
        if isinstance(total, bool) or not isinstance(total, int) or total < 1:
            raise PagedSimError(f"{index}: metadata.total_size: {total!r} is not a whole number of at least 1")
        return Weights(total, "", f"{index.name}: metadata.total_size")
    file = beside(path, "model.safetensors")
    if file.is_file() and file.stat().st_size:
        return Weights(file.stat().st_size, "", f"{file.name}: the size of the file")
    return None
