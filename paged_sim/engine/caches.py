"""What only a prefix cache needs, compiled only where there is one: by the type of `machine.allocator`."""

from __future__ import annotations

from types import ModuleType

from paged_sim.allocators.contiguous import Contiguous
from paged_sim.allocators.paged import Paged
from paged_sim.allocators.prefix import Cached
from paged_sim.compiled import dispatched
from paged_sim.engine import prefixes, private
from paged_sim.engine.machine import Machine

KINDS: dict[type, ModuleType] = {Contiguous: private, Paged: private, Cached: prefixes}


@dispatched(KINDS, by="allocator")
def begin(machine: Machine, seat: int, hits: int, tokens: int) -> None:
    """Give a new seat what was found, of which `hits` tokens need not be computed, and room for `tokens` in all."""
    KINDS[type(machine.allocator)].begin(machine, seat, hits, tokens)


@dispatched(KINDS, by="allocator")
def book_cached(machine: Machine) -> int:
    """Book the slots of pages that are only cached; how many there are."""
    slots: int = KINDS[type(machine.allocator)].book_cached(machine)
    return slots
