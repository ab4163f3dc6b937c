"""Declared limits on the output (`max_tokens`) and the cuts that keep a request within what a server allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paged_sim.requests import Ints

MOST_TOKENS = 2**40
"""More tokens than any request has; sums over millions of requests still fit 64 bits."""

Params = Mapping[str, Any]


def constant(params: Params, output: Ints) -> Ints:
    """The same `value` for every request."""
    return np.full(len(output), params["value"], dtype=np.int64)


def exact(output: Ints) -> Ints:
    """Just the output: every request knows beforehand how long it will be."""
    return output.copy()


def factor(params: Params, output: Ints) -> Ints:
    """The output times `factor`, rounded up, at least 1."""
    # A product such as 10 * 1.1 = 11.000000000000002 must not be rounded up to 12.
    limits = np.ceil(np.round(output * float(params["factor"]), 6))
    return np.clip(limits, 1, MOST_TOKENS).astype(np.int64)


def cut_to_model(prompt: Ints, output: Ints, max_model_len: int) -> Ints:
    """Outputs cut so that prompt + output <= `max_model_len`.

    A request whose prompt leaves no room for one output token is left as it is: the engine refuses it.
    """
    room = max_model_len - prompt
    return np.where(room >= 1, np.minimum(output, room), output)
