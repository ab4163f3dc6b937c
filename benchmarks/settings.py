"""How large the benchmarks are: the full suite, a quick look, and one so small that plain Python gets through it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from paged_sim.engine import warm


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes of all benchmarks. `repeats` timings are taken of each case; a median, the least and the most are kept."""

    name: str
    repeats: int
    requests: int
    million: int
    factor: int
    arena_factors: tuple[int, ...]
    extents: tuple[int, ...]
    operations: int
    bandwidth_tokens: tuple[int, ...]
    peer_requests: int
    start_repeats: int
    compiled: bool = os.environ.get("PAGED_SIM_COMPILE") != "never"


FULL = Settings(
    name="full",
    repeats=5,
    requests=100_000,
    million=1_000_000,
    factor=10,
    arena_factors=(1, 8, 64),
    extents=(1_000, 3_000, 10_000, 30_000, 100_000),
    operations=100_000,
    bandwidth_tokens=(1 << 17, 1 << 24),
    peer_requests=5_000,
    start_repeats=5,
)

QUICK = Settings(
    name="quick",
    repeats=5,
    requests=20_000,
    million=100_000,
    factor=10,
    arena_factors=(1, 8, 64),
    extents=(1_000, 10_000, 100_000),
    operations=20_000,
    bandwidth_tokens=(1 << 17, 1 << 22),
    peer_requests=500,
    start_repeats=2,
)

SMALLEST = Settings(
    name="smallest",
    repeats=1,
    requests=5,
    million=20,
    factor=2,
    arena_factors=(1, 2),
    extents=(10, 20),
    operations=40,
    bandwidth_tokens=(1 << 10,),
    peer_requests=20,
    start_repeats=1,
)


def warm_up(settings: Settings) -> None:
    """Compile the step loops now, or find them on disk, so that no benchmark pays for it."""
    if settings.compiled:
        warm.ensure(("contiguous", "paged", "cached", warm.ARENA))
