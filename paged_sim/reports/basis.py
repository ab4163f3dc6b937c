"""What the numbers of a report are over: one basis for all that stand beside each other.

With arrivals in time a server that holds more sequences may only be slower, so what counts is what the requests felt,
over the whole run. With everything queued from the start it is how many sequences fit while somebody waits.
"""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.basis import basis_of, come_over_time
from paged_sim.result import Entry, Steps, value_at

OVER = {"saturated": "on the steps on which a request waits", "all": "over all steps"}


def is_timed(runs: Sequence[Entry]) -> bool:
    """Whether requests arrive in time, so that latency and throughput are what a policy is judged by."""
    return any(come_over_time({}, run) for run in runs)


def side_of(runs: Sequence[Entry]) -> Steps:
    """The steps that all runs are measured over (`paged_sim.basis.basis_of`)."""
    return basis_of([({}, run) for run in runs]).steps


def is_apart(one: Entry, other: Entry, path: str) -> bool:
    """Whether two policies differ in the mean at `path` by more than chance.

    That is the larger of their standard deviations over the seeds or, with one seed, 2 % of the larger number.
    """
    first, second = (value_at(run, path) for run in (one, other))
    if first is None or second is None:
        return False
    spreads = [spread for run in (one, other) if (spread := (run.get("spread") or {}).get(path)) is not None]
    margin = max(spreads) if spreads else 0.02 * max(abs(first), abs(second))
    return bool(abs(first - second) > margin)


def has_one_seed(runs: Sequence[Entry]) -> bool:
    """Whether nothing is known of what another seed would have given."""
    return all(len(run["seeds"]) == 1 for run in runs)
