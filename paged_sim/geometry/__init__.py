"""Geometry: how many bytes one token's KV takes, and how many tokens fit."""

from paged_sim.geometry.activations import Batch
from paged_sim.geometry.capacity import Capacity, resolve_capacity
from paged_sim.geometry.describe import describe_gpus, describe_models
from paged_sim.geometry.gpus import gpu_presets
from paged_sim.geometry.kv_bytes import Geometry
from paged_sim.geometry.model import resolve_model
from paged_sim.geometry.presets import model_presets
from paged_sim.geometry.terms import Term

__all__ = [
    "Batch",
    "Capacity",
    "Geometry",
    "Term",
    "describe_gpus",
    "describe_models",
    "gpu_presets",
    "model_presets",
    "resolve_capacity",
    "resolve_model",
]
