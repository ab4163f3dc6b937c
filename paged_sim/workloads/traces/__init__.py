"""Recorded request files: every public format and any table, told apart by content, read into requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Requests
from paged_sim.wording import suggestion
from paged_sim.workloads.sessions import previous_turns
from paged_sim.workloads.traces.columns import Plan, plan_columns
from paged_sim.workloads.traces.detect import Found, open_trace
from paged_sim.workloads.traces.formats import FIELDS, FORMATS, UNITS
from paged_sim.workloads.traces.joining import joined
from paged_sim.workloads.traces.numbers import DATE, SINCE_2001
from paged_sim.workloads.traces.opening import no_request
from paged_sim.workloads.traces.reading import SharedNames, read_rows
from paged_sim.workloads.traces.rows import Rows
from paged_sim.workloads.traces.text import TokenCounter
from paged_sim.workloads.traces.warnings import warnings_of

TRACE_FORMATS: dict[str, str] = {name: form.what for name, form in FORMATS.items()}


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a trace: what its format does not say, or says otherwise.

    `columns` names the column of a field of `FIELDS`, by name, by its number from 1, or as a path of keys with dots.
    `time_unit` is a name of `UNITS`, `block_size` the tokens that each of the `hash_ids` stands for,
    `tokenizer` a tokenizer.json that counts the tokens of text.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    block_size: int | None = None
    tokenizer: Path | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace as requests, sorted by arrival; the first one arrives at 0.

    `max_tokens` is the true output where the file declares none. `timed` says whether the file holds times (all
    arrivals are 0 otherwise); `first_arrival` is the first kept request's time in the file in seconds, since 1970 for
    dates. `time_unit` is a name of `UNITS`, "date" or None. `session` and `previous` are those of `Rows` and
    `previous_turns`; `declared` is 0 where a request declares no limit. `skipped` counts the rows that are no requests
    by reason, `raised_outputs` the outputs of 0 tokens read as 1, `reordered` the rows that the file lists after a
    later one. `columns` are the columns used, by field, and `unused` the others. `warnings` are sentences.
    """

    path: Path
    files: int
    format: str
    told_by: str
    requests: Requests
    timed: bool
    time_unit: str | None
    first_arrival: float | None
    columns: Mapping[str, str]
    unused: tuple[str, ...]
    skipped: Mapping[str, int]
    raised_outputs: int
    reordered: int
    warnings: tuple[str, ...]
    rows: Rows

    @property
    def begins(self) -> str | None:
        """The time of the first request in words: a date where it is one, or where it counts from 1970."""
        if self.first_arrival is None:
            return None
        if self.time_unit == DATE or self.first_arrival > SINCE_2001:
            return f"{datetime.fromtimestamp(self.first_arrival, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.first_arrival:,.10g} s"


def read_trace(
    path: Path | Sequence[Path],
    trace_format: str = "auto",
    limit: int | None = None,
    skip: int = 0,
    speedup: float = 1.0,
    reading: Reading | None = None,
) -> Trace:
    """Read a trace, plain or gzipped, from one file or from several that are one run.

    Args:
        path: The file, or files of one format; conversations of one file each all begin together.
        trace_format: A name of `TRACE_FORMATS`, or "auto" to tell by the content.
        limit: Read this many requests, those the file lists first (of several files the earliest); the rest of one file
            is not looked at.
        skip: Leave out as many before them.
        speedup: Divide all times by this.
        reading: What the format does not say.

    Raises:
        PagedSimError: a file cannot be read or is of no known format, a row is malformed, no request is left.
    """
    reading = reading or Reading()
    _check(trace_format, reading)
    _check_selection(limit, skip, speedup)
    paths = [path] if isinstance(path, Path) else list(path)
    wanted = None if limit is None or len(paths) > 1 else skip + limit
    names = SharedNames(ids={} if len(paths) > 1 else None)
    opened = [_read(each, trace_format, reading, wanted, names) for each in paths]
    found, plan, _ = opened[0]
    rows = joined([(each, rows) for each, _, rows in opened])
    if skip or limit is not None:
        rows = rows.take(np.arange(len(rows))[skip : None if limit is None else skip + limit])
    if not len(rows):
        reasons = "".join(f"; {count:,} rows are left out: {reason}" for reason, count in rows.skipped.items())
        skipping = f" after the first {skip:,}" if skip else ""
        raise no_request(paths[0], f"{skipping}{reasons}")
    listed = None if rows.time is None else rows.time[np.isnan(rows.delay)]
    reordered = 0 if listed is None else int(np.count_nonzero(np.diff(listed) < 0))
    if rows.time is not None and np.any(np.diff(rows.time) < 0):
        rows = rows.take(rows.order_of_time())
    requests = _requests(rows, speedup)
    return Trace(
        path=paths[0],
        files=len(paths),
        format=found.name,
        told_by=found.why,
        requests=requests,
        timed=rows.time is not None,
        time_unit=None if rows.time is None else rows.unit,
        first_arrival=None if rows.time is None else float(rows.time[0]) / rows.per_second,
        columns=plan.columns,
        unused=plan.unused,
        skipped=rows.skipped,
        raised_outputs=rows.raised_outputs,
        reordered=reordered,
        warnings=tuple(warnings_of(found, plan, rows, reading.time_unit, reading.block_size)),
        rows=rows,
    )


def _read(
    path: Path, trace_format: str, reading: Reading, wanted: int | None, names: SharedNames
) -> tuple[Found, Plan, Rows]:
    counter = None if reading.tokenizer is None else TokenCounter(reading.tokenizer)
    found = open_trace(path, trace_format, reading.columns, wanted, counts_text=counter is not None)
    try:
        plan = plan_columns(found.form, found.source, reading.columns, reading.time_unit, counter)
        return found, plan, read_rows(found.source, found.form, plan, wanted, reading.block_size, names)
    except PagedSimError as error:
        raise found.explain(error) from None


def _check(trace_format: str, reading: Reading) -> None:
    if trace_format != "auto" and trace_format not in FORMATS:
        raise PagedSimError(f"unknown trace format {trace_format!r}; {_like(trace_format, FORMATS)}")
    for name in reading.columns:
        if name not in FIELDS:
            raise PagedSimError(f"trace columns: unknown field {name!r}; {_like(name, FIELDS)}")
    if reading.time_unit is not None and reading.time_unit not in UNITS:
        raise PagedSimError(f"trace time_unit: unknown unit {reading.time_unit!r}; the units are {', '.join(UNITS)}")
    if reading.block_size is not None and reading.block_size < 1:
        raise PagedSimError(f"trace block_size: {reading.block_size} tokens; give 1 or more")


def _check_selection(limit: int | None, skip: int, speedup: float) -> None:
    if limit is not None and limit < 1:
        raise PagedSimError(f"trace limit: {limit} requests; give 1 or more, or none to read the whole trace")
    if skip < 0:
        raise PagedSimError(f"trace skip: {skip} requests; give 0 or more")
    if not 0 < speedup < math.inf:
        raise PagedSimError(f"trace speedup: {speedup}; give a number above 0, such as 2 for twice the rate")


def _like(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    auto = ["auto"] if known is FORMATS else []
    return suggestion(name, known, f"there are {', '.join([*auto, *known])}", most=1)


def _requests(rows: Rows, speedup: float) -> Requests:
    count = len(rows)
    seconds = np.zeros(count) if rows.time is None else (rows.time - rows.time[0]) / rows.per_second
    previous = previous_turns(rows.session, rows.turn)
    waits = (previous >= 0) & ~np.isnan(rows.delay)
    return Requests(
        arrival=seconds / speedup,
        prompt_tokens=rows.prompt,
        output_tokens=rows.output,
        max_tokens=np.where(rows.max_tokens > 0, rows.max_tokens, rows.output),
        samples=np.ones(count, dtype=np.int64),
        prefix_offsets=rows.prefix.offsets,
        prefix_ids=rows.prefix.ids,
        prefix_block=rows.prefix.block,
        after=np.where(waits, previous, -1) if waits.any() else np.zeros(0, np.int64),
        delay=np.where(waits, rows.delay / speedup, 0.0) if waits.any() else np.zeros(0),
    )
