"""Policies, times and amounts as sentences name them."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Entry, value_at

from ..basis import has_one_seed
from ..numbers import amount, duration


def named(runs: Sequence[Entry]) -> str:
    """Policies that are named first: three at most."""
    names = [str(run["name"]) for run in runs]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def is_or_are(runs: Sequence[Entry]) -> str:
    """The verb behind their names."""
    return "is" if len(runs) == 1 else "are"


def the_rest(runs: Sequence[Entry]) -> str:
    """Policies that are named last: one by its name."""
    return str(runs[0]["name"]) if len(runs) == 1 else f"the other {len(runs)}"


def all_of(runs: Sequence[Entry]) -> str:
    """Several policies that are alike."""
    return "both policies" if len(runs) == 2 else f"all {len(runs)} policies"


def within(runs: Sequence[Entry]) -> str:
    """How far apart policies may be that have no winner."""
    return "to within 2%, and one seed says no more" if has_one_seed(runs) else "to within the spread over the seeds"


def times_as_many(most: float, least: float, name: str) -> str:
    """How many sequences are held, against those of the policy `name`."""
    if least == 0:
        return f"{most:,.2f} sequences on average and {name} none"
    ratio = most / least
    if ratio < 1.1:
        return f"{100 * (ratio - 1):.1f}% more sequences than {name}"
    return f"{ratio:.1f}x the sequences of {name}"


def more_by(high: float, low: float) -> str:
    """A longer time against a shorter one."""
    if low <= 0:
        return "from none"
    return f"{high / low:,.1f}x" if high / low >= 2 else f"+{100 * (high / low - 1):.1f}%"


def in_memory(best: Entry, worst: Entry) -> str:
    """The memory that two policies have."""
    large, small = best["capacity"]["bytes"], worst["capacity"]["bytes"]
    if abs(large - small) <= 0.01 * max(large, small):
        return f"in the same {memory_of(worst)}"
    return f"({memory_of(best)} against {memory_of(worst)})"


def memory_of(run: Entry) -> str:
    """The memory that a policy has."""
    return amount(run["capacity"]["bytes"])


def time_at(run: Entry, path: str) -> str:
    """The time at a path, in seconds or steps."""
    return duration(value_at(run, path), str(value_at(run, "time.unit") or "steps"))


def wait(run: Entry) -> str:
    """How long requests are in the queue on average."""
    return time_at(run, "latency.queue.mean")
