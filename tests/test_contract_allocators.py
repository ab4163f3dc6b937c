"""The contract of `paged_sim.testing` over every policy."""

from __future__ import annotations

import pytest
from helpers import POLICIES, by_name

from paged_sim.allocators import State
from paged_sim.allocators.placement import PLACEMENTS
from paged_sim.engine.setup import build_allocator
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec
from paged_sim.testing import check_contract


def check(spec: AllocatorSpec, **options: int) -> None:
    """Check the contract of a policy that a scenario names."""

    def build(slots: int, requests: Requests, longest: int, rows: int) -> State:
        return build_allocator(spec, slots, requests, longest, rows)

    placed = PLACEMENTS[spec.placement]
    caches = spec.prefix_cache != "none"
    check_contract(build, caches=caches, exact=placed.exact, ordered=placed.ordered, **options)


@pytest.mark.parametrize("spec", POLICIES, ids=by_name)
def test_contract(spec: AllocatorSpec) -> None:
    check(spec, examples=5)


@pytest.mark.slow
@pytest.mark.parametrize("spec", POLICIES, ids=by_name)
def test_contract_at_length(spec: AllocatorSpec) -> None:
    check(spec, examples=12, steps=40)
