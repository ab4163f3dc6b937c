"""Who is faster, and who is short of memory, where requests arrive in time."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Entry, value_at

from ..basis import is_apart
from ..numbers import count, percent
from .costs import memory_bound, share_for, share_for_memory, thrashing
from .words import all_of, more_by, named, the_rest, time_at, wait, within


def faster(runs: Sequence[Entry]) -> str:
    """The policy under which requests take least time, against the one under which they take most."""
    path = "latency.total.mean"
    best, worst = (choose(runs, key=lambda run: float(value_at(run, path) or 0.0)) for choose in (min, max))
    if len(runs) == 1:
        return f"Under {best['name']} requests take {time_at(best, path)} on average, {wait(best)} of it in the queue."
    if not is_apart(best, worst, path):
        return f"No winner: requests take {time_at(best, path)} on average under {all_of(runs)}, {within(runs)}."
    low, high = float(value_at(best, path)), float(value_at(worst, path))
    ends = [time_at(run, "time.end") for run in (best, worst)]
    ended = f"; the last ends at {ends[0]} against {ends[1]}" if is_apart(best, worst, "time.end") else ""
    leaders = [run for run in runs if not is_apart(run, best, path)]
    return (
        f"{named(leaders)} serve{'s' if len(leaders) == 1 else ''} fastest: requests take {time_at(best, path)} on "
        f"average, {time_at(worst, path)} under {worst['name']} ({more_by(high, low)}){ended}."
    )


def bound_by_memory(runs: Sequence[Entry]) -> list[str]:
    """Who is short of memory, the worst first, and that the others are not."""
    bound = sorted((run for run in runs if memory_bound(run)), key=share_for_memory, reverse=True)
    shown = len(bound) if len(bound) <= 2 else 1
    told = [_shortage(run) for run in bound[:shown]]
    if len(bound) > shown:
        told.append(f"{the_rest(bound[shown:])} less")
    if len(bound) < len(runs):
        others = [run for run in runs if run not in bound]
        told.append(f"{the_rest(others)} never {'wait' if len(others) > 1 else 'waits'} for it")
    return [f"Memory binds: {'; '.join(told)}.", *thrashing(runs)]


def _shortage(run: Entry) -> str:
    parts = []
    if share := share_for_memory(run):
        fragmentation = share_for(run, "fragmentation")
        broken = f" (fragmentation {percent(fragmentation)})" if fragmentation else ""
        parts.append(f"waits for it {percent(share)} of the time{broken}")
    if preempted := run["requests"]["preempted"]:
        again = value_at(run, "tokens.recomputed_share") or 0.0
        times = "once" if preempted == 1 else f"{count(preempted)} times"
        parts.append(f"preempts {times} ({percent(again)} of its tokens computed again)")
    return f"{run['name']} {' and '.join(parts) or 'refuses requests'}"
