"""Requests as columns: what every workload generator and trace reader makes, and all that the engine reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


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
    `source` is empty, or the number of the request that each one is a sample of: those have one prompt.
    `samples` are the sequences of each request: they have its prompt and its lengths; with `beams` they are its beams.
    `covered` is empty, or how many tokens of each request its ids tell: those of its prompt, and where a later prompt
    holds its answer, generated ones too. `chain` is empty, or -1 or a number: the prompt and answer of one request with
    it are the beginning of the prompt of the next.
    `after` is empty, or -1 or the number of the request that each one waits for (one at most for each); it is sent
    `delay` seconds after that one has ended, and its `arrival` says nothing but its place in order.
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
    source: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    beams: Beams | None = None
    covered: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    chain: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    after: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    delay: Floats = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.prompt_tokens)

    @property
    def stored_tokens(self) -> Ints:
        """Tokens each request has stored at its end: the last sampled token is never stored."""
        return self.prompt_tokens + self.output_tokens - 1

    def spread_samples(self) -> Requests:
        """Each sample as a request of its own; these very requests where there is one of each."""
        if not len(self) or int(self.samples.max()) == 1:
            return self
        source = np.repeat(np.arange(len(self)), self.samples)
        counts = np.diff(self.prefix_offsets)[source]
        offsets = np.concatenate(([0], np.cumsum(counts)))
        where = np.arange(offsets[-1]) + np.repeat(self.prefix_offsets[source] - offsets[:-1], counts)
        return replace(
            self,
            arrival=self.arrival[source],
            prompt_tokens=self.prompt_tokens[source],
            output_tokens=self.output_tokens[source],
            max_tokens=self.max_tokens[source],
            samples=np.ones(len(source), np.int64),
            prefix_offsets=offsets,
            prefix_ids=self.prefix_ids[where],
            source=source,
            covered=self.covered[source] if len(self.covered) else self.covered,
            chain=self.chain[source] if len(self.chain) else self.chain,
            after=self._after_samples(source),
            delay=self.delay[source] if len(self.delay) else self.delay,
        )

    def _after_samples(self, source: Ints) -> Ints:
        """What each sample waits for: the sample of its own number of the request before, or the last one of that."""
        if not len(self.after):
            return self.after
        first = np.cumsum(self.samples) - self.samples
        before = self.after[source]
        number = np.minimum(np.arange(len(source)) - first[source], self.samples[before] - 1)
        return np.where(before >= 0, first[before] + number, -1)
