"""Reservation rules of contiguous allocation: how many slots a request asks for, before anything is placed.

After section 3 of the PagedAttention paper (Kwon et al., SOSP 2023): `max`, `pow2` and `oracle` are its Orca (Max),
(Pow2) and (Oracle). `oracle` and `pow2` look at the true output length, which no real server knows; they bound what
better length prediction could bring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from paged_sim.allocators.family import Example
from paged_sim.requests import Ints, Requests

if TYPE_CHECKING:
    from paged_sim.scenario.models import AllocatorSpec


@dataclass(frozen=True, slots=True)
class Rule:
    """A reservation rule: its word and what it means, the slots that each request asks for, given `max_model_len`, and
    how `explain` writes what one asks for. A rule that asks for nothing beforehand asks for chunks as a sequence grows.
    """

    word: str
    meaning: str
    asks: Callable[[Requests, int], Ints]
    formula: Callable[[AllocatorSpec, Example], str]


def reserve_max(requests: Requests, max_model_len: int) -> Ints:
    """Room for the longest sequence the model allows."""
    return np.full(len(requests), max_model_len, np.int64)


def reserve_limit(requests: Requests, max_model_len: int) -> Ints:
    """Room for the prompt and the declared limit of the output."""
    asked: Ints = np.minimum(requests.prompt_tokens + requests.max_tokens, max_model_len)
    return asked


def reserve_pow2(requests: Requests, max_model_len: int) -> Ints:
    """Room for the prompt and the true output rounded up to a power of two."""
    exponent = np.ceil(np.log2(requests.output_tokens)).astype(np.int64)
    rounded: Ints = np.left_shift(np.int64(1), exponent)
    asked: Ints = np.minimum(requests.prompt_tokens + rounded, max_model_len)
    return asked


def reserve_oracle(requests: Requests, max_model_len: int) -> Ints:
    """Room for exactly the tokens that will be stored."""
    return np.minimum(requests.stored_tokens, max_model_len)


def reserve_nothing(requests: Requests, max_model_len: int) -> Ints:
    """Nothing beforehand."""
    return np.zeros(0, np.int64)


RULES = {
    rule.word: rule
    for rule in (
        Rule("max", "reserve max_model_len", reserve_max, lambda spec, example: "max_model_len"),
        Rule(
            "limit",
            "reserve prompt + max_tokens",
            reserve_limit,
            lambda spec, example: (
                f"min(prompt {example.prompt:,} + max_tokens {example.max_tokens:,}, "
                f"max_model_len {example.max_model_len:,})"
            ),
        ),
        Rule(
            "pow2",
            "reserve prompt + true output rounded up to a power of two (looks at the output)",
            reserve_pow2,
            lambda spec, example: (
                f"min(prompt {example.prompt:,} + output {example.output:,} up to a power of two, "
                f"max_model_len {example.max_model_len:,})"
            ),
        ),
        Rule(
            "oracle",
            "reserve just what will be stored, prompt + true output - 1 (looks at the output)",
            reserve_oracle,
            lambda spec, example: f"prompt {example.prompt:,} + output {example.output:,} - 1",
        ),
        Rule(
            "grow",
            "take chunks, move when the extent cannot extend",
            reserve_nothing,
            lambda spec, example: f"{example.stored:,} up to whole chunks of {spec.chunk:,}, moved if need be",
        ),
    )
}
"""All of them, as a scenario names them."""
