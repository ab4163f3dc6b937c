"""From what the seeds of a policy came to, to its part of a run: the JSON, the timeline, the columns of requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from paged_sim.allocators import family_of, page_size_of
from paged_sim.arena import ArenaStats
from paged_sim.engine import machine as m
from paged_sim.engine import measures
from paged_sim.engine.felt import RequestColumns
from paged_sim.engine.machine import Machine
from paged_sim.engine.memory_map import MemoryMap
from paged_sim.engine.refusals import refusals_of
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.geometry import booking_notes
from paged_sim.ledger import SERIES
from paged_sim.merge import merge
from paged_sim.result import Entry, ResolvedScenario, Steps
from paged_sim.result.accounts import ACCOUNTS
from paged_sim.result.entry import Arena, Capacity, OfSeed
from paged_sim.run import PolicyRun, Run, Timeline
from paged_sim.scenario import resolved as resolved_scenario
from paged_sim.scenario.models import AllocatorSpec
from paged_sim.simulation.drive import Outcome
from paged_sim.simulation.resolve import Resolved
from paged_sim.workloads import Drawn


def run_of(resolved: Resolved, parts: Sequence[PolicyRun]) -> Run:
    """The run of a scenario's policies. Raises PagedSimError (exit code 1) if none of them served a single request."""
    refuse_empty(parts)
    return Run(scenario=cast(ResolvedScenario, resolved_scenario(resolved.scenario)), policies=tuple(parts))


def summarise(
    resolved: Resolved, spec: AllocatorSpec, drawn: dict[int, Drawn], outcomes: Sequence[Outcome]
) -> PolicyRun:
    """One allocator over all seeds."""
    scenario, geometry, wanted = resolved.scenario, resolved.geometry, resolved.wanted
    over: Steps = "saturated" if all(measures.has_waiters(outcome.machine) for outcome in outcomes) else "all"
    page_size = page_size_of(spec)
    summaries: list[OfSeed] = [
        {
            **measures.summary_of(outcome.machine, over, resolved.slots, page_size, geometry.bytes_per_slot),
            **outcome.felt,
            "refusals": refusals_of(outcome.machine),
            "arena": arena_part(outcome.machine, outcome.stats, outcome.digest),
        }
        for outcome in outcomes
    ]
    first = outcomes[0].machine
    fallbacks = sorted({outcome.stats.fallback for outcome in outcomes} - {""})
    parts = {
        "name": spec.name,
        "policy": policy_part(spec),
        "seeds": list(drawn),
        "capacity": capacity_part(resolved, page_size),
        **merge(summaries),
        "notes": [*resolved.notes, *notes_on(drawn[scenario.seed], spec), *fallbacks],
        "timings": {"wall_seconds": sum(outcome.seconds for outcome in outcomes)} if wanted.timings else None,
    }
    summary = cast(Entry, parts)
    if notes := booking_notes(geometry, scenario.max_model_len):
        summary["booking"] = list(notes)
    if wanted.at_step is not None:
        rows = watched_rows(first)
        if isinstance(wanted.at_step, range):
            summary["at_steps"] = rows
        else:
            summary["at_step"] = rows[0] if rows else None
    columns = [outcome.requests for outcome in outcomes if outcome.requests is not None]
    return PolicyRun(
        summary=summary,
        timeline=timeline_of(first, outcomes[0].memory_map),
        requests=joined(columns, list(drawn)) if columns else {},
    )


def notes_on(drawn: Drawn, spec: AllocatorSpec) -> list[str]:
    """What a reader of the numbers must know of the requests, as an allocator serves them."""
    notes = list(drawn.notes)
    if family_of(spec).caches and drawn.requests.samples.max(initial=1) > 1:
        notes.append("with a prefix cache each sample is a request of its own, and is counted and timed as one")
    return notes


def capacity_part(resolved: Resolved, page_size: int | None) -> Capacity:
    """The arena's size, for the JSON."""
    return {
        "slots": resolved.slots,
        "bytes": resolved.slots * resolved.geometry.bytes_per_slot,
        "bytes_per_slot": resolved.geometry.bytes_per_slot,
        "page_size": page_size,
        "pages": resolved.slots // page_size if page_size else None,
    }


def joined(columns: Sequence[RequestColumns], seeds: Sequence[int]) -> RequestColumns:
    """The requests of several seeds below each other, each with its seed."""
    counts = [len(of_seed["request"]) for of_seed in columns]
    return {
        "seed": np.repeat(np.array(seeds, np.int64), counts),
        **{name: np.concatenate([of_seed[name] for of_seed in columns]) for name in columns[0]},
    }


def watched_rows(machine: Machine) -> list[dict[str, float]]:
    """The rows of the steps that were asked for, as far as the run went."""
    return [measures.timeline_row(row) for row in machine.watched if not np.isnan(row[0])]


def policy_part(spec: AllocatorSpec) -> dict[str, Any]:
    """The policy and the settings that it uses, for the JSON."""
    return {"policy": spec.policy, **family_of(spec).settings(spec)}


def arena_part(machine: Machine, stats: ArenaStats, digest: str) -> Arena:
    """What the arena did and holds, for the JSON."""
    corrupt = stats.first_corrupt
    return {
        "device": stats.device,
        "payload": stats.payload,
        "bytes": stats.bytes,
        "tokens_written": stats.tokens_written,
        "tokens_checked": stats.tokens_checked,
        "tokens_copied": stats.tokens_copied,
        "tokens_discarded": int(machine.counts[m.DISCARDED]),
        "corrupt": stats.corrupt,
        "first_corrupt": {"slot": corrupt[0], "generation": corrupt[1], "position": corrupt[2]} if corrupt else None,
        "touched_bytes": stats.touched_bytes,
        "resident_bytes": stats.resident_bytes,
        "hash": digest,
    }


def timeline_of(machine: Machine, memory_map: MemoryMap | None) -> Timeline:
    """The kept rows of a simulation as columns."""
    rows = machine.timeline[: machine.counts[m.NUM_ROWS]]
    names = ("step", "time", "duration", *SERIES)
    columns = {name: rows[:, index].copy() for index, name in enumerate(names)}
    if memory_map is None or not memory_map.rows:
        return Timeline(columns)
    slots = np.stack([row.slots for row in memory_map.rows])
    occurring = np.flatnonzero(slots.any(axis=(0, 1)))
    narrow = np.uint16 if slots[0].sum(axis=1).max() < 1 << 16 else np.uint32
    return Timeline(
        columns,
        slots[:, :, occurring].astype(narrow),
        np.array([row.step for row in memory_map.rows], np.int64),
        np.array([*(row.time for row in memory_map.rows), memory_map.end]),
        tuple(ACCOUNTS[account] for account in occurring),
    )


def refuse_empty(parts: Sequence[PolicyRun]) -> None:
    """Raise PagedSimError (exit code 1) if no policy served a single request."""
    if any(part.summary["requests"]["finished"] for part in parts):
        return
    refusal = parts[0].summary["refusals"][0]
    raise PagedSimError(
        f"no request could be served: {refusal['count']} were refused by {parts[0].summary['name']}, "
        f"the first (number {refusal['first']}) because {refusal['reason']}; give more memory or shorter requests",
        exit_code=EXIT_ERROR,
    )
