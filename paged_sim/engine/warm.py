"""Compiling ahead: the step loop for the families of simulations that a scenario needs, and the arena, side by side.

A family is what the loop is compiled for, by its name in `allocators.FAMILIES`, with a placement behind it that is not
compiled with the others, as in "contiguous-tlsf"; where requests have several sequences by that with "-samples" behind
it, such as "paged-samples". The arena's loop, the same for all of them, counts as one more. The first run of a version
on a machine compiles for some seconds for each; the result is kept on disk. Families that are still missing are
compiled by as many processes as there are cores, at most one each.
"""

from __future__ import annotations

import gc
from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from paged_sim import allocators
from paged_sim.arena import open_arena
from paged_sim.arena.operations import COLUMNS
from paged_sim.compiled import machine_code_folder, ways
from paged_sim.compiled.folder import MARK, can_keep
from paged_sim.engine.drive import drive
from paged_sim.engine.handover import usable_cores
from paged_sim.engine.setup import build_allocator, build_machine
from paged_sim.errors import PagedSimError
from paged_sim.processes import LostProcessError, in_processes
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Measure, Scenario, Scheduler, Variant, Workload

ARENA = "arena"
SAMPLES = "-samples"


def family_of(spec: AllocatorSpec, requests: Requests) -> str:
    """The family of a simulation of one allocator over these requests."""
    family = allocators.family_of(spec)
    forks = not family.caches and int(requests.samples.max(initial=1)) > 1
    return family.name + family.variant(spec) + (SAMPLES if forks else "")


def missing(families: Collection[str]) -> list[str]:
    """Those of the families that have not been compiled here yet, in order."""
    folder = machine_code_folder() if families else None
    return [family for family in sorted(families) if folder is None or not _mark(folder, family).exists()]


def warm_up(family: str) -> None:
    """Compile the step loop of a family by running one request of two tokens, or the arena's by writing no token."""
    if family == ARENA:
        with open_arena(ArenaSpec(device="cpu"), 64, 8, compiled=True) as arena:
            arena.execute(np.zeros((1, COLUMNS), np.int32))
    else:
        run_smallest(family)
    folder = machine_code_folder()
    if folder is not None and ways.chosen()[0] != ways.PLAIN:
        with suppress(OSError):  # then it is compiled again
            _mark(folder, family).touch()


def run_smallest(family: str) -> None:
    """Run one request of two tokens with the step loop of a family, and without memory."""
    requests = Requests(
        arrival=np.zeros(1),
        prompt_tokens=np.ones(1, np.int64),
        output_tokens=np.full(1, 2, np.int64),
        max_tokens=np.full(1, 2, np.int64),
        samples=np.full(1, 2 if family.endswith(SAMPLES) else 1, np.int64),
        prefix_offsets=np.zeros(2, np.int64),
        prefix_ids=np.zeros(0, np.int64),
    )
    name, _, placement = family.removesuffix(SAMPLES).partition("-")
    chosen = next(each for each in allocators.FAMILIES if each.name == name)
    spec = AllocatorSpec(name=family, policy=chosen.policy, prefix_cache="hash" if chosen.caches else "none")
    if placement:
        spec = replace(spec, placement=placement)
    scenario = _tiny(spec)
    state = build_allocator(spec, 64, requests, scenario.max_model_len, int(requests.samples[0]))
    machine = build_machine(scenario, spec, state, requests, 64)
    with open_arena(scenario.arena, 64, 8, compiled=True) as arena:
        for _ in drive(machine, arena, compiled=True):
            pass


def ensure(families: Collection[str]) -> None:
    """Compile those of the families that are missing, in as many processes as there are cores for.

    What no process can do for this one is left to whoever needs it: compiling where nothing can be kept, or where no
    process can be started. Where compiling fails, nothing is compiled any more, which is said.
    """
    if not can_keep(machine_code_folder()):
        return
    wanted = missing(families)
    jobs = min(len(wanted), usable_cores())
    try:
        with closing(in_processes(_warm_up_alone, [(family,) for family in wanted], jobs, lambda _: None)) as outcomes:
            for way, why in outcomes:
                ways.fall_back(way, why)
    except LostProcessError:
        ways.fall_back(ways.PLAIN, "a process that compiled was ended from outside, or by its compiler")
    except PagedSimError:
        return
    except Exception as error:
        ways.fall_back(ways.PLAIN, ways.describe(error))


def _warm_up_alone(family: str) -> tuple[str, str]:
    """Compile a family in a process that does nothing else; the way in which that went, and why in that."""
    # A compiler makes many small objects that live to its end: collecting garbage costs a tenth of the time here.
    gc.disable()
    warm_up(family)
    return ways.chosen()


def _tiny(spec: AllocatorSpec) -> Scenario:
    nothing = Variant("constant", {"value": 1})
    return Scenario(
        name="warm-up",
        seed=0,
        repeats=1,
        model=Variant("bytes_per_slot", {"bytes": 8}),
        memory=Variant("slots", {"slots": 64}),
        max_model_len=16,
        workload=Workload(count=1, prompt=nothing, output=nothing, max_tokens=nothing, arrival=Variant("saturated")),
        scheduler=Scheduler(),
        clock=Variant("step"),
        allocators=(spec,),
        arena=ArenaSpec(device="cpu", payload="none"),
        measure=Measure(samples=2),
        checks=(),
        origins={},
    )


def _mark(folder: Path, family: str) -> Path:
    return folder / f"{family}{MARK}"
