"""Geometry: how many bytes one token's KV takes, and how many tokens fit."""

from paged_sim.geometry.activations import Batch
from paged_sim.geometry.booking import booking_notes
from paged_sim.geometry.capacity import Capacity, resolve_capacity
from paged_sim.geometry.describe import describe_gpus, describe_models
from paged_sim.geometry.gpus import gpu_presets
from paged_sim.geometry.kv_bytes import Geometry, LayerKind
from paged_sim.geometry.model import resolve_model
from paged_sim.geometry.presets import find_model, hub_ids, model_hint, model_presets
from paged_sim.geometry.terms import Term

__all__ = [
    "Batch",
    "Capacity",
    "Geometry",
    "LayerKind",
    "Term",
    "booking_notes",
    "describe_gpus",
    "describe_models",
    "find_model",
    "gpu_presets",
    "hub_ids",
    "model_hint",
    "model_presets",
    "resolve_capacity",
    "resolve_model",
]
