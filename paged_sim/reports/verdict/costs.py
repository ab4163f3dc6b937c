"""What memory costs a policy: waiting, tokens computed again, lost slots."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Entry, Steps, mean_share, value_at
from paged_sim.result.accounts import ACCOUNTS, LOST, TABLE

from ..numbers import amount, count, percent
from .refusals import num_refused

_THRASHES = 0.5
"""A policy thrashes that computes more tokens again, after preemptions, than it computes for the first time."""

_DEAR = 0.1
"""Share of the tokens computed again from which it is named as the price of holding more."""

NOTABLE = 0.01
"""Share of steps, time or memory from which something is worth a word."""


def memory_bound(run: Entry) -> bool:
    """Whether a request ever waited for memory, was preempted for want of it, or refused."""
    blocked = run["blocked_steps"]
    waited = blocked["capacity"] or blocked["fragmentation"] or share_for_memory(run)
    return bool(waited or run["requests"]["preempted"] or num_refused(run))


def share_for_memory(run: Entry) -> float:
    """Share of the time in which a request waits for memory."""
    return sum(share_for(run, cause) for cause in ("capacity", "fragmentation"))


def share_for(run: Entry, cause: str) -> float:
    """Share of the time in which a request waits for one thing."""
    return float(value_at(run, f"waiting.share_by.{cause}") or 0.0)


def thrashing(runs: Sequence[Entry]) -> list[str]:
    """The policies that spend their steps on tokens they had stored before."""
    return [
        f"{run['name']} thrashes: it computes {count(computed)} tokens, {percent(share)} of them again, after "
        f"{count(run['requests']['preempted'])} preemptions."
        for run in runs
        if (share := value_at(run, "tokens.recomputed_share") or 0.0) >= _THRASHES
        for computed in [run["tokens"]["computed"]]
    ]


def price(run: Entry) -> str:
    """What holding more costs a policy that preempts."""
    again = value_at(run, "tokens.recomputed_share") or 0.0
    return f", at {percent(again, 0)} of its tokens computed again" if _DEAR <= again < _THRASHES else ""


def largest_loss(run: Entry, over: Steps) -> tuple[str, float]:
    """The account that loses most over those steps ("saturated" or "all"), and its mean share of the arena."""
    return max(((account, mean_share(run, over, account) or 0.0) for account in LOST), key=lambda pair: pair[1])


def loss(run: Entry, over: Steps, name: str = "") -> str:
    """What a policy loses most to, if that is worth a word."""
    account, share = largest_loss(run, over)
    if share < NOTABLE:
        return ""
    lost = f"{amount(share * run['capacity']['bytes'])} ({percent(share)})"
    return f"; {name or run['name']} loses {lost} {TABLE[ACCOUNTS.index(account)].lost}"
