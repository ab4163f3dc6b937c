"""What became of each request, as one CSV: a row per request, policy and seed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from paged_sim.run import Run

COLUMNS = (
    "seed",
    "request",
    "arrival",
    "admitted",
    "first_token",
    "finished",
    "waited",
    "preemptions",
    "prompt_tokens",
    "output_tokens",
    "recomputed_tokens",
    "found_tokens",
    "refused",
)
_ROWS_AT_ONCE = 1 << 14


def write_requests(runs: Sequence[Run], write: Callable[[str], object]) -> None:
    """Write the CSV piece by piece: scenario, policy, then `COLUMNS`, each with what `PolicyRun.requests` has of it.

    Times have as many digits as give the same number again; a time that never came is an empty cell.
    """
    write(",".join(("scenario", "policy", *COLUMNS)) + "\n")
    for run in runs:
        for part in run.policies:
            for begin in range(0, len(part.requests["request"]), _ROWS_AT_ONCE):
                rows = slice(begin, begin + _ROWS_AT_ONCE)
                cells = (_cells(part.requests[name][rows]) for name in COLUMNS)
                text = io.StringIO()
                named = (repeat(run.scenario["name"]), repeat(part.summary["name"]))
                csv.writer(text, lineterminator="\n").writerows(zip(*named, *cells, strict=False))
                write(text.getvalue())


def _cells(column: npt.NDArray[Any]) -> list[Any]:
    """Numbers as the writer writes them: with `repr`, and NaN, which no number equals, as nothing."""
    values: list[Any] = column.tolist()
    return ["" if value != value else value for value in values] if column.dtype.kind == "f" else values
