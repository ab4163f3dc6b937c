"""Who holds more sequences, and what it buys, where everything is queued from the start."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Entry, Steps, value_at

from ..basis import is_apart, side_of
from .costs import largest_loss, loss, price
from .words import all_of, in_memory, is_or_are, memory_of, named, time_at, times_as_many, within


def holds_more(runs: Sequence[Entry]) -> str:
    """Who holds most sequences against who holds fewest, on the steps all are measured over, and who ends first."""
    over = side_of(runs)
    mixed = "Over all steps: " if over == "all" and any(run["over"] != "all" for run in runs) else ""
    path = f"batch.{over}.mean"
    best, worst = (choose(runs, key=lambda run: float(value_at(run, path) or 0.0)) for choose in (max, min))
    most, least = (float(value_at(run, path) or 0.0) for run in (best, worst))
    if most == 0:
        return "No sequence was held on the steps measured."
    if len(runs) == 1:
        held = f"{best['name']} holds {most:,.2f} sequences on average in {memory_of(best)}"
        return f"{mixed}{held} and is done after {time_at(best, 'time.end')}{price(best)}{loss(best, over, 'it')}."
    if not is_apart(best, worst, path):
        held = f"{all_of(runs)} hold {most:,.2f} sequences on average in {memory_of(best)}, {within(runs)}"
        return f"{mixed}{_alike(runs, bool(mixed))}: {held}{loss(_most_wasteful(runs, over), over)}."
    leaders = [run for run in runs if not is_apart(run, best, path)]
    holds = "holds" if len(leaders) == 1 else "hold"
    held = f"{named(leaders)} {holds} {times_as_many(most, least, worst['name'])} {in_memory(best, worst)}"
    first, _ = _first_and_last(runs)
    if is_apart(first, best, "time.end"):
        late = f"it is done after {time_at(best, 'time.end')}, {first['name']} after {_end(first)}"
        return f"{mixed}{held}{price(best)}, but holding more is not faster here: {late}."
    ends = f" and {is_or_are(leaders)} done after {time_at(best, 'time.end')} against {_end(worst)}"
    earlier = ends if is_apart(best, worst, "time.end") else ""
    return f"{mixed}{held}{earlier}{price(best)}{loss(worst, over)}."


def _alike(runs: Sequence[Entry], goes_on: bool) -> str:
    """Of policies that hold alike: that none wins, unless one is done earlier."""
    first, last = _first_and_last(runs)
    if is_apart(first, last, "time.end"):
        return f"{first['name']} is done first, after {time_at(first, 'time.end')}, {last['name']} after {_end(last)}"
    return "no winner" if goes_on else "No winner"


def _first_and_last(runs: Sequence[Entry]) -> tuple[Entry, Entry]:
    """The policies that are done first and last."""
    first, *_, last = sorted(runs, key=lambda run: float(value_at(run, "time.end") or 0.0))
    return first, last


def _end(run: Entry) -> str:
    """When a run ended, behind another such time."""
    return time_at(run, "time.end").removesuffix(" steps")


def _most_wasteful(runs: Sequence[Entry], over: Steps) -> Entry:
    return max(runs, key=lambda run: largest_loss(run, over)[1])
