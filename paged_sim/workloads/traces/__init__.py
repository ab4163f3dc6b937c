"""Recorded request files: every public format, told apart by content, read into requests."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Requests
from paged_sim.workloads.traces.conversations import read_conversation
from paged_sim.workloads.traces.json_lines import JSON_LINES, read_json_lines
from paged_sim.workloads.traces.opening import read_head
from paged_sim.workloads.traces.rows import Rows
from paged_sim.workloads.traces.tables import TABLES, read_table, recognise_table
from paged_sim.workloads.traces.values import shown

Reader = Callable[[Path, int | None], Rows]

TRACE_FORMATS: dict[str, str] = {
    "azure": "Azure LLM inference CSV: TIMESTAMP, ContextTokens, GeneratedTokens",
    "vidur": "Vidur or Sarathi CSV: num_prefill_tokens, num_decode_tokens and perhaps arrived_at (s)",
    "burstgpt": "BurstGPT CSV: Timestamp (s), Request tokens, Response tokens; rows of 0 tokens are failures",
    "llmservingsim": "LLMServingSim TSV: input_toks, output_toks, arrival_time_ns",
    "mooncake": "Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids of 512 tokens",
    "requests": "JSON lines: prompt_tokens, output_tokens and perhaps arrival (s) and hash_ids of 16 tokens",
    "kv-cache-tester": "kv-cache-tester JSON: one conversation with requests[] of t (s), in, out, hash_ids",
}

_READERS: dict[str, Reader] = {
    **{name: partial(read_table, form) for name, form in TABLES.items()},
    **{name: partial(read_json_lines, form) for name, form in JSON_LINES.items()},
    "kv-cache-tester": lambda path, wanted: read_conversation(path),
}


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace as requests, sorted by arrival; `max_tokens` is the true output.

    `timed` says whether the file holds times (all arrivals are 0 otherwise). `skipped` counts the rows that are no
    requests by reason, `raised_outputs` the outputs of 0 tokens read as 1, `reordered` the rows that the file lists
    after a later one.
    """

    path: Path
    format: str
    requests: Requests
    timed: bool
    skipped: Mapping[str, int]
    raised_outputs: int
    reordered: int


def read_trace(
    path: Path, trace_format: str = "auto", limit: int | None = None, skip: int = 0, speedup: float = 1.0
) -> Trace:
    """Read a trace file, plain or gzipped.

    Args:
        path: The file.
        trace_format: A name of `TRACE_FORMATS`, or "auto" to tell by the content.
        limit: Read this many requests, those the file lists first; the rest of the file is not looked at.
        skip: Leave out as many before them; then the first request kept arrives at 0.
        speedup: Divide all times by this.

    Raises:
        PagedSimError: the file cannot be read or is of no known format, a row is malformed, no request is left.
    """
    _check_selection(limit, skip, speedup)
    name = _recognise(path) if trace_format == "auto" else _known(trace_format)
    rows = _READERS[name](path, None if limit is None else skip + limit)
    rows = rows.take(np.arange(len(rows))[skip : None if limit is None else skip + limit])
    if not len(rows):
        reasons = "".join(f"; {count:,} rows are left out: {reason}" for reason, count in rows.skipped.items())
        skipping = f" after the first {skip:,}" if skip else ""
        raise PagedSimError(f"{path}: no request{skipping}{reasons}; give a trace with at least one")
    reordered = 0 if rows.seconds is None else int(np.count_nonzero(np.diff(rows.seconds) < 0))
    rows = rows.take(rows.order_of_time())
    return Trace(
        path=path,
        format=name,
        requests=_requests(rows, from_first=skip > 0, speedup=speedup),
        timed=rows.seconds is not None,
        skipped=rows.skipped,
        raised_outputs=rows.raised_outputs,
        reordered=reordered,
    )


def _check_selection(limit: int | None, skip: int, speedup: float) -> None:
    if limit is not None and limit < 1:
        raise PagedSimError(f"trace limit: {limit} requests; give 1 or more, or none to read the whole trace")
    if skip < 0:
        raise PagedSimError(f"trace skip: {skip} requests; give 0 or more")
    if not 0 < speedup < math.inf:
        raise PagedSimError(f"trace speedup: {speedup}; give a number above 0, such as 2 for twice the rate")


def _requests(rows: Rows, from_first: bool, speedup: float) -> Requests:
    count = len(rows)
    seconds = np.zeros(count) if rows.seconds is None else rows.seconds
    if from_first:
        seconds = seconds - seconds[0]
    return Requests(
        arrival=seconds / speedup,
        prompt_tokens=rows.prompt,
        output_tokens=rows.output,
        max_tokens=rows.output,
        samples=np.ones(count, dtype=np.int64),
        prefix_offsets=rows.prefix.offsets,
        prefix_ids=rows.prefix.ids,
        prefix_block=rows.prefix.block,
    )


def _known(name: str) -> str:
    if name in _READERS:
        return name
    close = difflib.get_close_matches(name, _READERS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the formats are auto, {', '.join(_READERS)}"
    raise PagedSimError(f"unknown trace format {name!r}; {hint}")


def _recognise(path: Path) -> str:
    """Tell the format by the names in the first line, or by the keys where it begins a JSON object."""
    head = read_head(path).lstrip()
    first_line = head.split("\n", 1)[0].strip()
    if first_line.startswith("{"):
        keys = set(re.findall(r'"(\w+)"\s*:', first_line))
        name = next((name for name, form in JSON_LINES.items() if keys & {form.prompt, form.output}), None)
        # A conversation is one object, on one line or indented over many.
        found = name or ("kv-cache-tester" if re.search(r'"requests"\s*:', head) else None)
    else:
        found = recognise_table(head)
    if found is None:
        raise PagedSimError(
            f"{path}: unknown trace format, its first line is {shown(first_line)}; "
            f"the formats are {', '.join(_READERS)}; name one with `format` if this is one of them"
        )
    return found
