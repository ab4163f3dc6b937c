"""Traces that are tables with a line of column names: Azure, Vidur, BurstGPT, LLMServingSim."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.errors import PagedSimError
from paged_sim.requests import Floats, Ints
from paged_sim.workloads.prefixes import no_ids
from paged_sim.workloads.traces.cells import Block, column_names, date_column, read_blocks, time_column, token_column
from paged_sim.workloads.traces.rows import EMPTY_PROMPT, FAILED, Rows
from paged_sim.workloads.traces.values import shown

_NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class TableFormat:
    """The columns of one format; any other column is ignored.

    `time` is in `per_second` units a second, or a date and time where `dates` is true; where it is not `time_required`
    a file may do without. With `zero_is_failure` a row in which either count is 0 is a failed request.
    """

    prompt: str
    output: str
    time: str
    per_second: float = 1.0
    dates: bool = False
    time_required: bool = True
    zero_is_failure: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that a file must have."""
        return (self.time, self.prompt, self.output) if self.time_required else (self.prompt, self.output)


TABLES = {
    "azure": TableFormat("ContextTokens", "GeneratedTokens", "TIMESTAMP", per_second=_NANOSECONDS, dates=True),
    "vidur": TableFormat("num_prefill_tokens", "num_decode_tokens", "arrived_at", time_required=False),
    "burstgpt": TableFormat("Request tokens", "Response tokens", "Timestamp", zero_is_failure=True),
    "llmservingsim": TableFormat("input_toks", "output_toks", "arrival_time_ns", per_second=_NANOSECONDS),
}


class _Part(NamedTuple):
    """The usable rows of one block."""

    prompt: Ints
    output: Ints
    time: Floats | Ints | None
    skipped: int


def recognise_table(head: str) -> str | None:
    """The format whose columns the first line names: the one that most of them belong to, None where none does."""
    names = set(column_names(head.lstrip().split("\n", 1)[0]))
    matches = {name: len(names.intersection(form.required)) for name, form in TABLES.items()}
    best = max(matches, key=lambda name: matches[name])
    return best if matches[best] else None


def read_table(form: TableFormat, path: Path, wanted: int | None) -> Rows:
    """The first `wanted` usable rows of the file (all with None).

    Raises:
        PagedSimError: a column is missing, a row has too few or too many cells, or a cell holds no number.
    """
    parts: list[_Part] = []
    found = 0
    for block in read_blocks(path):
        if not parts:
            _check_columns(block, form)
        part = _read_part(form, block, None if wanted is None else wanted - found)
        parts.append(part)
        found += len(part.prompt)
        if found == wanted:
            break
    return _join(form, parts)


def _read_part(form: TableFormat, block: Block, wanted: int | None) -> _Part:
    prompt, output = token_column(block, form.prompt), token_column(block, form.output)
    time: Floats | Ints | None = None
    if form.dates:
        time = date_column(block, form.time)
    elif form.time in block.header:
        time = time_column(block, form.time, form.per_second)
    usable = (prompt > 0) & (output > 0) if form.zero_is_failure else prompt > 0
    kept = np.flatnonzero(usable)[:wanted]
    rows_used = int(kept[-1]) + 1 if len(kept) == wanted else len(prompt)
    return _Part(prompt[kept], output[kept], None if time is None else time[kept], rows_used - len(kept))


def _join(form: TableFormat, parts: list[_Part]) -> Rows:
    prompt = np.concatenate([part.prompt for part in parts] or [np.empty(0, dtype=np.int64)])
    output = np.concatenate([part.output for part in parts] or [np.empty(0, dtype=np.int64)])
    times = [part.time for part in parts if part.time is not None]
    skipped = sum(part.skipped for part in parts)
    return Rows(
        prompt=prompt,
        output=np.maximum(output, 1),
        seconds=_seconds(form, np.concatenate(times)) if times else None,
        prefix=no_ids(len(prompt)),
        skipped={FAILED if form.zero_is_failure else EMPTY_PROMPT: skipped} if skipped else {},
        raised_outputs=int(np.count_nonzero(output == 0)),
    )


def _seconds(form: TableFormat, times: npt.NDArray[np.int64 | np.float64]) -> Floats:
    """Seconds from the start: dates count from the earliest one. Exact until the last division."""
    start = times.min() if form.dates and len(times) else 0
    return (times - start) / form.per_second


def _check_columns(block: Block, form: TableFormat) -> None:
    for name in form.required:
        if name not in block.header:
            lower = {column.lower(): column for column in block.header if column not in form.required}
            close = difflib.get_close_matches(name.lower(), lower, n=1)
            names = ", ".join(map(shown, block.header[:8]))
            hint = f"rename {shown(lower[close[0]])}" if close else f"the first line names {names}"
            raise PagedSimError(f"{block.path}:{block.header_line}: no column {name!r}; {hint}")
