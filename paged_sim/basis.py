"""What numbers of several runs are over: the same steps, or they do not stand beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from paged_sim.configuration import Resolved, differences, serve_the_same
from paged_sim.result import Entry, Steps, mean_share, value_at
from paged_sim.result.accounts import LOST, TABLE, in_segment

_OFTEN = 0.1
"""Share of a policy's steps on which a request must wait for the means over them to say anything about it."""

_SERIES = ("batch", "waiting", "occupancy", "fill", "held")
_OF_THE_LEDGER = {
    "waste.share": LOST,
    "waste.bytes": LOST,
    **{f"paper_view.{account.segment}": in_segment(account.segment) for account in TABLE},
}
"""Numbers that are sums of mean shares, by the accounts summed."""

_OVER_ITS_OWN = ("external_index.mean", "pages.mean", "sharing.")
"""Where the paths of numbers begin that an entry has over its own steps only."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What numbers of entries that stand beside each other have in common.

    `steps` are those that means are over, "saturated" or "all"; `same_requests` says whether all were asked to serve
    the same ones, without which nothing about one is better than about another.
    """

    steps: Steps
    same_requests: bool = True


def basis_of(parts: Sequence[tuple[Resolved, Entry]]) -> Basis:
    """The basis of entries, each with the scenario it comes from.

    Means are over the steps on which a request waits where every entry has enough of them, and over all steps else;
    also where requests come over time, when a policy that is faster has fewer steps with a waiter.
    """
    saturated = all(_waits_often(entry) and not come_over_time(scenario, entry) for scenario, entry in parts)
    first = parts[0][0]
    same = all(serve_the_same(differences(first, scenario)) for scenario, _ in parts[1:])
    return Basis("saturated" if saturated else "all", same)


def _waits_often(entry: Entry) -> bool:
    """Whether the means over the steps on which a request waits say something about an entry."""
    if entry["over"] != "saturated":
        return False
    waits, every = (value_at(entry, f"measured.{steps}.steps") for steps in ("saturated", "all"))
    return not every or waits / every >= _OFTEN


def come_over_time(scenario: Resolved, entry: Entry) -> bool:
    """Whether requests arrive while others are served: by the last arrival or, in an entry without it, the scenario.

    Never with `clock: step`, where a step lasts as long whatever it holds: who holds more is done earlier.
    """
    time = entry.get("time")
    if time:
        return bool(time["unit"] == "s" and time["last_arrival"] > 0)
    if scenario.get("clock", "step") == "step":
        return False
    workload = scenario.get("workload") or {}
    listed = workload.get("requests")
    later = isinstance(listed, list) and any(request.get("arrival") for request in listed)
    return later or "trace" in workload or workload.get("arrival", "saturated") != "saturated"


def value_over(entry: Entry | None, path: str, steps: Steps) -> Any:
    """The number at a path of an entry; what the entry takes over steps of its own, over these steps.

    None where the entry has no such number, or none over these steps.
    """
    if entry is None or entry.get("over") == steps:
        return value_at(entry, path)
    if path in _OF_THE_LEDGER:
        shares = [mean_share(entry, steps, account) for account in _OF_THE_LEDGER[path]]
        size = entry["capacity"]["bytes"] if path.endswith(".bytes") else 1
        known = [share for share in shares if share is not None]
        return sum(known) * size if known else None
    return None if path.startswith(_OVER_ITS_OWN) else value_at(entry, path_over(path, steps))


def path_over(path: str, steps: Steps) -> str:
    """The path at which entries have a series' mean or peak over these steps; other paths as they are."""
    key, _, inside = path.partition(".")
    return f"{key}.{steps}.{inside}" if key in _SERIES and inside in ("mean", "peak") else path


def depends_on_steps(path: str) -> bool:
    """Whether an entry takes the number at a path over steps of its own (its `over`)."""
    return path in _OF_THE_LEDGER or path.startswith(_OVER_ITS_OWN) or path_over(path, "all") != path


def steps_behind(entry: Entry, steps: Steps) -> int:
    """How many steps a mean over "saturated" or "all" ones is taken over, in all seeds together."""
    measured: int | None = value_at(entry, f"measured.{steps}.steps")
    if measured is not None:
        return measured
    blocked = entry["blocked_steps"]
    return (
        sum((blocked["fragmentation"], blocked["capacity"], blocked["policy"]))
        if steps == "saturated"
        else entry["steps"]
    )
