"""Several files as one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Floats, Ints
from paged_sim.workloads.prefixes import PrefixIds
from paged_sim.workloads.traces.detect import Found
from paged_sim.workloads.traces.rows import Rows


def joined(parts: Sequence[tuple[Found, Rows]]) -> Rows:
    """The rows of all files, in the order of the file for one, in that of time for several.

    Files of conversations have clocks of their own, which are set to begin together; other files have one clock.

    Raises:
        PagedSimError: the files differ in their format, in whether they have times, or in their block size.
    """
    if len(parts) == 1:
        found, rows = parts[0]
        return _timed_in_sessions(rows.take(rows.order_of_time()) if found.form.local_ids else rows)
    _check_alike(parts)
    first = parts[0][1]
    unit = first.unit if all(rows.unit == first.unit for _, rows in parts) else "s"
    times = [_time(found, rows, first.per_second if unit == first.unit else 1.0) for found, rows in parts]
    time = None if first.time is None else _end_to_end(times)
    counts = np.concatenate([np.diff(rows.prefix.offsets) for _, rows in parts])
    block = max(rows.prefix.block for _, rows in parts)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    skipped: Counter[str] = Counter()
    for _, rows in parts:
        skipped.update(rows.skipped)
    whole = Rows(
        prompt=np.concatenate([rows.prompt for _, rows in parts]),
        output=np.concatenate([rows.output for _, rows in parts]),
        time=time,
        unit=unit,
        max_tokens=np.concatenate([rows.max_tokens for _, rows in parts]),
        session=np.concatenate([rows.session for _, rows in parts]),
        turn=np.concatenate([rows.turn for _, rows in parts]),
        delay=np.concatenate([rows.delay for _, rows in parts]),
        prefix=PrefixIds(offsets, np.concatenate([rows.prefix.ids for _, rows in parts]), block),
        skipped=dict(skipped),
        raised_outputs=sum(rows.raised_outputs for _, rows in parts),
    )
    whole = _timed_in_sessions(whole)
    return whole.take(whole.order_of_time())


def _end_to_end(times: Sequence[Ints | Floats]) -> Ints | Floats:
    whole = np.concatenate(times)
    return whole.astype(np.int64) if np.issubdtype(whole.dtype, np.integer) else whole.astype(np.float64)


def _time(found: Found, rows: Rows, per_second: float) -> Ints | Floats:
    time = np.zeros(0) if rows.time is None else rows.time
    if found.form.local_ids and len(time):
        time = time - time.min()
    return time if rows.per_second == per_second else time / rows.per_second


def _timed_in_sessions(rows: Rows) -> Rows:
    """A request that waits for an answer is listed with the time of the request before it, so that it stays behind.

    Where there is none before it, it is there from the start.
    """
    waiting = ~np.isnan(rows.delay)
    if rows.time is None or not waiting.any():
        return rows
    time, latest = rows.time.copy(), dict[int, float]()
    start = 0 if waiting.all() else time[~waiting].min()
    for index, (session, waits) in enumerate(zip(rows.session.tolist(), waiting.tolist(), strict=True)):
        if waits:
            time[index] = max(time[index], latest.get(session, start))
        latest[session] = time[index]
    return replace(rows, time=time)


def _check_alike(parts: Sequence[tuple[Found, Rows]]) -> None:
    first_found, first = parts[0]
    for found, rows in parts[1:]:
        if found.name != first_found.name:
            raise PagedSimError(
                f"{found.source.path}: {found.name}{found.why}, but {first_found.source.path} is {first_found.name}"
                f"{first_found.why}; give files of one format, or name it with `format`"
            )
        if (rows.time is None) != (first.time is None):
            raise PagedSimError(f"{found.source.path}: of the files only some have times; give those of one kind")
        if rows.prefix.block and first.prefix.block and rows.prefix.block != first.prefix.block:
            raise PagedSimError(
                f"{found.source.path}: blocks of {rows.prefix.block} tokens, but {first_found.source.path} has blocks "
                f"of {first.prefix.block}; give files of one block size"
            )
