"""The ledger at the steps that were asked for, in slots: one step with its bytes, or several below each other."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Entry
from paged_sim.result.entry import Capacity, Row

from .blocks import Block, Cell, Grid, Paragraph, Styled
from .numbers import amount, count
from .palette import LOOKS

_TOO_SHORT = "No policy ran as long as the step asked for."


def account_cell(key: str) -> Cell:
    """An account's name behind the character of the bars, in its colour."""
    return Styled(f"{LOOKS[key].glyph} {key}", LOOKS[key].colour)


def at_step_blocks(runs: Sequence[Entry]) -> list[Block]:
    """The ledger at the one step, or at each of the steps, that were asked for; nothing where none was."""
    if any("at_step" in run for run in runs):
        return _one_step([(run, row) for run in runs if (row := run.get("at_step"))])
    if any("at_steps" in run for run in runs):
        return _several_steps([run for run in runs if run.get("at_steps")])
    return []


def _one_step(reached: Sequence[tuple[Entry, Row]]) -> list[Block]:
    """The policies that ran so long beside each other, an account a row."""
    if not reached:
        return [Paragraph(_TOO_SHORT, style="yellow")]
    rows = [row for _, row in reached]

    def in_slots(label: Cell, key: str) -> tuple[Cell, ...]:
        return (label, *(_slots(row.get(key, 0), run["capacity"]) for run, row in reached))

    cells = [
        *(in_slots(account_cell(account), account) for account in _accounts(rows)),
        ("sequences held", *(count(row["batch"]) for row in rows)),
        ("requests waiting", *(count(row["waiting"]) for row in rows)),
        *([in_slots("saved by sharing", "saved")] if any(row.get("saved") for row in rows) else []),
    ]
    header = ("account", *(run["name"] for run, _ in reached))
    return [Grid(f"The ledger at step {count(rows[0]['step'])}, in slots", header, tuple(cells))]


def _several_steps(reached: Sequence[Entry]) -> list[Block]:
    """A table a policy, a step a row."""
    if not reached:
        return [Paragraph(_TOO_SHORT, style="yellow")]
    return [_steps_of(run["name"], run["at_steps"]) for run in reached]


def _steps_of(name: str, steps: Sequence[Row]) -> Grid:
    accounts = _accounts(steps)
    saved = ["saved"] if any(step.get("saved") for step in steps) else []
    keys = ("step", "batch", "waiting", *accounts, *saved)
    heads = {"batch": "sequences", "saved": "saved by\nsharing"}
    header = tuple(heads.get(key, key.replace("_", "\n")) for key in keys)
    rows = tuple(tuple(count(step.get(key, 0)) for key in keys) for step in steps)
    return Grid(f"The ledger of {name} at each step, in slots", header, rows)


def _accounts(rows: Sequence[Row]) -> list[str]:
    """The accounts that hold anything in any of the rows, in the order of the ledger."""
    return [key for key in LOOKS if any(row.get(key) for row in rows)]


def _slots(slots: float, capacity: Capacity) -> str:
    return f"{count(slots)} ({amount(slots * capacity['bytes_per_slot'])})"
