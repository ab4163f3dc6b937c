"""TLSF with the headers kept elsewhere, as tinygrad 0.14 has it for the memory of devices (`tlsf.py` explains)."""

from __future__ import annotations

import sys

from paged_sim.allocators.contract import completed
from paged_sim.allocators.placements import Placement, apart, tlsf
from paged_sim.allocators.space import Space


def create(rule: int, capacity: int) -> Space:
    """One free block. Sizes are at least 16, whatever is left is split off, and the block freed first is used first."""
    return tlsf.laid_out(rule, capacity, granule=1, bits=4, least=16, header=0, least_rest=1, newest_first=False)


PLACEMENT: Placement = Placement(
    "tlsf_headerless",
    "two-level segregated fit, headers kept elsewhere",
    completed(completed(sys.modules[__name__], tlsf), apart),
    block="block",
    space=tlsf.SPACE,
)
