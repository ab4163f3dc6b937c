"""Rows about the built-in models and GPUs, for `paged-sim list` and the documentation."""

from __future__ import annotations

from paged_sim.geometry.gpus import GIB, gpu_presets, preset_gpu
from paged_sim.geometry.kv_bytes import geometry_of
from paged_sim.geometry.layers import Heads, Latent, Layer
from paged_sim.geometry.presets import aliases_of, canonical_models, parameters_of, preset_shape
from paged_sim.geometry.shape import Shape


def describe_models() -> list[dict[str, str]]:
    """One row a built-in model, in 16 bit on one GPU, as text ready to print; the keys are the column heads."""
    return [_row(preset_shape(name)) for name in canonical_models()]


def _row(shape: Shape) -> dict[str, str]:
    geometry = geometry_of(shape, 1)
    read = {term.key: str(term.value) for term in shape.facts}
    beyond = f"{geometry.bytes_per_token_above_window:,} beyond {geometry.window:,}" if geometry.window else ""
    parameters = parameters_of(shape.name)
    return {
        "model": shape.name,
        "attention": shape.attention,
        "layers": read["layers"],
        "KV heads x head_dim": ", ".join(dict.fromkeys(filter(None, map(_stored, shape.layers)))),
        "bytes per token": f"{geometry.bytes_per_token:,}",
        "with a window": beyond,
        "state a sequence": f"{geometry.state_bytes / 2**20:.1f} MiB" if geometry.state_bytes else "",
        "parameters": f"{parameters / 1e9:.2f} B" if parameters else "",
        "weights": f"{geometry.weights_bytes / GIB:.1f} GiB" if geometry.weights_bytes else "",
        "aliases": ", ".join(aliases_of(shape.name)),
    }


def _stored(layer: Layer) -> str:
    """What a layer stores of a token in a few characters, "" for other than heads and a latent vector."""
    if isinstance(layer.keeps, Heads):
        return f"{layer.keeps.kv_heads} x {layer.keeps.key_dim}"
    return f"{layer.keeps.rank} + {layer.keeps.rope}" if isinstance(layer.keeps, Latent) else ""


def describe_gpus() -> list[dict[str, str]]:
    """One row a built-in GPU, as text ready to print; the keys are the column heads."""
    rows = []
    for name in gpu_presets():
        gpu = preset_gpu(name)
        reported = f"{gpu.reported_bytes / GIB:.2f} GiB" if gpu.reported_bytes else ""
        seen = f"{gpu.low / GIB:.2f} to {gpu.high / GIB:.2f}" if gpu.low < gpu.high else ""
        sees = f"{gpu.memory_bytes / GIB:.2f} GiB"
        rows.append({"GPU": name, "an engine sees": sees, "seen": seen, "nvidia-smi": reported, "source": gpu.source})
    return rows
