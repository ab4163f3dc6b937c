"""`running`: shares to the token as `radix` does, but keeps nothing: a page that nobody holds is blank."""

from __future__ import annotations

from paged_sim.allocators.prefix.pool import Cached, put_back, remove
from paged_sim.allocators.prefix.record import REFERENCES
from paged_sim.compiled import kernel


@kernel
def free(state: Cached, row: int) -> None:
    """Drop a row's references; a page that nobody holds leaves the cache, the row's last one the next handed out."""
    for place in range(state.num_pages[row]):
        page = state.table[row, place]
        state.pages[page, REFERENCES] -= 1
        if state.pages[page, REFERENCES] == 0:
            remove(state, page)
            put_back(state, page)
