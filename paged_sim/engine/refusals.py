"""Refused requests: why, by whose fault, and how many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim.engine import machine as m
from paged_sim.engine.machine import Machine
from paged_sim.result import entry as result


class Refusal(NamedTuple):
    """Why a request was refused: a word for programs, a sentence for readers, and what it is for want of."""

    key: str
    reason: str
    label: str


REASONS = {
    m.REFUSED_PROMPT: Refusal(
        "max_model_len", "its prompt leaves no room for an output within max_model_len", "policy"
    ),
    m.REFUSED_CAPACITY: Refusal("capacity", "it needs more slots than the arena has", "capacity"),
    m.REFUSED_RESERVATION: Refusal("reservation", "its reservation is larger than the arena", "policy"),
    m.REFUSED_PLACEMENT: Refusal(
        "placement", "its reservation cannot be placed even in an empty arena", "fragmentation"
    ),
    m.REFUSED_GROWTH: Refusal("growth", "it could not grow: memory was full, and preemption is off", "capacity"),
    m.REFUSED_MOVE: Refusal(
        "move", "it could not grow: no free extent was long enough, and preemption is off", "fragmentation"
    ),
    m.REFUSED_ALONE: Refusal("alone", "it could not grow even with the arena to itself", "fragmentation"),
}
"""By the outcome of a request."""


def refusals_of(machine: Machine) -> list[result.Refusal]:
    """The reasons that occurred, with their label, the number of requests and the first of them (by its number)."""
    rows = []
    for outcome, why in REASONS.items():
        refused = np.flatnonzero(machine.outcome == outcome)
        if len(refused):
            number: result.Refusal = {
                "key": why.key,
                "reason": why.reason,
                "label": why.label,
                "count": len(refused),
                "first": int(refused[0]),
            }
            rows.append(number)
    return rows
