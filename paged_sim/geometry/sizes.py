"""The sizes of a model that decide what its activations take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.geometry.config_file import HIDDEN


@dataclass(frozen=True, slots=True)
class Sizes:
    """`hidden`: elements of a token between layers; `width`: of an MLP, or of one expert; `vocab`: tokens known.

    `experts`: experts that a token passes through, 0 for a model without.
    """

    hidden: int
    width: int
    vocab: int
    experts: int = 0


_VOCAB = 151_936
_WIDTH_OF_HIDDEN = 3.5
_LAYER = 13
"""Elements of one layer's matrices, in squares of the hidden size: 2.5 of attention and 3 x 3.5 of an MLP."""


def typical_sizes(parameters: float, layers: int | None) -> Sizes:
    """The sizes of a dense model of these years with so many parameters, for want of the model's own.

    Solves layers x 13 x hidden^2 + 2 x vocabulary x hidden = parameters for the hidden size; 32 layers if not known.
    """
    square, linear = (layers or 32) * _LAYER, 2 * _VOCAB
    hidden = (math.sqrt(linear**2 + 4 * square * parameters) - linear) / (2 * square)
    return Sizes(round(hidden), round(_WIDTH_OF_HIDDEN * hidden), _VOCAB)


def config_sizes(values: Mapping[str, Any]) -> Sizes | None:
    """The sizes in the keys of a `config.json`; None where hidden size or vocabulary are not there."""
    hidden, vocab = _first(values, *HIDDEN), _first(values, "vocab_size")
    if hidden is None or vocab is None:
        return None
    experts = _first(values, "num_experts_per_tok", "num_experts_per_token", "moe_topk") or 0
    of_expert = _first(values, "moe_intermediate_size") if experts else None
    width = of_expert or _first(values, "intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner") or 4 * hidden
    return Sizes(hidden, width, vocab, experts)


def _first(values: Mapping[str, Any], *keys: str) -> int | None:
    """The first of `keys` that holds a whole number of at least 1."""
    found = (values.get(key) for key in keys)
    return next((value for value in found if isinstance(value, int) and value >= 1), None)
