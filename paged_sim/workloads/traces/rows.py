"""What the reading of a file hands over: its rows as columns, in the order of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from paged_sim.requests import Floats, Ints
from paged_sim.workloads.prefixes import PrefixIds, take_ids
from paged_sim.workloads.traces.formats import UNITS
from paged_sim.workloads.traces.numbers import DATE


@dataclass(frozen=True, slots=True)
class Rows:
    """The usable rows of a trace, all columns of one length.

    `time` counts in `unit`, a name of `UNITS` or `DATE` for nanoseconds since 1970, whole ones as int64, so that
    nothing is lost before the start is taken off; None where the file holds no times. `max_tokens` is 0 where a row
    declares none, `session` and `turn` are -1, `delay` (seconds after the answer before it in the session) nan. The ids
    of `prefix` stand for `prefix.block` tokens each. `raised_outputs` counts rows with a prompt and an output of 0
    tokens, read as 1: a server that computed a prompt sampled a token, and a request with an output of 1 stores just
    its prompt.
    """

    prompt: Ints
    output: Ints
    time: Ints | Floats | None
    unit: str
    max_tokens: Ints
    session: Ints
    turn: Ints
    delay: Floats
    prefix: PrefixIds
    skipped: Mapping[str, int] = field(default_factory=dict)
    raised_outputs: int = 0

    @property
    def per_second(self) -> float:
        """Units of `time` in a second."""
        return UNITS["ns" if self.unit == DATE else self.unit]

    def __len__(self) -> int:
        return len(self.prompt)

    def order_of_time(self) -> Ints:
        """Indices that sort the rows by time, ties in the order of the file."""
        if self.time is None:
            return np.arange(len(self))
        return np.argsort(self.time, kind="stable")

    def take(self, order: Ints) -> Rows:
        """The rows at `order`, in that order."""
        return replace(
            self,
            prompt=self.prompt[order],
            output=self.output[order],
            time=None if self.time is None else self.time[order],
            max_tokens=self.max_tokens[order],
            session=self.session[order],
            turn=self.turn[order],
            delay=self.delay[order],
            prefix=take_ids(self.prefix, order),
        )
