"""One plain sentence that answers the question a run was made for: who holds more, and what the worst one loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .numbers import amount, percent

Summary = Mapping[str, Any]

LOSSES = {
    "over_reservation": "to reservations that are never written",
    "tail": "to the ends of last pages that are never written",
    "rounding": "to what placement rounds up",
    "padding": "to padding",
    "external": "to free memory in which a waiting request cannot be placed",
    "metadata": "to slots that no request can ever get",
}
_TIE = 0.005
_VISIBLE_LOSS = 0.0005


def answer(runs: Sequence[Summary]) -> str:
    """Compare the policy that holds most sequences with the one that holds fewest, in numbers of this run only.

    Means are over the steps that all the policies are measured on; where these differ, over all steps, and it says so.
    """
    overs = {run["over"] for run in runs}
    return f"Over all steps: {_compare(runs, 'all')}" if len(overs) > 1 else _compare(runs, overs.pop())


def _compare(runs: Sequence[Summary], over: str) -> str:
    best = max(runs, key=lambda run: _held(run, over))
    worst = min(runs, key=lambda run: _held(run, over))
    most, least = _held(best, over), _held(worst, over)
    if most == 0:
        return "No sequence was held on the steps measured."
    if len(runs) == 1:
        return f"{best['name']} holds {most:,.2f} sequences on average in {_memory(best)}; it {_loss(best, over)}."
    if most - least <= _TIE * most:
        return _tie_sentence(runs, best, over)
    held = f"{best['name']} holds {_times(most, least, worst['name'])} {_where(best, worst)}"
    return f"{held}; {worst['name']} {_loss(worst, over)}{_served(best, worst)}."


def largest_loss(run: Summary, over: str) -> tuple[str, float]:
    """The account that loses most over those steps ("saturated" or "all"), and its mean share of the arena."""
    ledger = run["ledger"][over]
    return max(((account, ledger[account]["mean"] or 0.0) for account in LOSSES), key=lambda pair: pair[1])


def _held(run: Summary, over: str) -> float:
    return float(run["batch"][over]["mean"] or 0.0)


def _tie_sentence(runs: Sequence[Summary], best: Summary, over: str) -> str:
    number = "Both policies" if len(runs) == 2 else f"All {len(runs)} policies"
    wasteful = max(runs, key=lambda run: largest_loss(run, over)[1])
    held = f"{_held(best, over):,.2f} sequences on average in {_memory(best)}"
    return f"{number} hold the same {held}{_why_tied(runs)}; {wasteful['name']} {_loss(wasteful, over)}."


def _why_tied(runs: Sequence[Summary]) -> str:
    if all(run["over"] == "all" for run in runs):
        return ", since no request ever has to wait"
    causes = [run["blocked_steps"] for run in runs]
    if all(cause["policy"] > cause["capacity"] + cause["fragmentation"] for cause in causes):
        return ", since the scheduler's limits hold requests back"
    return ""


def _times(most: float, least: float, name: str) -> str:
    if least == 0:
        return f"{most:,.2f} sequences on average and {name} none"
    ratio = most / least
    if ratio < 1.1:
        return f"{100 * (ratio - 1):.1f}% more sequences than {name}"
    return f"{ratio:.1f}x the sequences of {name}"


def _where(best: Summary, worst: Summary) -> str:
    large, small = best["capacity"]["bytes"], worst["capacity"]["bytes"]
    if abs(large - small) <= 0.01 * max(large, small):
        return f"in the same {_memory(worst)}"
    return f"({_memory(best)} against {_memory(worst)})"


def _memory(run: Summary) -> str:
    return amount(run["capacity"]["bytes"])


def _loss(run: Summary, over: str) -> str:
    account, share = largest_loss(run, over)
    if share < _VISIBLE_LOSS:
        return "loses next to nothing"
    return f"loses {amount(share * run['capacity']['bytes'])} ({percent(share)}) {LOSSES[account]}"


def _served(best: Summary, worst: Summary) -> str:
    """Who served fewer requests, where that differs: sequences held are then no fair comparison alone."""
    more, fewer = best["requests"]["finished"], worst["requests"]["finished"]
    return "" if more == fewer else f", and finishes {fewer:,} requests where {best['name']} finishes {more:,}"
