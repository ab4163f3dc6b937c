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
    """Compare the policy that holds most sequences with the one that holds fewest, in numbers of this run only."""
    best = max(runs, key=lambda run: _held(run))
    worst = min(runs, key=lambda run: _held(run))
    if _held(best) == 0:
        return "No sequence was held on the steps measured."
    if len(runs) == 1:
        return f"{best['name']} holds {_held(best):,.2f} sequences on average in {_memory(best)}; {_loss(best)}."
    if _tied(best, worst):
        return _tie_sentence(runs, best)
    return f"{best['name']} holds {_times(best, worst)} {_where(best, worst)}; {_loss(worst)}."


def largest_loss(run: Summary) -> tuple[str, float]:
    """The account that loses most over the steps measured, and its mean share of the arena."""
    ledger = run["ledger"][run["over"]]
    return max(((account, ledger[account]["mean"] or 0.0) for account in LOSSES), key=lambda pair: pair[1])


def _held(run: Summary) -> float:
    return float(run["batch"]["mean"] or 0.0)


def _tied(best: Summary, worst: Summary) -> bool:
    return _held(best) - _held(worst) <= _TIE * _held(best)


def _tie_sentence(runs: Sequence[Summary], best: Summary) -> str:
    number = "Both policies" if len(runs) == 2 else f"All {len(runs)} policies"
    waits = any(run["over"] == "saturated" for run in runs)
    why = "" if waits else ", since no request ever has to wait"
    wasteful = max(runs, key=lambda run: largest_loss(run)[1])
    return f"{number} hold the same {_held(best):,.2f} sequences on average in {_memory(best)}{why}; {_loss(wasteful)}."


def _times(best: Summary, worst: Summary) -> str:
    if _held(worst) == 0:
        return f"{_held(best):,.2f} sequences on average and {worst['name']} none"
    ratio = _held(best) / _held(worst)
    if ratio < 1.1:
        return f"{100 * (ratio - 1):.1f}% more sequences than {worst['name']}"
    return f"{ratio:.1f}x the sequences of {worst['name']}"


def _where(best: Summary, worst: Summary) -> str:
    large, small = best["capacity"]["bytes"], worst["capacity"]["bytes"]
    if abs(large - small) <= 0.01 * max(large, small):
        return f"in the same {_memory(worst)}"
    return f"({_memory(best)} against {_memory(worst)})"


def _memory(run: Summary) -> str:
    return amount(run["capacity"]["bytes"])


def _loss(run: Summary) -> str:
    account, share = largest_loss(run)
    if share < _VISIBLE_LOSS:
        return f"{run['name']} loses next to nothing"
    lost = share * run["capacity"]["bytes"]
    return f"{run['name']} loses {amount(lost)} ({percent(share)}) {LOSSES[account]}"
