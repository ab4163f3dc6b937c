"""The numbers that comparisons show: their names in tables, and how each is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from paged_sim.changes import ACCOUNT_BETTER, account_path
from paged_sim.result import Steps, value_at

from .numbers import MISSING, amount, count, duration, mean, percent, seconds, signed

_LARGE = 10.0
"""A number that has become so many times as large is shown as a multiple."""


class Metric(NamedTuple):
    """A number of the JSON by its path, its name in tables, and how it is written.

    `write_in` writes one that is a time or a rate, with the unit of its entry's times, "s" or "steps".
    """

    path: str
    label: str
    write: Callable[[float | None], str]
    write_in: Callable[[float | None, str], str] | None = None

    def text(self, value: float | None, entry: Mapping[str, Any] | None) -> str:
        """The number as a cell, for this entry."""
        if self.write_in is None or value is None:
            return self.write(value)
        return self.write_in(value, str(value_at(entry, "time.unit")))


def rate(value: float | None, unit: str) -> str:
    """So many a second, or a step."""
    return f"{seconds(value)}/{unit.removesuffix('s') or 's'}"


_DELAYS = {"queue": "queueing delay", "first_token": "first token", "total": "time in system"}

METRICS = (
    Metric("batch.mean", "sequences held, mean", mean),
    Metric("batch.peak", "sequences held, peak", count),
    Metric("time.end", "end of last request", seconds, duration),
    Metric("throughput.requests", "requests", seconds, rate),
    Metric("throughput.output_tokens", "output tokens", seconds, rate),
    *(
        Metric(f"latency.{key}.{name}", f"{label}, {name}", seconds, duration)
        for key, label in _DELAYS.items()
        for name in ("mean", "p50", "p90", "p99")
    ),
    Metric("waiting.all.mean", "queue over time, mean", seconds),
    Metric("waiting.share", "time with a queue", percent),
    Metric("requests.finished", "requests finished", count),
    Metric("requests.refused", "requests refused", count),
    Metric("requests.preempted", "preemptions", count),
    Metric("tokens.computed", "tokens computed", count),
    Metric("tokens.recomputed", "computed again", count),
    Metric("tokens.recomputed_share", "computed again, share", percent),
    Metric("steps", "steps", count),
    Metric("blocked_steps.fragmentation", "blocked: fragmentation", count),
    Metric("blocked_steps.capacity", "blocked: capacity", count),
    Metric("blocked_steps.policy", "blocked: policy", count),
    Metric("blocked_by.max_num_seqs", "rule: max_num_seqs", count),
    Metric("blocked_by.token_budget", "rule: token budget", count),
    Metric("blocked_by.watermark", "rule: watermark", count),
    Metric("blocked_by.after_preemption", "rule: after preemption", count),
    Metric("occupancy.mean", "occupancy, mean", percent),
    Metric("fill.mean", "fill, mean", percent),
    Metric("fill.at_finish", "fill at finish", percent),
    Metric("waste.share", "waste, share", percent),
    Metric("waste.bytes", "waste", amount),
    Metric("paper_view.token_state", "paper: token state", percent),
    Metric("paper_view.reservation", "paper: reservation", percent),
    Metric("paper_view.internal", "paper: internal", percent),
    Metric("paper_view.external_and_others", "paper: external, others", percent),
    Metric("arena.touched_bytes", "arena touched", amount),
    Metric("arena.resident_bytes", "arena resident", amount),
    Metric("arena.corrupt", "corrupt tokens", count),
)

_WHERE_THERE_ARE = ("blocked_", "ledger.", "tokens.recomputed")
"""Where the paths of numbers begin that a table shows only where one of them is not zero."""


def metrics_over(steps: Steps) -> list[Metric]:
    """Every metric that changes are shown for, in the order of `changes_of`."""
    accounts = [Metric(account_path(account, steps), f"ledger: {account}", percent) for account in ACCOUNT_BETTER]
    return [*METRICS, *accounts]


def is_shown(metric: Metric, values: list[float | None]) -> bool:
    """Whether a table has a row for a metric with these values; the paper's view of the ledger is shown elsewhere."""
    known = [value for value in values if value is not None]
    if metric.path.startswith("paper_view."):
        return False
    return any(known) if metric.path.startswith(_WHERE_THERE_ARE) else bool(known)


def change(metric: Metric, before: float | None, after: float | None) -> str:
    """Shares change by points, other numbers by per cent or many times; from zero, by the number itself."""
    if before is None or after is None:
        return MISSING
    if before == after:
        return "="
    if metric.write is percent:
        return f"{signed(100 * (after - before))} pt"
    if not before:
        return f"+{metric.write(after)}"
    return f"{after / before:.3g}x" if after >= _LARGE * before else f"{signed(100 * (after - before) / before)}%"
