"""What the requests felt: how long they waited and why, how long they took, how much was computed twice.

All of it is over the whole run, from time 0 to its end, whatever `measure.warmup_requests` says.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from paged_sim.engine import machine as m
from paged_sim.engine.machine import Machine
from paged_sim.engine.refusals import REASONS
from paged_sim.requests import Floats, Ints
from paged_sim.result import Steps
from paged_sim.result.entry import (
    Felt,
    Latency,
    Quantiles,
    Series,
    Statistics,
    Throughput,
    Times,
    Tokens,
    Waiting,
)

SIDES: dict[Steps, slice] = {"saturated": slice(1, 2), "all": slice(0, 2)}

CAUSES = ("fragmentation", "capacity", "max_num_seqs", "token_budget", "watermark", "after_preemption")
"""Why a step is blocked, in the order of the machine's tallies."""

RequestColumns = dict[str, npt.NDArray[Any]]
"""What became of each request: columns of equal length by name."""


def felt_by_requests(machine: Machine) -> Felt:
    """The parts of the JSON that only the statistics of all requests can tell: these are too large to be kept."""
    return {
        "time": time_of(machine),
        "throughput": throughput_of(machine),
        "latency": latency_of(machine),
        "tokens": tokens_of(machine),
    }


def time_of(machine: Machine) -> Times:
    """When the last request ended and when the last one came, in seconds; without a clock in steps."""
    unit: Literal["s", "steps"] = "s" if machine.counts[m.TIMED] else "steps"
    return {"end": float(machine.times[m.NOW]), "last_arrival": float(machine.arrival.max(initial=0.0)), "unit": unit}


def throughput_of(machine: Machine) -> Throughput:
    """Requests finished and output tokens of theirs (of all samples), each divided by the run's time."""
    end = float(machine.times[m.NOW])
    if end == 0.0:
        return {"requests": None, "output_tokens": None}
    tokens = (machine.output * machine.samples)[machine.outcome == m.FINISHED].sum()
    return {"requests": int(machine.counts[m.NUM_FINISHED]) / end, "output_tokens": int(tokens) / end}


def latency_of(machine: Machine) -> Latency:
    """From arrival to the first admission, the first token and the end of the last, over the finished requests."""
    finished = machine.counts[m.NUM_FINISHED]
    done = slice(None) if finished == len(machine.arrival) else machine.outcome == m.FINISHED
    return {
        "queue": spread_of((machine.admitted - machine.arrival)[done]),
        "first_token": spread_of((machine.first_token - machine.arrival)[done]),
        "total": spread_of((ended_at(machine) - machine.arrival)[done]),
    }


def ended_at(machine: Machine) -> Floats:
    """When each request ended, the step that computed its last token included; NaN where it was refused."""
    finished = machine.counts[m.NUM_FINISHED]
    times = np.full(len(machine.arrival), np.nan)
    times[machine.ended[:finished]] = machine.ended_at[:finished]
    return times


def waited(machine: Machine) -> Floats:
    """How long each request was in the queue, returns after preemptions included; 0 if it was refused as it came."""
    return np.nan_to_num(machine.admitted - machine.arrival) + machine.losses[:, m.WAITED_AGAIN]


def spread_of(values: Floats) -> Quantiles:
    """Mean, quantiles (between the two nearest values, in proportion) and maximum; None where there are no values."""
    if not len(values):
        return {"mean": None, "p50": None, "p90": None, "p99": None, "max": None}
    p50, p90, p99 = np.quantile(values, (0.5, 0.9, 0.99), overwrite_input=True).tolist()
    return {"mean": float(values.mean()), "p50": p50, "p90": p90, "p99": p99, "max": float(values.max())}


def tokens_of(machine: Machine) -> Tokens:
    """Tokens computed, each time they were, and those that were computed again after a preemption.

    Of each request its prompt is computed once and what it generates for each sample, but what was found.
    """
    counts, done = machine.counts, machine.outcome == m.FINISHED
    needed = (machine.prompt + (machine.output - 1) * machine.samples)[done].sum()
    computed = int(needed + counts[m.UNDONE] - counts[m.HIT] - counts[m.HIT_AGAIN])
    again = int(machine.losses[:, m.RECOMPUTED].sum())
    return {"computed": computed, "recomputed": again, "recomputed_share": again / computed if computed else None}


def waiting_of(machine: Machine, over: Steps) -> Waiting:
    """The length of the queue over time, the share of time in which anybody waited, and that share by its causes.

    Shares are None where no time passed. `share_by.step` is the time in which requests waited for nothing but the step
    under way to end.
    """
    sides: dict[Steps, Statistics] = {side: queue_lengths(machine, side) for side in SIDES}
    queue = machine.queue_length
    end = float(machine.times[m.NOW])
    times = dict(zip((*CAUSES, "step"), [*machine.durations.tolist(), float(queue.between[0])], strict=True))
    if end == 0.0:
        return {**series_of(sides, over), "share": None, "share_by": dict.fromkeys(times)}
    shares = {cause: time / end for cause, time in times.items()}
    return {**series_of(sides, over), "share": sum(shares.values()), "share_by": {**shares}}


def series_of(sides: dict[Steps, Statistics], over: Steps) -> Series:
    """A series over both sides, with its mean and peak over the one that counts."""
    own = sides[over]
    return {"mean": own["mean"], "peak": own["peak"], "saturated": sides["saturated"], "all": sides["all"]}


def queue_lengths(machine: Machine, side: Steps) -> Statistics:
    """Mean, peak, p50 and p99 of the queue over the time of a side; None where there is none."""
    queue, rows = machine.queue_length, SIDES[side]
    histogram, scale = queue.histogram[rows].sum(axis=0), float(queue.scale[0])
    weight = float(histogram.sum())
    if weight == 0.0:
        return {"mean": None, "peak": None, "p50": None, "p99": None}
    return {
        "mean": float(queue.sums[rows].sum()) / weight,
        "peak": float(queue.peaks[rows].max()),
        "p50": quantile(histogram, 0.5) / scale,
        "p99": quantile(histogram, 0.99) / scale,
    }


def quantile(histogram: Floats, probability: float) -> float:
    """The first bin at which at least `probability` of the weight is reached."""
    cumulative = np.cumsum(histogram)
    return float(np.searchsorted(cumulative, probability * cumulative[-1] * (1 - 1e-12)))


def requests_of(machine: Machine, source: Ints) -> RequestColumns:
    """What became of each request, as columns of equal length; times from 0, NaN where a request came never so far.

    `source` numbers the requests where they are samples of others; empty where they are not.
    """
    losses, outcome = machine.losses, machine.outcome
    reasons = np.array([REASONS[code].reason if code in REASONS else "" for code in range(max(REASONS) + 1)], object)
    return {
        "request": source if len(source) else np.arange(len(outcome)),
        "arrival": machine.arrival,
        "admitted": machine.admitted,
        "first_token": machine.first_token,
        "finished": ended_at(machine),
        "waited": waited(machine),
        "preemptions": machine.preemptions,
        "prompt_tokens": machine.prompt,
        "output_tokens": machine.output,
        "recomputed_tokens": losses[:, m.RECOMPUTED].astype(np.int64),
        "found_tokens": machine.found,
        "refused": reasons[outcome],
    }
