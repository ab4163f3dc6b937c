"""The families of policies: all that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paged_sim.allocators import contiguous, paged
from paged_sim.allocators.family import Family
from paged_sim.allocators.placement import PLACEMENTS
from paged_sim.allocators.prefix import EVICTIONS, KINDS
from paged_sim.allocators.prefix import family as prefix
from paged_sim.allocators.reservation import RULES

if TYPE_CHECKING:
    from paged_sim.scenario.models import AllocatorSpec

FAMILIES = (
    contiguous.FAMILY,
    paged.FAMILY,
    prefix.FAMILY,
)

WORDS = {
    "policy": {family.policy: family.meaning for family in FAMILIES if not family.caches},
    "reserve": {word: rule.meaning for word, rule in RULES.items()},
    "placement": {word: placement.meaning for word, placement in PLACEMENTS.items()},
    "prefix_cache": {word: kind.meaning for word, kind in KINDS.items()},
    "eviction": {word: eviction.meaning for word, eviction in EVICTIONS.items()},
}
"""The words that a scenario gives an allocator, by their key, and what they mean."""


def family_of(spec: AllocatorSpec) -> Family:
    """The family of a policy."""
    caches = spec.prefix_cache != "none"
    return next(family for family in FAMILIES if (family.policy, family.caches) == (spec.policy, caches))


def family_with(state: Any) -> Family:
    """The family of a state."""
    return next(family for family in FAMILIES if family.state is type(state))


def page_size_of(spec: AllocatorSpec) -> int | None:
    """The slots of a page of a policy, or None where it has no pages."""
    return spec.page_size if family_of(spec).paged else None
