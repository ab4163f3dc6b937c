"""Reservation rules of contiguous allocation: how many slots a request asks for, before anything is placed.

After section 3 of the PagedAttention paper (Kwon et al., SOSP 2023): `max`, `pow2` and `oracle` are its Orca (Max),
(Pow2) and (Oracle). `oracle` and `pow2` look at the true output length, which no real server knows; they bound what
better length prediction could bring.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paged_sim.requests import Ints, Requests

GROW = "grow"


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


RULES: dict[str, Callable[[Requests, int], Ints]] = {
    "max": reserve_max,
    "limit": reserve_limit,
    "pow2": reserve_pow2,
    "oracle": reserve_oracle,
}
"""The rules that fix a reservation once; `grow` asks for chunks as the sequence grows and has no such rule."""
