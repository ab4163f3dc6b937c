"""A million requests: seconds and peak memory, each simulation in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.machine import field_of
from benchmarks.settings import Settings
from benchmarks.timing import Row, spread
from benchmarks.workload import AMPLE, AMPLE_LARGE, POLICIES, Load, get_ready, run_through, scenario_of
from paged_sim.simulation import draw, simulate

_ROOT = Path(__file__).parent.parent
LOADS = {load.pages: load for load in (AMPLE, AMPLE_LARGE)}
NAMES = ("paged 16", "max, buddy", "oracle, buddy", "oracle, best_fit")


def measure(settings: Settings) -> list[Row]:
    """One row for each policy and arena."""
    return [measure_case(name, load, settings) for load in LOADS.values() for name in NAMES]


def measure_case(name: str, load: Load, settings: Settings) -> Row:
    """One policy and arena, in fresh processes, which find their machine code on disk."""
    command = [sys.executable, "-m", "benchmarks.million", name, str(load.pages), str(settings.million)]
    command.append("compiled" if settings.compiled else "plain")
    results = []
    for _ in range(settings.repeats):
        answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT)
        results.append(json.loads(answer.stdout))
    row = {"policy": name, "load": load.name, "pages": load.pages, **results[0]}
    for part in ("simulate_seconds", "loop_seconds", "draw_seconds"):
        row |= spread([result[part] for result in results], part)
    return {**row, **spread([result["mebibytes"] for result in results], "mebibytes")}


def run_alone(name: str, pages: int, count: int, compiled: bool) -> Row:
    """What the process of one case measures of itself: the peak first, since the timings apart need more memory."""
    scenario = scenario_of(LOADS[pages], count, POLICIES[name])
    started = perf_counter()
    run = simulate(scenario)
    simulated = perf_counter() - started
    summary = run.policies[0].summary
    arena_bytes = summary["arena"]["touched_bytes"]
    peak = peak_bytes()
    started = perf_counter()
    requests = draw(scenario, 1).requests
    drawn = perf_counter() - started
    ready = get_ready(scenario, requests, compiled=compiled)
    with ready.arena:
        started = perf_counter()
        run_through(ready)
        looped = perf_counter() - started
    return {
        "requests": count,
        "token_steps": summary["token_steps"],
        "tokens_written": summary["arena"]["tokens_written"],
        "simulate_seconds": simulated,
        "draw_seconds": drawn,
        "loop_seconds": looped,
        "mebibytes": (peak - arena_bytes) / 2**20,
        "arena_mebibytes": arena_bytes / 2**20,
    }


def peak_bytes() -> int:
    """The most memory this process has had resident so far.

    Linux lets what getrusage says begin with what the parent had; the field of /proc begins with the program.
    """
    kibibytes = field_of("/proc/self/status", "VmHWM")
    if kibibytes is not None:
        return int(kibibytes.split()[0]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    policy, pages, count, mode = sys.argv[1:]
    print(json.dumps(run_alone(policy, int(pages), int(count), mode == "compiled")))
