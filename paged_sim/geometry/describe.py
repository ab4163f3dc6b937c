"""Rows about the built-in models and GPUs, for `paged-sim list` and the documentation."""

from __future__ import annotations

from paged_sim.geometry.gpus import GIB, gpu_presets, preset_gpu
from paged_sim.geometry.kv_bytes import geometry_of
from paged_sim.geometry.presets import aliases_of, canonical_models, parameters_of, preset_shape


def describe_models() -> list[dict[str, str]]:
    """One row a built-in model, in 16 bit on one GPU, as text ready to print; the keys are the column heads."""
    rows = []
    for name in canonical_models():
        shape = preset_shape(name)
        geometry = geometry_of(shape, 1)
        stored = " + ".join(map(str, shape.latent)) if shape.latent else f"{shape.kv_heads} x {shape.head_dim}"
        slides = f"{geometry.bytes_per_token_above_window:,} beyond {shape.window:,}" if shape.window else ""
        rows.append(
            {
                "model": name,
                "attention": shape.attention,
                "layers": str(shape.layers),
                "KV heads x head_dim": stored,
                "bytes per token": f"{geometry.bytes_per_token:,}",
                "with a window": slides,
                "parameters": f"{parameters_of(name) / 1e9:.2f} B",
                "weights": f"{(geometry.weights_bytes or 0) / GIB:.1f} GiB",
                "aliases": ", ".join(aliases_of(name)),
            }
        )
    return rows


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
