"""Requests as columns: what every workload generator and trace reader makes, and all that the engine reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Beams:
    """How beams are continued: each by itself with probability `keep`, else by one drawn from all; by `seed`."""

    keep: float
    seed: int


@dataclass(frozen=True, slots=True)
class Requests:
    """`n` requests in order of arrival (ties: in order of the source).

    All token columns are int64 of length n. `arrival` is in seconds from the start, never decreasing; with `users`
    (a closed loop) it is all zero and the engine sends request i when a user is free.
    `prefix_ids[prefix_offsets[i]:prefix_offsets[i+1]]` are the ids of request i's leading blocks of `prefix_block`
    tokens each: equal ids at equal positions are equal tokens. `prefix_block` is 0 where nothing is known to be shared.
    `samples` are the sequences of each request: they have its prompt and its lengths; with `beams` they are its beams.
    """

    arrival: Floats
    prompt_tokens: Ints
    output_tokens: Ints
    max_tokens: Ints
    samples: Ints
    prefix_offsets: Ints
    prefix_ids: Ints
    prefix_block: int = 0
    users: int = 0
    think: float = 0.0
    beams: Beams | None = None

    def __len__(self) -> int:
        return len(self.prompt_tokens)

    @property
    def stored_tokens(self) -> Ints:
        """Tokens each request has stored at its end: the last sampled token is never stored."""
        return self.prompt_tokens + self.output_tokens - 1
