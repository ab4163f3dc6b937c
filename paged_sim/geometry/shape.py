"""The shape of a model's KV cache, whatever it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paged_sim.geometry.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of a model's weights over all GPUs, with the calculation and where its numbers come from."""

    bytes: int
    formula: str
    origin: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides the bytes of one token's KV.

    `attention`: mha, mqa, gqa, mla, or one of them with "+sliding"; "given" where only the numbers are known.
    `tensors`: 2 where K and V are stored, 1 for the one latent vector of MLA (then `kv_heads` is 1, `head_dim` is
    the latent length and `latent` its parts, `(kv_lora_rank, qk_rope_head_dim)`).
    `sliding_layers` of the `layers` look back at most `window` tokens.
    `sizes` decide what activations take, None where they are not known.
    `origins` says where single values come from; `source` is the origin of all others.
    """

    name: str
    attention: str
    layers: int
    kv_heads: int
    head_dim: int
    dtype: str
    source: str
    tensors: int = 2
    latent: tuple[int, int] | None = None
    sliding_layers: int = 0
    window: int | None = None
    weights: Weights | None = None
    sizes: Sizes | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """Where the value of `key` comes from."""
        return self.origins.get(key, self.source)
