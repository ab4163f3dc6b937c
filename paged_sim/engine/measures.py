"""From the booked ledger to numbers: means, peaks and quantiles, by side and by account."""

from __future__ import annotations

import numpy as np

from paged_sim import ledger as books
from paged_sim.engine import felt, queue_length
from paged_sim.engine import machine as m
from paged_sim.engine.felt import CAUSES, SIDES, quantile, series_of
from paged_sim.engine.machine import Machine
from paged_sim.ledger import SERIES, Ledger
from paged_sim.requests import Floats
from paged_sim.result import Steps
from paged_sim.result.accounts import ACCOUNTS, LOST, paper_view
from paged_sim.result.entry import (
    Accounts,
    Behind,
    ByLabel,
    Lost,
    Measurements,
    Pages,
    PrefixCache,
    Series,
    Sharing,
    Statistics,
)
from paged_sim.result.entry import Ledger as LedgerPart


def statistics(ledger: Ledger, side: Steps, series: int, unit: float = 1.0) -> Statistics:
    """Mean, peak, p50 and p99 of a series over the steps of a side, divided by `unit`; None where there are none."""
    rows = SIDES[side]
    weights = ledger.holding if series == books.FILL else ledger.weights
    weight = float(weights[rows].sum())
    if weight == 0.0:
        return {"mean": None, "peak": None, "p50": None, "p99": None}
    histogram = ledger.histogram[rows, series].sum(axis=0)
    scale = float(ledger.scale[series])
    return {
        "mean": float(ledger.sums[rows, series].sum()) / weight / unit,
        "peak": float(ledger.peaks[rows, series].max()) / unit,
        "p50": quantile(histogram, 0.5) / scale / unit,
        "p99": quantile(histogram, 0.99) / scale / unit,
    }


def has_waiters(machine: Machine) -> bool:
    """Whether a request ever waited after the warm-up."""
    return bool(machine.ledger.weights[1] > 0)


def summary_of(machine: Machine, over: Steps, slots: int, page_size: int | None, bytes_per_slot: int) -> Measurements:
    """What one simulation measured, as its part of the JSON; shares are of the arena's `slots`."""
    ledger, counts = machine.ledger, machine.counts
    books.settle_all(ledger)
    queue_length.settle(machine.queue_length, machine.times[m.NOW])
    accounts: LedgerPart = {
        "saturated": accounts_of(ledger, "saturated", slots),
        "all": accounts_of(ledger, "all", slots),
    }
    wasted: dict[Steps, Lost] = {side: waste_of(accounts[side], slots * bytes_per_slot) for side in SIDES}
    return {
        "over": over,
        "measured": {"saturated": measured(machine, "saturated"), "all": measured(machine, "all")},
        "steps": int(counts[m.NUM_STEPS_DONE]),
        "token_steps": int(counts[m.TOKEN_STEPS]),
        "requests": {
            "finished": int(counts[m.NUM_FINISHED]),
            "refused": int(np.count_nonzero(machine.outcome > m.FINISHED)),
            "preempted": int(machine.tallies[m.PREEMPTED].sum()),
        },
        "batch": by_side(ledger, over, books.BATCH, 1.0),
        "waiting": felt.waiting_of(machine, over),
        "occupancy": by_side(ledger, over, books.TOKEN_STATE, slots),
        "fill": {**by_side(ledger, over, books.FILL, 1.0), "at_finish": fill_at_finish(machine)},
        "held": by_side(ledger, over, books.HELD, slots),
        "pages": pages_of(machine, over, page_size),
        "ledger": accounts,
        "paper_view": paper_view(accounts[over]),
        "waste": {**wasted[over], "saturated": wasted["saturated"], "all": wasted["all"]},
        "blocked_steps": by_label(machine, m.BLOCKED),
        "blocked_by": dict(zip(CAUSES, machine.tallies[m.BLOCKED].tolist(), strict=True)),
        "preemptions": by_label(machine, m.PREEMPTED),
        "external_index": {"mean": mean_index(ledger, over)},
        "sharing": {**sharing_of(ledger, over), "prefix_cache": prefix_cache_of(machine)},
    }


def accounts_of(ledger: Ledger, side: Steps, slots: int) -> Accounts:
    """Every account's share of the arena over the steps of a side."""
    return {name: statistics(ledger, side, index, slots) for index, name in enumerate(ACCOUNTS)}


def waste_of(accounts: Accounts, num_bytes: int) -> Lost:
    """Mean share of the lost accounts, and what that is of an arena of `num_bytes`; None where there are no steps."""
    means = [accounts[name]["mean"] for name in LOST]
    known = [mean for mean in means if mean is not None]
    if not known:
        return {"share": None, "bytes": None}
    return {"share": sum(known), "bytes": sum(known) * num_bytes}


def by_side(ledger: Ledger, over: Steps, series: int, unit: float) -> Series:
    """A series' mean and peak over the steps that count, and its statistics over both sides."""
    sides: dict[Steps, Statistics] = {side: statistics(ledger, side, series, unit) for side in SIDES}
    return series_of(sides, over)


def measured(machine: Machine, side: Steps) -> Behind:
    """The steps behind the means of a side, and how long they took together (idle time included); after the warm-up."""
    counts = machine.counts
    is_warm = counts[m.NUM_FINISHED] >= counts[m.WARMUP]
    steps: dict[Steps, int] = {
        "saturated": machine.tallies[m.BLOCKED].sum(),
        "all": counts[m.NUM_STEPS_DONE] - counts[m.NUM_STEPS_SKIPPED] if is_warm else 0,
    }
    return {"steps": int(steps[side]), "time": float(machine.ledger.weights[SIDES[side]].sum())}


def mean_index(ledger: Ledger, side: Steps) -> float | None:
    """Mean of 1 - largest / free over the steps of a side: by what the allocator could serve, 0 for pages."""
    weight = float(ledger.weights[SIDES[side]].sum())
    return float(ledger.sums[SIDES[side], books.INDEX].sum()) / weight if weight else None


def fill_at_finish(machine: Machine) -> float | None:
    """Tokens stored / slots held, summed over the sequences as each one ended."""
    held = int(machine.counts[m.HELD_AT_FINISH])
    return int(machine.counts[m.STORED_AT_FINISH]) / held if held else None


def pages_of(machine: Machine, over: Steps, page_size: int | None) -> Pages:
    """Pages handed out, and copies made on write; None for a policy without pages."""
    if page_size is None:
        return {"mean": None, "allocated_peak": None, "cow_copies": 0}
    held = statistics(machine.ledger, over, books.HELD, page_size)
    peak = float(machine.ledger.peaks[:, books.HELD].max()) / page_size
    return {
        "mean": held["mean"],
        "allocated_peak": int(peak),
        "cow_copies": int(machine.counts[m.COW_COPIES]),
    }


def sharing_of(ledger: Ledger, side: Steps) -> Sharing:
    """What sharing spares: tokens that sequences see and tokens stored, and the share of the slots not held for it."""
    physical, shared, held, saved = (
        statistics(ledger, side, series)["mean"] or 0.0
        for series in (books.TOKEN_STATE, books.SHARED, books.HELD, books.SAVED)
    )
    return {
        "logical_tokens_mean": physical + shared,
        "physical_tokens_mean": physical,
        "pages_saved_fraction": saved / (held + saved) if saved else 0.0,
    }


def prefix_cache_of(machine: Machine) -> PrefixCache | None:
    """What requests asked of the prefix cache and what it had, in tokens, once per admission; None without one.

    `hit_rate` is that of first admissions, None where there was none. `beyond_whole_pages` are hits that sharing whole
    pages would have missed.
    """
    counts = machine.counts
    if not counts[m.CACHING]:
        return None
    asked, hit, hit_again = int(counts[m.ASKED]), int(counts[m.HIT]), int(counts[m.HIT_AGAIN])
    return {
        "requests": int(counts[m.NUM_ADMITTED]),
        "query_tokens": asked,
        "hit_tokens": hit,
        "hit_rate": hit / asked if asked else 0.0 if counts[m.NUM_ADMITTED] else None,
        "preempted_requests": int(counts[m.NUM_READMITTED]),
        "preempted_query_tokens": int(counts[m.ASKED_AGAIN]),
        "preempted_hit_tokens": hit_again,
        "beyond_whole_pages": hit + hit_again - int(counts[m.HIT_IN_PAGES]),
    }


def by_label(machine: Machine, cause: int) -> ByLabel:
    """A tally by what became of the free slots."""
    tally = machine.tallies[cause]
    return {
        "fragmentation": int(tally[m.FRAGMENTATION]),
        "capacity": int(tally[m.SHORTAGE]),
        "policy": int(tally[m.MAX_NUM_SEQS :].sum()),
    }


def timeline_row(row: Floats) -> dict[str, float]:
    """One row of the timeline by name; accounts in slots."""
    names = ("step", "time", "duration", *SERIES)
    return dict(zip(names, row.tolist(), strict=True))
