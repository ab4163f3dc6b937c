"""The shape of a model's cache, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass

from paged_sim.geometry.layers import Layer
from paged_sim.geometry.sizes import Sizes
from paged_sim.geometry.terms import Term


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of a model's weights over all GPUs, with the calculation and where its numbers come from.

    Where they are not known `bytes` is None and `origin` says why.
    """

    bytes: int | None
    formula: str
    origin: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides the bytes of a sequence.

    `attention`: mha, mqa, gqa or mla, with "+" and every further kind of layer; "given" where only the numbers are
    known. `layers` are the layers that keep something, in the model's order; a layer that keeps two things (attention
    beside a state, a latent vector beside an index key) is listed twice. `dtype` is the KV cache's element type.
    `facts` are the numbers that were read, each with its origin.
    `sizes` decide what activations take, None where they are not known.
    """

    name: str
    attention: str
    layers: tuple[Layer, ...]
    dtype: str
    facts: tuple[Term, ...]
    weights: Weights | None = None
    sizes: Sizes | None = None
