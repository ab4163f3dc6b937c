"""What is to be said where memory never binds."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Document, Entry, value_at

from ..basis import is_apart
from ..numbers import percent
from .costs import NOTABLE
from .rules import binding_rule, long_steps
from .words import memory_of, time_at


def never_binds(document: Document, runs: Sequence[Entry]) -> str:
    fullest = max(runs, key=lambda run: float(value_at(run, "held.all.peak") or 0.0))
    stored, held = (float(value_at(fullest, f"{name}.all.peak") or 0.0) for name in ("occupancy", "held"))
    reserved = f", {percent(held, 0)} with what is reserved" if held - stored > 5 * NOTABLE else ""
    where = "" if len(runs) == 1 else f" ({fullest['name']}{reserved})"
    text = f"Memory never binds: peak {percent(stored, 0)} of {memory_of(fullest)}{where or reserved}"
    rule = binding_rule(document, runs)
    steps = "" if rule else long_steps(document, runs)
    text += f"; {rule}." if rule else f". {steps}" if steps else ", and nothing else holds requests back for long."
    return f"{text}{_faster_all_the_same(runs)}"


def _faster_all_the_same(runs: Sequence[Entry]) -> str:
    """Who is faster though memory never binds, and why."""
    path = "latency.total.mean"
    known = [run for run in runs if value_at(run, path) is not None]
    if len(known) < 2:
        return ""
    best, worst = (choose(known, key=lambda run: float(value_at(run, path))) for choose in (min, max))
    if not is_apart(best, worst, path):
        return ""
    why = ""
    spared = value_at(best, "sharing.prefix_cache.hit_rate") or 0.0
    if spared > (value_at(worst, "sharing.prefix_cache.hit_rate") or 0.0):
        why = f", whose prefix cache spares {percent(spared, 0)} of the prompt tokens"
    return (
        f" Requests take {time_at(best, path)} on average under {best['name']}{why}, {time_at(worst, path)} under "
        f"{worst['name']}: memory does not decide that."
    )
