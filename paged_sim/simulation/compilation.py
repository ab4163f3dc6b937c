"""Which simulations run as machine code, and compiling it before they start."""

from __future__ import annotations

from collections.abc import Collection

from paged_sim.compiled import worth_compiling
from paged_sim.engine import warm
from paged_sim.engine.drive import Progress
from paged_sim.requests import Requests
from paged_sim.scenario.models import Scenario
from paged_sim.workloads import Drawn

COMPILE_FROM = 100_000
"""Token-steps of one simulation from which compiling is worthwhile; below, plain Python takes less than a second."""


def should_compile(requests: Requests) -> bool:
    """Whether a simulation of these requests is worth compiling; `PAGED_SIM_COMPILE=always|never` overrules."""
    # A prompt is written page by page, so its tokens take a fraction of the work of generated ones.
    return worth_compiling(int(requests.output_tokens.sum()) + int(requests.prompt_tokens.sum()) // 16, COMPILE_FROM)


def compile_ahead(scenario: Scenario, drawn: Collection[Drawn], progress: Progress | None) -> None:
    """Compile what these simulations need and this machine has not compiled yet; say so, since it takes a while."""
    families = {
        warm.family_of(spec, one.requests)
        for spec in scenario.allocators
        for one in drawn
        if should_compile(one.requests)
    }
    if families and scenario.arena.payload != "none":
        families.add(warm.ARENA)
    if not warm.missing(families):
        return
    if progress is not None:
        progress.announce("compiling the step loop for this machine, once (about twenty seconds)")
    warm.ensure(families)
