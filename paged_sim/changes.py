"""What changed between two runs: every metric with its direction, and the bytes that moved between accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paged_sim.run import Run

UP, DOWN, NEITHER = 1, -1, 0

BETTER: dict[str, int] = {
    "batch.mean": UP,
    "batch.peak": UP,
    "occupancy.mean": UP,
    "fill.mean": UP,
    "fill.at_finish": UP,
    "waste.share": DOWN,
    "waste.bytes": DOWN,
    "paper_view.token_state": UP,
    "paper_view.reservation": NEITHER,
    "paper_view.internal": DOWN,
    "paper_view.external_and_others": DOWN,
    "steps": DOWN,
    "requests.finished": UP,
    "requests.refused": DOWN,
    "requests.preempted": DOWN,
    "blocked_steps.fragmentation": DOWN,
    "blocked_steps.capacity": DOWN,
    "blocked_steps.policy": DOWN,
    "arena.touched_bytes": DOWN,
    "arena.resident_bytes": DOWN,
    "arena.corrupt": DOWN,
}
"""Which way each metric of an entry of the JSON gets better, by its path, in the order of reports."""

ACCOUNT_BETTER: dict[str, int] = {
    "token_state": UP,
    "cached": UP,
    "reservation": NEITHER,
    "over_reservation": DOWN,
    "tail": DOWN,
    "rounding": DOWN,
    "padding": DOWN,
    "external": DOWN,
    "short": NEITHER,
    "withheld": DOWN,
    "idle": NEITHER,
    "metadata": DOWN,
}
"""The same for the accounts of the ledger, in its order, as shares of the arena."""

LOST = ("over_reservation", "tail", "rounding", "padding", "external", "metadata")
"""The accounts of slots that are lost: nobody will write them, or nobody can get them."""

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one policy before and after; None where a run does not have it.

    `better` is the direction in which the metric improves: 1 up, -1 down, 0 neither. `spread` is the larger standard
    deviation over the seeds of the two runs, None for single seeds, counters and peaks.
    """

    policy: str
    metric: str
    before: float | None
    after: float | None
    better: int
    spread: float | None = None

    @property
    def delta(self) -> float | None:
        """after - before."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def is_noise(self) -> bool:
        """Whether the metric moved, but by no more than the spread over the seeds."""
        return bool(self.delta) and self.spread is not None and abs(self.delta or 0.0) <= self.spread

    @property
    def improved(self) -> bool | None:
        """True for better, False for worse; None where nothing moved beyond noise or neither way is better."""
        if not self.delta or self.is_noise or not self.better:
            return None
        return (self.delta > 0) == (self.better > 0)


@dataclass(frozen=True, slots=True)
class Move:
    """An account of the ledger, its mean bytes before (None where nothing was compared) and after.

    `sequences` is how many sequences the growth (or, with nothing to compare, the account itself) has room for, at the
    bytes that a sequence held on average before; None where none was held.
    """

    account: str
    before: float | None
    after: float
    sequences: float | None

    @property
    def growth(self) -> float:
        """Bytes by which the account grew."""
        return self.after - (self.before or 0.0)


def compare(before: Run, after: Run) -> list[Change]:
    """Every metric of every policy that both runs have, in the order of `after`."""
    entries = {part.summary["name"]: part.summary for part in before.policies}
    return [
        change
        for part in after.policies
        if part.summary["name"] in entries
        for change in changes_of(part.summary["name"], entries[part.summary["name"]], part.summary)
    ]


def changes_of(policy: str, before: Entry | None, after: Entry | None, steps: str = "") -> list[Change]:
    """Every metric of two entries of one policy: those of BETTER, then the mean share of each account.

    The shares are over `steps` ("saturated" or "all"), by default those over which the two are comparable.
    """
    steps = steps or steps_of([entry for entry in (before, after) if entry])
    accounts = {account_path(account, steps): better for account, better in ACCOUNT_BETTER.items()}
    return [
        Change(policy, path, _at(before, path), _at(after, path), better, _spread(before, after, path))
        for path, better in {**BETTER, **accounts}.items()
    ]


def account_path(account: str, steps: str) -> str:
    """The path of an account's mean share of the arena."""
    return f"ledger.{steps}.{account}.mean"


def steps_of(entries: Sequence[Entry]) -> str:
    """The steps over which entries are comparable: "saturated" if all have such steps, else "all"."""
    return "saturated" if all(entry["over"] == "saturated" for entry in entries) else "all"


def moves(before: Entry, after: Entry) -> list[Move]:
    """The accounts whose mean bytes differ; lost ones first, then by how much they grew."""
    steps = steps_of([before, after])
    sequence = bytes_per_sequence(before, steps)
    found = []
    for account in ACCOUNT_BETTER:
        old, new = (_bytes(entry, steps, account) for entry in (before, after))
        if old != new:
            found.append(Move(account, old, new, (new - old) / sequence if sequence else None))
    return sorted(found, key=lambda move: (move.account not in LOST or move.growth <= 0, -abs(move.growth)))


def losses(entry: Entry) -> list[Move]:
    """The lost accounts that are not empty, the largest first."""
    steps = entry["over"]
    sequence = bytes_per_sequence(entry, steps)
    sizes = {account: _bytes(entry, steps, account) for account in LOST}
    found = [
        Move(account, None, size, size / sequence if sequence else None) for account, size in sizes.items() if size
    ]
    return sorted(found, key=lambda move: -move.after)


def bytes_per_sequence(entry: Entry, steps: str) -> float | None:
    """Mean bytes that a sequence holds, its waste included; None where no sequence is held."""
    held, batch = (_at(entry, f"{name}.{steps}.mean") for name in ("held", "batch"))
    if not held or not batch:
        return None
    size: float = held * entry["capacity"]["bytes"] / batch
    return size


def _bytes(entry: Entry, steps: str, account: str) -> float:
    return float(entry["ledger"][steps][account]["mean"] or 0.0) * float(entry["capacity"]["bytes"])


def _at(entry: Entry | None, path: str) -> Any:
    """The number at a path, None where any part is missing."""
    found: Any = entry
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _spread(before: Entry | None, after: Entry | None, path: str) -> float | None:
    spreads = [(entry.get("spread") or {}).get(path) for entry in (before, after) if entry]
    known = [spread for spread in spreads if spread is not None]
    return max(known, default=None)
