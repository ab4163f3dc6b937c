"""A hand-made run in the shape of the engine's, for tests of reports; and the tests that it is what it claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from paged_sim.run import ACCOUNTS, PolicyRun, Run, Timeline

SLOTS = 15_728
BYTES_PER_SLOT = 819_200

LEDGERS: dict[str, dict[str, float]] = {
    "orca-max": {
        "token_state": 0.196,
        "reservation": 0.126,
        "over_reservation": 0.589,
        "external": 0.008,
        "short": 0.081,
    },
    "orca-pow2": {
        "token_state": 0.271,
        "reservation": 0.174,
        "over_reservation": 0.145,
        "rounding": 0.29,
        "external": 0.09,
        "short": 0.03,
    },
    "vllm": {"token_state": 0.9619, "reservation": 0.012, "tail": 0.009, "short": 0.0171},
}
BATCH = {"orca-max": (7.0, 7), "orca-pow2": (9.66, 14), "vllm": (34.3, 61)}
CAUSES = ("fragmentation", "capacity", "max_num_seqs", "token_budget", "watermark", "after_preemption")
LOSSES = ("over_reservation", "tail", "rounding", "padding", "external", "metadata")


def statistics(value: float) -> dict[str, float]:
    return {"mean": value, "peak": value * 1.1, "p50": value, "p99": value * 1.05}


def summary(name: str, **changes: Any) -> dict[str, Any]:
    """One entry of "runs"; `changes` replace whole keys."""
    ledger = {account: statistics(LEDGERS[name].get(account, 0.0)) for account in ACCOUNTS}
    over_all = {account: dict(entry) for account, entry in ledger.items()}
    over_all["short"] = statistics(LEDGERS[name]["short"] - 0.01)
    over_all["idle"] = statistics(0.01)
    held, peak = BATCH[name]
    share = sum(LEDGERS[name].get(account, 0.0) for account in LOSSES)
    wasted = {"share": share, "bytes": share * SLOTS * BYTES_PER_SLOT}
    tokens = LEDGERS[name]["token_state"]
    paged = name == "vllm"
    entry: dict[str, Any] = {
        "name": name,
        "policy": {"policy": "paged", "page_size": 16} if paged else {"policy": "contiguous", "placement": "buddy"},
        "seeds": [42],
        "over": "saturated",
        "capacity": {
            "slots": SLOTS,
            "bytes": SLOTS * BYTES_PER_SLOT,
            "bytes_per_slot": BYTES_PER_SLOT,
            "page_size": 16 if paged else None,
            "pages": 983 if paged else None,
        },
        "arena": {
            "device": "cpu",
            "payload": "tag",
            "tokens_written": 1_996_000,
            "tokens_checked": 1_996_000,
            "tokens_discarded": 1_000,
            "corrupt": 0,
            "first_corrupt": None,
            "touched_bytes": 125_824,
            "resident_bytes": 126_976,
            "hash": "9f2c",
        },
        "steps": 41_000,
        "measured": {
            "saturated": {"steps": 39_112, "time": 39_112.0},
            "all": {"steps": 41_000, "time": 41_000.0},
        },
        "time": {"end": 41_000.0 if paged else 200_000.0, "last_arrival": 0.0, "unit": "steps"},
        "throughput": {"requests": 0.1, "output_tokens": 33.9},
        "latency": {
            name: {"mean": mean, "p50": mean, "p90": 2 * mean, "p99": 3 * mean, "max": 4 * mean}
            for name, mean in {"queue": 900.0, "first_token": 901.0, "total": 1240.0}.items()
        },
        "tokens": {"computed": 1_996_000, "recomputed": 1_000, "recomputed_share": 1 / 1996},
        "token_steps": 1_350_000,
        "requests": {"finished": 3_998, "refused": 2, "preempted": 5 if paged else 0},
        "batch": {"mean": held, "peak": peak, "saturated": statistics(held), "all": statistics(held * 0.9)},
        "occupancy": {"mean": tokens, "saturated": statistics(tokens), "all": statistics(tokens)},
        "fill": {
            "mean": 0.98 if paged else tokens * 1.1,
            "at_finish": 0.985 if paged else 0.24,
            "saturated": statistics(0.98),
            "all": statistics(0.98),
        },
        "pages": {"mean": 950.0 if paged else None, "allocated_peak": 983 if paged else None, "cow_copies": 0},
        "ledger": {"saturated": ledger, "all": over_all},
        "paper_view": {
            "token_state": tokens,
            "reservation": LEDGERS[name]["reservation"],
            "internal": LEDGERS[name].get("over_reservation", 0.0) + LEDGERS[name].get("tail", 0.0),
            "external_and_others": sum(
                LEDGERS[name].get(account, 0.0) for account in ("rounding", "external", "short")
            ),
        },
        "blocked_steps": {"fragmentation": 3_100, "capacity": 36_000, "policy": 12},
        "blocked_by": {**dict.fromkeys(CAUSES, 0), "fragmentation": 3_100, "capacity": 36_000, "max_num_seqs": 12},
        "waiting": {
            "mean": 2_000.0,
            "peak": 3_990.0,
            "saturated": statistics(2_000.0),
            "all": statistics(1_900.0),
            "share": 0.954,
            "share_by": {**dict.fromkeys(CAUSES, 0.0), "fragmentation": 0.076, "capacity": 0.878, "step": 0.0},
        },
        "sharing": {"logical_tokens_mean": 1.0, "physical_tokens_mean": 1.0, "pages_saved_fraction": 0.0},
        "spread": None,
        "timings": None,
        "waste": {
            "share": share,
            "bytes": share * SLOTS * BYTES_PER_SLOT,
            **dict.fromkeys(("saturated", "all"), wasted),
        },
        "refusals": [
            {
                "key": "max_model_len",
                "reason": "its prompt leaves no room for an output within max_model_len",
                "label": "policy",
                "count": 2,
                "first": 17,
            }
        ],
        "preemptions": {"fragmentation": 0, "capacity": 5 if paged else 0, "policy": 0},
        "external_index": {"mean": None if paged else 0.4},
        "notes": ["--device auto: no GPU (CuPy is not installed), using the host arena"],
    }
    return {**entry, **changes}


def document(*names: str, **extra: Any) -> dict[str, Any]:
    """The JSON of a run of the named policies (all three by default)."""
    runs = [summary(name) for name in names or tuple(LEDGERS)]
    return {"version": 1, "scenario": {"name": "sample", "seed": 42}, "runs": runs, **extra}


def timeline(name: str, steps: int = 400, bins: int = 160) -> Timeline:
    """Steps of a pool that fills up, then stays full; the map shows paging as a haze and extents as blocks."""
    generator = np.random.default_rng(7)
    step = np.arange(steps, dtype=np.float64) * 100
    ramp = np.minimum(1.0, step / step[40])
    wobble = 1 + 0.03 * np.sin(step / 900) + 0.01 * generator.standard_normal(steps)
    columns = {"step": step, "time": step * 0.036, "duration": np.full(steps, 0.036)}
    columns["batch"] = np.round(BATCH[name][0] * ramp * wobble)
    columns["waiting"] = np.maximum(4000 - step / 10, 0)
    shares = {key: value * ramp for key, value in LEDGERS[name].items()}
    shares["token_state"] = np.clip(shares["token_state"] * wobble, 0, 1)
    columns["held"] = SLOTS * (shares["token_state"] + shares["reservation"])
    columns.update({key: SLOTS * shares.get(key, np.zeros(steps)) for key in ACCOUNTS})
    map_steps = step[::2].astype(np.int64)
    slots = memory_map(name, generator, len(map_steps), bins)
    return Timeline(columns, slots, map_steps, np.append(map_steps, steps * 100) * 0.036, ("token_state", "short"))


def memory_map(name: str, generator: np.random.Generator, rows: int, bins: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Stretches of 255 slots; the rest of the arena is not shown."""
    tokens = np.full((rows, bins), 255, np.uint16)
    if name == "vllm":
        tokens = np.clip(generator.normal(245, 12, (rows, bins)), 0, 255).astype(np.uint16)
    else:
        for begin in range(0, bins, 20):
            for row in range(int(generator.integers(0, 20)), rows, 37):
                tokens[row : row + int(generator.integers(1, 9)), begin : begin + 20] = 0
        tokens[:, -12:] = 0
    return np.stack((tokens, 255 - tokens), axis=2)


def sample_run(*names: str, scenario: str = "sample", changes: Mapping[str, Any] | None = None) -> Run:
    """The run itself, timelines included."""
    parts = tuple(PolicyRun(summary(name, **(changes or {})), timeline(name)) for name in names or tuple(LEDGERS))
    return Run({"name": scenario, "seed": 42}, parts)


@pytest.mark.parametrize("name", LEDGERS)
@pytest.mark.parametrize("over", ["saturated", "all"])
def test_the_sample_ledger_sums_to_the_arena(name: str, over: str) -> None:
    ledger = summary(name)["ledger"][over]
    assert sum(entry["mean"] for entry in ledger.values()) == pytest.approx(1.0)
    assert tuple(ledger) == ACCOUNTS
