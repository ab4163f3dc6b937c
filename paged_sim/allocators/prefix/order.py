"""The order of eviction: what the policies keep to tell which page is next."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

from paged_sim.allocators.block_table import Pages
from paged_sim.allocators.size_tree import SizeTree
from paged_sim.compiled import marked_state
from paged_sim.requests import Ints

POLICY, LEAVES_FIRST, LOOKS_AHEAD, HEAD, TAIL, NOW = range(6)
NUM_NUMBERS = 6


@dataclass(frozen=True, slots=True)
class Eviction:
    """A policy: which evictable page it takes first, and its functions, those of `eviction` that are its own.

    `leaves_first` is whether it takes the pages that follow another before that one by itself, `looks_ahead` whether a
    page that waits may get another turn.
    """

    meaning: str
    functions: ModuleType
    leaves_first: bool = False
    looks_ahead: bool = False


@marked_state
class Order(NamedTuple):
    """The pages that may be evicted: those whose `records[page, PLACE]` is above NONE.

    `notes[page]` is what a policy must remember of a page. `queue` from HEAD to before TAIL is the line of LRU or FIFO,
    `ready` are FIFO's, `ranked` and NOW those of pages with ranks, `links` the tree's where its leaves go first.
    Belady's rule knows the future: `uses[cursor[stretch]:ends[stretch]]` are the requests, in order, that will still
    ask for a stretch that several requests hold.
    """

    records: Pages
    notes: Ints
    queue: Pages
    ready: Ints
    ranked: SizeTree
    links: Pages
    uses: Ints
    cursor: Ints
    ends: Ints
    numbers: Ints
