"""Who refuses requests, how many, and for want of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paged_sim.result import Entry

from ..numbers import count
from .words import the_rest


def num_refused(run: Entry) -> int:
    """Requests refused for want of memory."""
    return sum(entry["count"] for entry in run.get("refusals") or () if not _is_excluded(entry))


def _num_excluded(run: Entry) -> int:
    """Requests that no memory could serve."""
    return sum(entry["count"] for entry in run.get("refusals") or () if _is_excluded(entry))


def _is_excluded(entry: Mapping[str, Any]) -> bool:
    """Whether a refusal is the model's own limit, which is the same under every policy."""
    return bool(entry.get("key") == "max_model_len")


def _num_requests(run: Entry) -> int:
    return int(run["requests"]["finished"] + run["requests"]["refused"])


def most_served(runs: Sequence[Entry]) -> Sequence[Entry]:
    """The policies that refuse fewest requests for want of memory: only these served the same ones."""
    fewest = min(map(num_refused, runs))
    return [run for run in runs if num_refused(run) == fewest]


def refused(runs: Sequence[Entry], served: Sequence[Entry]) -> str:
    """Who refuses requests for want of memory, the worst first, and why."""
    refusing = sorted((run for run in runs if num_refused(run)), key=num_refused, reverse=True)
    if not refusing:
        return ""
    worst, *others = refusing
    why = max((e for e in worst["refusals"] if not _is_excluded(e)), key=lambda entry: int(entry["count"]))
    refuses = f"{worst['name']} refuses {count(num_refused(worst))} of {count(_num_requests(worst))} requests"
    told = [f"{run['name']} {count(num_refused(run))}" for run in others[:2]]
    if len(others) > 2:
        told.append(f"{the_rest(others[2:])} fewer")
    if len(refusing) < len(runs):
        told.append(f"{the_rest([run for run in runs if run not in refusing])} none")
    also = f"; {', '.join(told)}" if told else ""
    text = f"{refuses} for want of memory ({why['reason']}){also}."
    if len(served) == 1 < len(runs):
        finished = f"{count(served[0]['requests']['finished'])} of {count(_num_requests(served[0]))}"
        return f"{served[0]['name']} serves most, {finished}: {text}"
    return f"{text} The rest is about those that refuse fewest." if len(served) < len(runs) else text


def excluded(runs: Sequence[Entry]) -> str:
    """The requests that no memory could serve."""
    worst = max(runs, key=_num_excluded)
    most = _num_excluded(worst)
    if not most:
        return ""
    who = "refused" if len(runs) == 1 else "refused under every policy"
    do = "does" if most == 1 else "do"
    return f"{count(most)} of {count(_num_requests(worst))} prompts {do} not fit max_model_len: {who}."
