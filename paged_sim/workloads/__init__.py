"""From a workload's description to its requests: the tables of generators, and the one function that uses them.

Draws come from one generator in a fixed order: prompts, outputs, arrivals, prefixes, the seed of beams; each for all
requests at once. So another arrival process leaves the lengths as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from paged_sim.errors import PagedSimError
from paged_sim.requests import Beams, Floats, Ints, Requests
from paged_sim.workloads import arrivals, lengths, limits
from paged_sim.workloads.prefixes import PrefixIds, no_ids, put_in_front
from paged_sim.workloads.presets import describe_presets, histogram_presets
from paged_sim.workloads.sessions import link_turns, previous_turns
from paged_sim.workloads.traces import TRACE_FORMATS, Reading, Trace, read_trace
from paged_sim.workloads.traces.info import TraceInfo, trace_info

if TYPE_CHECKING:
    from paged_sim.scenario.models import ListedRequest, TraceSource, Variant, Workload

__all__ = [
    "ARRIVALS",
    "LENGTHS",
    "MAX_TOKENS",
    "TRACE_FORMATS",
    "Drawn",
    "Reading",
    "Trace",
    "TraceInfo",
    "describe_presets",
    "histogram_presets",
    "make_requests",
    "read_trace",
    "trace_info",
]

LENGTHS: dict[str, Callable[[Mapping[str, Any], int, np.random.Generator], Ints]] = {
    "constant": lengths.constant,
    "uniform": lengths.uniform,
    "normal": lengths.normal,
    "lognormal": lengths.lognormal,
    "gamma": lengths.gamma,
    "histogram": lengths.histogram,
    "quantiles": lengths.quantiles,
    "choice": lengths.choice,
    "values": lengths.values,
}

ARRIVALS: dict[str, Callable[[Mapping[str, Any], int, np.random.Generator], Floats]] = {
    "saturated": arrivals.saturated,
    "poisson": arrivals.poisson,
    "gamma": arrivals.gamma,
    "on_off": arrivals.on_off,
    "every": arrivals.every,
    "users": arrivals.users,
}

MAX_TOKENS: dict[str, Callable[[Mapping[str, Any], Ints], Ints]] = {
    "constant": limits.constant,
    "output": lambda _, output: limits.exact(output),
    "factor": limits.factor,
}


_Column = TypeVar("_Column", Ints, Floats)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The requests of one run and what had to be done to get them.

    `timed` says that time matters: requests arrive over time, or users think between requests. `skipped` counts rows
    of the trace that are no requests, by reason; `cut_outputs` requests whose output was cut to fit `max_model_len` or
    their `max_tokens`. `notes` are sentences for the user.
    """

    requests: Requests
    timed: bool
    cut_outputs: int
    trace_format: str | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """Requests before arrivals, prefixes and limits: `arrival` is None without times, `declared` 0 without a limit.

    `previous` is empty, or the request before each one in its session, or -1; with `answers` its prompt may
    hold the answer to that one.
    """

    prompt: Ints
    output: Ints
    declared: Ints
    arrival: Floats | None
    prefix: PrefixIds
    trace: Trace | None = None
    previous: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    answers: bool = True


def make_requests(workload: Workload, max_model_len: int, rng: np.random.Generator, *, shared: bool = True) -> Drawn:
    """The requests of a workload: drawn, listed or read from its trace.

    Requests that bring times of their own (a trace with times, a list with an arrival above 0) keep them; all others
    arrive as `workload.arrival` says. A shared prefix goes in front of the prompt. Then an output is cut so that prompt
    + output <= `max_model_len`, except where the prompt alone leaves no room for it (the engine refuses that request),
    and so that it is at most `max_tokens`. The declared limits are left as they are. What the turns of conversations
    share is worked out where it is asked for (`shared`): by a prefix cache.

    Raises:
        PagedSimError: the trace cannot be read, a preset is unknown, or the workload names no source of requests.
    """
    source = _source(workload, rng)
    count = len(source.prompt)
    arrival = source.arrival
    if arrival is None:
        arrival = _draw(ARRIVALS, "arrival", workload.arrival, count, rng)
    prompt, prefix = source.prompt, source.prefix
    if workload.prefix is not None:
        prompt, prefix = put_in_front(workload.prefix, prompt, prefix, rng, source.previous)
    conversations = _conversations(source, prompt, prefix, shared)
    fitting = limits.cut_to_model(prompt, source.output, max_model_len)
    declared = MAX_TOKENS[workload.max_tokens.kind](workload.max_tokens.params, fitting)
    max_tokens = np.where(source.declared > 0, source.declared, declared)
    output = np.minimum(fitting, max_tokens)
    users, think = _closed_loop(workload.arrival, source)
    requests = Requests(
        arrival=arrival,
        prompt_tokens=prompt,
        output_tokens=output,
        max_tokens=max_tokens,
        samples=np.full(count, workload.beam.width if workload.beam else workload.samples, dtype=np.int64),
        prefix_offsets=conversations.prefix.offsets,
        prefix_ids=conversations.prefix.ids,
        prefix_block=prefix.block,
        users=users,
        think=think,
        beams=Beams(workload.beam.keep, int(rng.integers(1 << 32))) if workload.beam else None,
        covered=conversations.covered,
        chain=conversations.chain,
        after=source.trace.requests.after if source.trace else np.zeros(0, np.int64),
        delay=source.trace.requests.delay if source.trace else np.zeros(0),
    )
    return Drawn(
        requests=requests,
        timed=bool(np.any(arrival > 0)) or think > 0 or bool(np.any(requests.delay > 0)),
        cut_outputs=int(np.count_nonzero(output < source.output)),
        trace_format=source.trace.format if source.trace else None,
        skipped=source.trace.skipped if source.trace else {},
        notes=(*_notes(workload, source), *conversations.notes),
    )


def _source(workload: Workload, rng: np.random.Generator) -> _Source:
    if workload.trace is not None:
        return _traced(workload.trace)
    if workload.listed:
        return _listed(workload.listed)
    if workload.count is None or workload.prompt is None or workload.output is None:
        raise PagedSimError("workload: no requests; give requests with prompt and output, a list of them, or a trace")
    count = workload.count
    prompt = _draw(LENGTHS, "prompt", workload.prompt, count, rng)
    output = _draw(LENGTHS, "output", workload.output, count, rng)
    return _Source(prompt, output, np.zeros(count, dtype=np.int64), None, no_ids(count))


def _draw(
    table: Mapping[str, Callable[[Mapping[str, Any], int, np.random.Generator], _Column]],
    key: str,
    variant: Variant,
    count: int,
    rng: np.random.Generator,
) -> _Column:
    """Draw a column; parameters too extreme to draw from are the user's mistake."""
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            column = table[variant.kind](variant.params, count, rng)
        problem = "" if np.all(np.isfinite(column)) and np.all(column >= 0) else "the numbers leave the range"
    except PagedSimError as error:
        raise PagedSimError(f"workload.{key}: {error}") from None
    except (ValueError, ArithmeticError) as error:
        problem = str(error)
    if problem:
        given = ", ".join(f"{name}: {value}" for name, value in variant.params.items())
        raise PagedSimError(
            f"workload.{key}: cannot draw from {variant.kind} {{{given}}} ({problem}); give less extreme values"
        )
    return column


def _traced(source: TraceSource) -> _Source:
    reading = Reading(source.columns, source.time_unit, source.block_size, source.tokenizer)
    trace = read_trace(source.paths, source.format, source.limit, source.skip, source.speedup, reading)
    requests = trace.requests
    waits = bool(np.any(requests.after >= 0))
    return _Source(
        prompt=requests.prompt_tokens,
        output=requests.output_tokens,
        declared=trace.rows.max_tokens,
        arrival=requests.arrival if trace.timed or waits else None,
        prefix=PrefixIds(requests.prefix_offsets, requests.prefix_ids, requests.prefix_block),
        trace=trace,
        previous=previous_turns(trace.rows.session, trace.rows.turn),
        answers=source.answers,
    )


@dataclass(frozen=True, slots=True)
class _Conversations:
    """What the turns of a trace's conversations share: columns of `Requests`, and sentences for the user."""

    prefix: PrefixIds
    covered: Ints
    chain: Ints
    notes: tuple[str, ...] = ()


def _conversations(source: _Source, prompt: Ints, prefix: PrefixIds, shared: bool) -> _Conversations:
    """Let the prompts of later turns hold the answers of the ones before, where the trace says or shows it."""
    nothing = np.zeros(0, np.int64)
    if source.trace is None or not source.answers or not shared:
        return _Conversations(prefix, nothing, nothing)
    linked = link_turns(source.previous, source.trace.rows.session >= 0, prompt, source.output, prefix)
    turns, continued = int(np.count_nonzero(source.previous >= 0)), int(np.count_nonzero(linked.goes_on))
    answered = int(np.count_nonzero(linked.covered > prompt))
    notes = []
    if turns:
        notes.append(
            f"of {turns:,} later turns of sessions {continued:,} hold the prompt and the answer before them, "
            f"{turns - continued:,} do not"
        )
    elif answered:
        notes.append(f"requests whose answer the ids find again in a later prompt: {answered:,}")
    return _Conversations(linked.prefix, linked.covered, linked.chain if continued else nothing, tuple(notes))


def _listed(listed: tuple[ListedRequest, ...]) -> _Source:
    ordered = sorted(listed, key=lambda request: request.arrival)
    arrival = np.array([request.arrival for request in ordered], dtype=np.float64)
    return _Source(
        prompt=np.array([request.prompt for request in ordered], dtype=np.int64),
        output=np.array([request.output for request in ordered], dtype=np.int64),
        declared=np.array([request.max_tokens or 0 for request in ordered], dtype=np.int64),
        arrival=arrival if np.any(arrival > 0) else None,
        prefix=no_ids(len(ordered)),
    )


def _closed_loop(arrival: Variant, source: _Source) -> tuple[int, float]:
    """Users and their think time in seconds; none where the requests bring their own times."""
    if arrival.kind != "users" or source.arrival is not None:
        return 0, 0.0
    return int(arrival.params["users"]), float(arrival.params.get("think", 0.0))


def _notes(workload: Workload, source: _Source) -> tuple[str, ...]:
    notes = []
    if source.arrival is not None and workload.arrival.kind != "saturated":
        notes.append(f"the requests keep the times they come with; arrival {workload.arrival.kind!r} is not used")
    if source.trace:
        notes += source.trace.warnings
    if source.trace and source.trace.first_arrival and source.trace.time_unit != "date":
        notes.append(f"the run begins at the trace's first request, at {source.trace.begins}")
    if source.trace and source.trace.raised_outputs:
        notes.append(f"requests of the trace with an output of 0 tokens, read as 1: {source.trace.raised_outputs:,}")
    if source.trace and source.trace.reordered:
        notes.append(f"rows that the trace lists after a later one, sorted by time: {source.trace.reordered:,}")
    return tuple(notes)
