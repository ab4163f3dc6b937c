"""Why a policy holds more or fewer sequences than before: what each account did to their number."""

from __future__ import annotations

from dataclasses import dataclass

from paged_sim.result import Entry, Steps, mean_share, value_at
from paged_sim.result.accounts import CACHE, FREE, LOST, NOBODY, SEQUENCE, owned_by

PER_SEQUENCE = owned_by(SEQUENCE)
"""The accounts of slots that sequences hold: the more sequences there are, the more slots."""

ELSEWHERE = owned_by(CACHE, FREE, NOBODY)
"""The accounts of slots that no sequence holds."""

NEEDED = tuple(account for account in PER_SEQUENCE if account not in LOST)
"""The accounts of slots that a sequence writes, sooner or later."""


@dataclass(frozen=True, slots=True)
class Move:
    """Mean bytes of one thing before and after, and the sequences held that its change won (lost, if negative).

    `name` is an account of the ledger, with "per sequence" behind it where the bytes are those that a sequence holds,
    or "capacity".
    """

    name: str
    before: float
    after: float
    sequences: float

    @property
    def growth(self) -> float:
        """Bytes by which it grew."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Loss:
    """A lost account's mean bytes, and how many sequences have room there; None where no sequence is held."""

    account: str
    size: float
    sequences: float | None


def moves(before: Entry, after: Entry, steps: Steps) -> list[Move]:
    """What moved between two entries over these steps, the largest effect on the sequences held first.

    sequences = held bytes / bytes per sequence, where held bytes are the capacity without the accounts of ELSEWHERE,
    and bytes per sequence the sum over the accounts of PER_SEQUENCE. Both are sums over accounts, so with m(x) for the
    mean of x before and after

        change of sequences = m(1 / bytes per sequence) * change of held bytes
                            + m(held bytes) * change of 1 / bytes per sequence

    is exact, and the parts of the accounts add up to the change.
    """
    old, new = (_bytes_per_sequence(entry, steps) for entry in (before, after))
    old, new = old or new, new or old  # What a sequence would have held where there was none: nobody knows better.
    sizes = sum(old.values()), sum(new.values())
    held = sum(_bytes(entry, steps, account) for entry in (before, after) for account in PER_SEQUENCE) / 2
    for_each_byte = held / (sizes[0] * sizes[1]) if all(sizes) else 0.0
    for_all_bytes = (1 / sizes[0] + 1 / sizes[1]) / 2 if all(sizes) else 0.0
    capacities = [float(entry["capacity"]["bytes"]) for entry in (before, after)]
    found = [
        _move("capacity", capacities[0], capacities[1], for_all_bytes),
        *(_move(f"{name} per sequence", old[name], new[name], -for_each_byte) for name in old),
        *(_move(name, _bytes(before, steps, name), _bytes(after, steps, name), -for_all_bytes) for name in ELSEWHERE),
    ]
    return sorted((move for move in found if move.growth), key=lambda move: -abs(move.sequences))


def losses(entry: Entry, steps: Steps) -> list[Loss]:
    """The lost accounts that are not empty, the largest first."""
    each = _bytes_per_sequence(entry, steps)
    needed = sum(each[account] for account in NEEDED) if each else 0.0
    sizes = {account: _bytes(entry, steps, account) for account in LOST}
    found = [Loss(account, size, size / needed if needed else None) for account, size in sizes.items() if size]
    return sorted(found, key=lambda loss: -loss.size)


def sequences_held(entry: Entry, steps: Steps) -> float:
    """How many sequences are held on average."""
    return float(value_at(entry, f"batch.{steps}.mean") or 0.0)


def _bytes_per_sequence(entry: Entry, steps: Steps) -> dict[str, float]:
    """The bytes that a sequence holds on average, by account; nothing where no sequence is held."""
    sequences = sequences_held(entry, steps)
    return {account: _bytes(entry, steps, account) / sequences for account in PER_SEQUENCE} if sequences else {}


def _bytes(entry: Entry, steps: Steps, account: str) -> float:
    return (mean_share(entry, steps, account) or 0.0) * float(entry["capacity"]["bytes"])


def _move(name: str, before: float, after: float, sequences_a_byte: float) -> Move:
    return Move(name, before, after, sequences_a_byte * (after - before))
