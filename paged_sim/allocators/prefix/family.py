"""The family of policies with a prefix cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from paged_sim.allocators import absent, block_table, paged, prefix
from paged_sim.allocators.block_table import PAGE_SIZE, USABLE
from paged_sim.allocators.contract import completed
from paged_sim.allocators.family import Demands, Family, longest_of
from paged_sim.allocators.prefix import EVICTIONS, KINDS, Cached
from paged_sim.allocators.prefix.pool import create, stretches_of_a_page
from paged_sim.allocators.prefix.record import FILLED, REFERENCES
from paged_sim.content import content_of
from paged_sim.requests import Requests

if TYPE_CHECKING:
    from paged_sim.scenario.models import AllocatorSpec


def create_for(spec: AllocatorSpec, slots: int, requests: Requests, max_model_len: int, rows: int) -> Cached:
    """An empty pool for a scenario's entry."""
    return create(
        content=content_of(requests),
        kind=KINDS[spec.prefix_cache].number,
        policy=EVICTIONS[spec.eviction],
        slots=slots,
        page_size=spec.page_size,
        null_page=spec.null_page,
        rows=rows,
        longest=longest_of(requests, max_model_len),
    )


def demands(state: Cached, requests: Requests, max_model_len: int) -> Demands:
    """All of a request's tokens: that others have them already is not known beforehand."""
    needed = requests.stored_tokens * requests.samples
    return Demands(needed, needed, np.ones(len(requests), bool))


def settings(spec: AllocatorSpec) -> dict[str, Any]:
    """Those of its pages and of its cache."""
    return {**paged.settings(spec), "prefix_cache": spec.prefix_cache, "eviction": spec.eviction}


def touched(state: Cached, requests: Requests) -> int:
    """Each owner of a shared page checks it, and a page may hold tokens of several stretches."""
    stretches = stretches_of_a_page(state.content, int(state.numbers[PAGE_SIZE]))
    return int(state.table.size) * stretches + int(state.numbers[USABLE])


def kept_pages(state: Cached) -> dict[int, int]:
    """The pages that only the cache keeps, and how many of their slots are filled."""
    pages = np.flatnonzero((state.pages[:, FILLED] > 0) & (state.pages[:, REFERENCES] == 0))
    return {int(page): int(state.pages[page, FILLED]) for page in pages}


FAMILY: Family = Family(
    name="cached",
    policy=paged.FAMILY.policy,
    meaning="pages that keep their tokens for requests that begin alike",
    keys=paged.FAMILY.keys,
    state=Cached,
    functions=completed(completed(prefix, block_table), absent),
    create=create_for,
    demands=demands,
    settings=settings,
    formula=paged.formula,
    paged=True,
    caches=True,
    touched=touched,
    kept_pages=kept_pages,
)
