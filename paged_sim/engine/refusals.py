"""Refused requests: why, by whose fault, and how many."""

from __future__ import annotations

from typing import Any

import numpy as np

from paged_sim.engine import machine as m
from paged_sim.engine.machine import Machine

REASONS = {
    m.REFUSED_PROMPT: ("its prompt leaves no room for an output within max_model_len", "policy"),
    m.REFUSED_CAPACITY: ("it needs more slots than the arena has", "capacity"),
    m.REFUSED_RESERVATION: ("its reservation is larger than the arena", "policy"),
    m.REFUSED_PLACEMENT: ("its reservation cannot be placed even in an empty arena", "fragmentation"),
    m.REFUSED_GROWTH: ("it could not grow: memory was full, and preemption is off", "capacity"),
    m.REFUSED_MOVE: ("it could not grow: no free extent was long enough, and preemption is off", "fragmentation"),
    m.REFUSED_ALONE: ("it could not grow even with the arena to itself", "fragmentation"),
}
"""Outcome -> (reason, label)."""


def refusals_of(machine: Machine) -> list[dict[str, Any]]:
    """The reasons that occurred, with their label, the number of requests and the first of them (by its number)."""
    rows = []
    for outcome, (reason, label) in REASONS.items():
        refused = np.flatnonzero(machine.outcome == outcome)
        if len(refused):
            rows.append({"reason": reason, "label": label, "count": len(refused), "first": int(refused[0])})
    return rows
