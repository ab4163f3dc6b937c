"""What only a prefix cache needs, compiled only where there is one: by the type of `machine.allocator`."""

from __future__ import annotations

from types import ModuleType

from paged_sim import allocators
from paged_sim.compiled import dispatched
from paged_sim.engine import prefixes, private
from paged_sim.engine.machine import Machine

KINDS: dict[type, ModuleType] = {family.state: prefixes if family.caches else private for family in allocators.FAMILIES}


@dispatched(KINDS, by="allocator")
def begin(machine: Machine, seat: int, hits: int, tokens: int) -> None:
    """Give a new seat what was found, of which `hits` tokens need not be computed, and room for `tokens` in all."""
    KINDS[type(machine.allocator)].begin(machine, seat, hits, tokens)


@dispatched(KINDS, by="allocator")
def book_cached(machine: Machine) -> int:
    """Book the slots of pages that are only cached; how many there are."""
    slots: int = KINDS[type(machine.allocator)].book_cached(machine)
    return slots
