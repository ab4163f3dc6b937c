"""The ledger at the steps that were asked for, in slots: one step with its bytes, or several below each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import Block, Cell, Grid, Paragraph, Styled
from .numbers import amount, count
from .palette import LOOKS

Document = Mapping[str, Any]

_TOO_SHORT = "No policy ran as long as the step asked for."


def account_cell(key: str) -> Cell:
    """An account's name behind the character of the bars, in its colour."""
    return Styled(f"{LOOKS[key].glyph} {key}", LOOKS[key].colour)


def at_step_blocks(runs: Sequence[Document]) -> list[Block]:
    """The ledger at the one step, or at each of the steps, that were asked for; nothing where none was."""
    if any("at_step" in run for run in runs):
        return _one_step([run for run in runs if run.get("at_step")])
    if any("at_steps" in run for run in runs):
        return _several_steps([run for run in runs if run.get("at_steps")])
    return []


def _one_step(reached: Sequence[Document]) -> list[Block]:
    """The policies that ran so long beside each other, an account a row."""
    if not reached:
        return [Paragraph(_TOO_SHORT, style="yellow")]
    capacity = {run["name"]: run["capacity"] for run in reached}
    step = count(reached[0]["at_step"]["step"])
    accounts = _accounts([run["at_step"] for run in reached])
    rows = tuple(
        (account_cell(key), *(_slots(run["at_step"].get(key, 0), capacity[run["name"]]) for run in reached))
        for key in accounts
    )
    held = ("sequences held", *(count(run["at_step"]["batch"]) for run in reached))
    waiting = ("requests waiting", *(count(run["at_step"]["waiting"]) for run in reached))
    tail: list[tuple[str, ...]] = [held, waiting]
    if any(run["at_step"].get("saved") for run in reached):
        saved = (_slots(run["at_step"].get("saved", 0), capacity[run["name"]]) for run in reached)
        tail.append(("saved by sharing", *saved))
    return [Grid(f"The ledger at step {step}, in slots", ("account", *capacity), (*rows, *tail))]


def _several_steps(reached: Sequence[Document]) -> list[Block]:
    """A table a policy, a step a row."""
    if not reached:
        return [Paragraph(_TOO_SHORT, style="yellow")]
    return [_steps_of(run["name"], run["at_steps"]) for run in reached]


def _steps_of(name: str, steps: Sequence[Document]) -> Grid:
    accounts = _accounts(steps)
    saved = ["saved"] if any(step.get("saved") for step in steps) else []
    keys = ("step", "batch", "waiting", *accounts, *saved)
    heads = {"batch": "sequences", "saved": "saved by\nsharing"}
    header = tuple(heads.get(key, key.replace("_", "\n")) for key in keys)
    rows = tuple(tuple(count(step.get(key, 0)) for key in keys) for step in steps)
    return Grid(f"The ledger of {name} at each step, in slots", header, rows)


def _accounts(rows: Sequence[Document]) -> list[str]:
    """The accounts that hold anything in any of the rows, in the order of the ledger."""
    return [key for key in LOOKS if any(row.get(key) for row in rows)]


def _slots(slots: float, capacity: Document) -> str:
    return f"{count(slots)} ({amount(slots * capacity['bytes_per_slot'])})"
