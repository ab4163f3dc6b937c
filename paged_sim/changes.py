"""What changed between two runs: every metric, and whether that is for the better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paged_sim.basis import Basis, basis_of, path_over, value_over
from paged_sim.result import Entry, Steps, value_at
from paged_sim.result.accounts import DOWN, NEITHER, TABLE, UP

if TYPE_CHECKING:
    from paged_sim.run import Run

_QUANTILES = ("mean", "p50", "p90", "p99")

BETTER: dict[str, int] = {
    "batch.mean": UP,
    "batch.peak": NEITHER,
    "time.end": DOWN,
    "throughput.requests": UP,
    "throughput.output_tokens": UP,
    **{f"latency.queue.{name}": DOWN for name in _QUANTILES},
    **{f"latency.first_token.{name}": DOWN for name in _QUANTILES},
    **{f"latency.total.{name}": DOWN for name in _QUANTILES},
    "waiting.all.mean": DOWN,
    "waiting.share": DOWN,
    "requests.finished": UP,
    "requests.refused": DOWN,
    "requests.preempted": DOWN,
    "tokens.computed": DOWN,
    "tokens.recomputed": DOWN,
    "tokens.recomputed_share": DOWN,
    "steps": DOWN,
    "blocked_steps.fragmentation": NEITHER,
    "blocked_steps.capacity": NEITHER,
    "blocked_steps.policy": NEITHER,
    "blocked_by.max_num_seqs": NEITHER,
    "blocked_by.token_budget": NEITHER,
    "blocked_by.watermark": NEITHER,
    "blocked_by.after_preemption": NEITHER,
    "occupancy.mean": UP,
    "fill.mean": UP,
    "fill.at_finish": UP,
    "waste.share": DOWN,
    "waste.bytes": DOWN,
    "paper_view.token_state": UP,
    "paper_view.reservation": NEITHER,
    "paper_view.internal": DOWN,
    "paper_view.external_and_others": NEITHER,
    "arena.touched_bytes": NEITHER,
    "arena.resident_bytes": NEITHER,
    "arena.corrupt": DOWN,
}
"""Which way each metric of an entry of the JSON gets better, by its path, in the order of reports.

It does so only under the conditions of `direction`. Which cause holds a request back is neither: with more memory the
steps that capacity blocks become steps that a rule does. Nor is a peak, or how much real memory the arena touched.
"""

ACCOUNT_BETTER = {account.name: account.better for account in TABLE}
"""The same for the accounts of the ledger, in its order, as shares of the arena."""

_OF_FULL_MEMORY = ("batch.", "occupancy.", "fill.mean", "waste.", "paper_view.", "ledger.")
_OF_THE_ARENA = ("occupancy.", "waste.", "paper_view.", "ledger.")
_OF_SERVING = ("steps", "time.", "throughput.", "latency.", "waiting.", "tokens.", "requests.preempted")
_OF_HOLDING = ("batch.mean", "occupancy.mean", "paper_view.token_state", "ledger.saturated.token_state.mean")
_IN_TIME = ("time.", "throughput.", "latency.")


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one policy before and after; None where a run does not have it.

    `better` is the direction in which the metric improves: 1 up, -1 down, 0 neither. `spread` is the larger standard
    deviation over the seeds of the two runs, None for single seeds, counters and peaks.
    """

    policy: str
    metric: str
    before: float | None
    after: float | None
    better: int
    spread: float | None = None

    @property
    def delta(self) -> float | None:
        """after - before."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def is_noise(self) -> bool:
        """Whether the metric moved, but by no more than the spread over the seeds."""
        return bool(self.delta) and self.spread is not None and abs(self.delta or 0.0) <= self.spread

    @property
    def improved(self) -> bool | None:
        """True for better, False for worse; None where nothing moved beyond noise or neither way is better."""
        if not self.delta or self.is_noise or not self.better:
            return None
        return (self.delta > 0) == (self.better > 0)


def compare(before: Run, after: Run) -> list[Change]:
    """Every metric of every policy that both runs have, in the order of `after`."""
    entries = {part.summary["name"]: part.summary for part in before.policies}
    found = []
    for part in after.policies:
        name = part.summary["name"]
        if name in entries:
            basis = basis_of([(before.scenario, entries[name]), (after.scenario, part.summary)])
            found += changes_of(name, entries[name], part.summary, basis)
    return found


def changes_of(policy: str, before: Entry | None, after: Entry | None, basis: Basis) -> list[Change]:
    """Every metric of two entries of one policy: those of BETTER, then the mean share of each account."""
    paths = [*BETTER, *(account_path(account, basis.steps) for account in ACCOUNT_BETTER)]
    return [_change(policy, path, before, after, basis) for path in paths]


def account_path(account: str, steps: Steps) -> str:
    """The path of an account's mean share of the arena."""
    return f"ledger.{steps}.{account}.mean"


def metric_value(entry: Entry | None, path: str, steps: Steps) -> float | None:
    """A metric over the steps of a comparison; None where the entry has none.

    The queue over time was once sampled where steps begin, which is another number than the one of today.
    """
    if path == "waiting.all.mean" and value_at(entry, "time") is None:
        return None
    value: float | None = value_over(entry, path, steps)
    return value


def direction(path: str, before: Entry, after: Entry, basis: Basis) -> int:
    """Which way a metric gets better between these two entries; 0 where up is not good by itself, nor down.

    Nothing is better about serving other requests. How memory is used says something while it is wanted, on steps with
    a waiter, and shares of it where there is as much of it; to hold more sequences and end later is no gain. How long
    serving took can be compared where as many requests finished, and steps where they are the measure of time.
    """
    account = path.split(".")[2] if path.startswith("ledger.") else ""
    better = ACCOUNT_BETTER[account] if account else BETTER[path]
    kept = (
        basis.same_requests
        and (basis.steps == "saturated" or not path.startswith(_OF_FULL_MEMORY))
        and (_same(before, after, "requests.finished") or not path.startswith(_OF_SERVING))
        and (path != "steps" or "s" not in (_unit(before), _unit(after)))
        and (_same(before, after, "capacity.bytes") or not path.startswith(_OF_THE_ARENA))
        and (path not in _OF_HOLDING or not _holds_more_and_ends_later(before, after))
    )
    return better if kept else NEITHER


def _holds_more_and_ends_later(before: Entry, after: Entry) -> bool:
    """Whether the run that holds more sequences ends later, as one does that preempts and computes again."""
    end = "steps" if None in (value_at(before, "time.end"), value_at(after, "time.end")) else "time.end"
    held, ends = (
        (value_over(after, path, "saturated") or 0) - (value_over(before, path, "saturated") or 0)
        for path in ("batch.mean", end)
    )
    return bool(held * ends > 0)


def _same(before: Entry, after: Entry, path: str) -> bool:
    return bool(value_at(before, path) == value_at(after, path))


def _unit(entry: Entry) -> str | None:
    """What times are in, "s" or "steps"; None for an entry that has none."""
    unit: str | None = value_at(entry, "time.unit")
    return unit


def _change(policy: str, path: str, before: Entry | None, after: Entry | None, basis: Basis) -> Change:
    old, new = (metric_value(entry, path, basis.steps) for entry in (before, after))
    if before is None or after is None:
        return Change(policy, path, old, new, NEITHER)
    if path.startswith(_IN_TIME) and _unit(before) != _unit(after):
        return Change(policy, path, None, new, NEITHER)
    spread = max(
        (known for known in (_spread(entry, path, basis.steps) for entry in (before, after)) if known), default=None
    )
    return Change(policy, path, old, new, direction(path, before, after, basis), spread)


def _spread(entry: Entry, path: str, steps: Steps) -> float | None:
    """The standard deviation of a metric over the seeds, as far as the entry has it over these steps."""
    spreads: Mapping[str, float | None] = entry.get("spread") or {}
    own = entry["over"] == steps
    return spreads.get(path) if own else spreads.get(path_over(path, steps))
