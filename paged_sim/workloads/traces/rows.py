"""What every reader hands over: the rows of a trace as columns, in the order of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from paged_sim.requests import Floats, Ints
from paged_sim.workloads.prefixes import PrefixIds, take_ids

EMPTY_PROMPT = "empty prompt"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rows:
    """The usable rows of a trace; `seconds` is None where the file holds no times.

    `raised_outputs` counts rows with a prompt and an output of 0 tokens, read as 1: a server that computed a prompt
    sampled a token, and a request with an output of 1 stores just its prompt.
    """

    prompt: Ints
    output: Ints
    seconds: Floats | None
    prefix: PrefixIds
    skipped: Mapping[str, int]
    raised_outputs: int = 0

    def __len__(self) -> int:
        return len(self.prompt)

    def order_of_time(self) -> Ints:
        """Indices that sort the rows by time, ties in the order of the file."""
        if self.seconds is None:
            return np.arange(len(self))
        return np.argsort(self.seconds, kind="stable")

    def take(self, order: Ints) -> Rows:
        """The rows at `order`, in that order."""
        return replace(
            self,
            prompt=self.prompt[order],
            output=self.output[order],
            seconds=None if self.seconds is None else self.seconds[order],
            prefix=take_ids(self.prefix, order),
        )
