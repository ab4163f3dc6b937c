"""The verdict on a run: does memory decide here, and what does the better policy buy?

One function over the run's JSON. It looks, in this order, for requests refused for want of memory, for memory that
never bound, for a policy that computes the same tokens again and again, and only then for a winner: by the time the
requests took where they arrive in time, by the sequences held where all are queued from the start. A difference within
the spread over the seeds has no winner.
"""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Document, Entry

from ..basis import is_timed
from .costs import memory_bound, thrashing
from .in_time import bound_by_memory, faster
from .queued import holds_more
from .refusals import excluded, most_served, refused
from .rules import held_back
from .unbound import never_binds


def verdict(document: Document) -> list[str]:
    """Sentences on one run, the answer first."""
    runs: Sequence[Entry] = document["runs"]
    served = most_served(runs)
    is_settled = len(served) == 1 < len(runs)
    answer = " ".join(thrashing(served)) if is_settled else _answer(document, served)
    found = [refused(runs, served), answer, excluded(runs)]
    return [sentence for sentence in found if sentence]


def _answer(document: Document, runs: Sequence[Entry]) -> str:
    """What memory decides among policies that serve the same requests."""
    if not any(memory_bound(run) for run in runs):
        return never_binds(document, runs)
    if is_timed(runs):
        parts = [faster(runs), *bound_by_memory(runs), held_back(document, runs)]
    else:
        parts = [*thrashing(runs), holds_more(runs), held_back(document, runs)]
    return " ".join(part for part in parts if part)
