"""What each layer of a model is, in a word each, and the readers that every rule for it uses."""

from __future__ import annotations

from dataclasses import dataclass

from paged_sim.geometry.config_file import LAYERS, ConfigFile

_MOST_LAYERS = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """One word a layer, and what decided it.

    `full`, `sliding` or `chunked` attention, `state` (linear attention, Mamba, convolution), `both` of attention and
    state, or `none` (a layer without attention, or one that reads another layer's KV).
    """

    words: list[str]
    origin: str


def num_layers(config: ConfigFile) -> int:
    """Layers of the model."""
    layers = config.integer(*LAYERS)
    if layers > _MOST_LAYERS:
        raise config.refuse(config.name_of(LAYERS) or LAYERS[0], f"{layers:,} layers are more than any model has")
    return layers
