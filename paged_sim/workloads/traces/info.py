"""What a trace holds, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from paged_sim.content import number_blocks
from paged_sim.requests import Ints, Requests
from paged_sim.workloads.prefixes import ids_of
from paged_sim.workloads.sessions import link_turns, previous_turns
from paged_sim.workloads.traces import Reading, Trace, read_trace

PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class LengthStats:
    """Lengths in tokens; `quantiles` maps each percentage of `PERCENTS` to its length, linear between ranks."""

    mean: float
    min: int
    max: int
    quantiles: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class PrefixSharing:
    """What an endless prefix cache would hit, requests taken in order of arrival.

    A block is hit when it and all blocks before it in its request were seen in an earlier request. `blocks` and
    `tokens` are shares of all blocks and of all prompt tokens, `requests` the share of requests with a hit. Ids are
    known of the share `covered` of the prompt tokens.
    """

    block: int
    covered: float
    blocks: float
    tokens: float
    requests: float


@dataclass(frozen=True, slots=True)
class TraceInfo:
    """A trace in numbers, and how it was read.

    `told_by` says what told the format, `columns` which column is which field, `unused` names the others. `time_unit`
    is s, ms, us, ns, or "date"; `first_arrival` the time of the first request in the file, in seconds (since 1970 for
    dates), and `begins` says it in words; all None without times. `block_size` is None without ids. `sessions` counts
    those that are named.

    `span` (seconds from the first to the last request) and `mean_rate` (gaps / span, in requests per second) are None
    without times, the rate also where all requests arrive at once; `prefix` is None where no ids are given, and so
    is `tokens_with_answers`, its `tokens` where later turns also find the answers that their prompts hold. The three
    counts are those of `Trace`.
    """

    path: Path
    files: int
    format: str
    told_by: str
    columns: Mapping[str, str]
    unused: tuple[str, ...]
    time_unit: str | None
    block_size: int | None
    first_arrival: float | None
    begins: str | None
    requests: int
    sessions: int
    span: float | None
    mean_rate: float | None
    prompt: LengthStats
    output: LengthStats
    largest_total: int
    prefix: PrefixSharing | None
    tokens_with_answers: float | None
    skipped: Mapping[str, int]
    raised_outputs: int
    reordered: int
    warnings: tuple[str, ...]


def trace_info(path: Path | Sequence[Path], trace_format: str = "auto", reading: Reading | None = None) -> TraceInfo:
    """Read a trace, of one file or of several that are one run, and describe it.

    Raises:
        PagedSimError: as `read_trace`.
    """
    trace = read_trace(path, trace_format, reading=reading)
    requests = trace.requests
    span = float(requests.arrival[-1] - requests.arrival[0]) if trace.timed else None
    return TraceInfo(
        path=trace.path,
        files=trace.files,
        format=trace.format,
        told_by=trace.told_by.removeprefix(", "),
        columns=trace.columns,
        unused=trace.unused,
        time_unit=trace.time_unit,
        block_size=requests.prefix_block or None,
        first_arrival=trace.first_arrival,
        begins=trace.begins,
        requests=len(requests),
        sessions=len(np.unique(trace.rows.session[trace.rows.session >= 0])),
        span=span,
        mean_rate=(len(requests) - 1) / span if span else None,
        prompt=_stats(requests.prompt_tokens),
        output=_stats(requests.output_tokens),
        largest_total=int((requests.prompt_tokens + requests.output_tokens).max()),
        prefix=prefix_sharing(requests) if requests.prefix_block else None,
        tokens_with_answers=_share_with_answers(trace) if requests.prefix_block else None,
        skipped=trace.skipped,
        raised_outputs=trace.raised_outputs,
        reordered=trace.reordered,
        warnings=trace.warnings,
    )


def prefix_sharing(requests: Requests) -> PrefixSharing:
    """Hits of an endless cache over requests whose leading blocks have ids (`prefix_block` > 0)."""
    hits = _leading_hits(requests)
    known = np.minimum(np.diff(requests.prefix_offsets) * requests.prefix_block, requests.prompt_tokens)
    tokens = np.minimum(hits * requests.prefix_block, requests.prompt_tokens)
    return PrefixSharing(
        block=requests.prefix_block,
        covered=float(known.sum() / requests.prompt_tokens.sum()),
        blocks=float(hits.sum() / len(requests.prefix_ids)),
        tokens=float(tokens.sum() / requests.prompt_tokens.sum()),
        requests=float(np.mean(hits > 0)),
    )


def _share_with_answers(trace: Trace) -> float:
    """The share of prompt tokens that an endless cache hits where turns also find what the ones before generated."""
    requests, rows = trace.requests, trace.rows
    previous = previous_turns(rows.session, rows.turn)
    turns = link_turns(previous, rows.session >= 0, rows.prompt, rows.output, rows.prefix)
    # Of what a request generates whole blocks are found, and its last token is never stored.
    stored = np.minimum(turns.covered, rows.prompt + rows.output - 1) // requests.prefix_block
    own = np.diff(rows.prefix.offsets)
    ids = [
        ids_of(turns.prefix, index)[:count] if count > own[index] else ids_of(rows.prefix, index)
        for index, count in enumerate(stored.tolist())
    ]
    offsets = np.concatenate(([0], np.cumsum(list(map(len, ids)))))
    hits = _leading_hits(replace(requests, prefix_offsets=offsets, prefix_ids=np.concatenate(ids)))
    tokens = np.minimum(hits * requests.prefix_block, requests.prompt_tokens)
    return float(tokens.sum() / requests.prompt_tokens.sum())


def _leading_hits(requests: Requests) -> Ints:
    """Leading blocks of each request that an earlier one began with: those whose number is not new with it."""
    offsets = requests.prefix_offsets
    numbers = number_blocks(offsets, requests.prefix_ids)
    known = np.concatenate(([0], np.maximum.accumulate(numbers) + 1))[offsets[:-1]]
    request = np.repeat(np.arange(len(requests)), np.diff(offsets))
    return np.bincount(request[numbers < known[request]], minlength=len(requests))


def _stats(lengths: Ints) -> LengthStats:
    quantiles = np.percentile(lengths, PERCENTS)
    return LengthStats(
        mean=float(lengths.mean()),
        min=int(lengths.min()),
        max=int(lengths.max()),
        quantiles={percent: float(value) for percent, value in zip(PERCENTS, quantiles, strict=True)},
    )
