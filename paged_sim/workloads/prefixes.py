"""Shared system prompts put in front of the drawn ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.errors import PagedSimError
from paged_sim.requests import Ints

if TYPE_CHECKING:
    from paged_sim.scenario.models import Prefix


class PrefixIds(NamedTuple):
    """The prefix columns of `Requests`: n + 1 offsets, the ids, and the tokens that each id stands for."""

    offsets: Ints
    ids: Ints
    block: int


def no_ids(count: int) -> PrefixIds:
    """Nothing is known to be shared among `count` requests."""
    return PrefixIds(np.zeros(count + 1, dtype=np.int64), np.empty(0, dtype=np.int64), 0)


def ids_of(known: PrefixIds, request: int) -> Ints:
    """The ids of one request."""
    return known.ids[known.offsets[request] : known.offsets[request + 1]]


def take_ids(known: PrefixIds, order: Ints) -> PrefixIds:
    """The ids of the requests at `order`, in that order."""
    counts = np.diff(known.offsets)[order]
    offsets = np.concatenate(([0], np.cumsum(counts)))
    where = np.arange(offsets[-1]) + np.repeat(known.offsets[order] - offsets[:-1], counts)
    return PrefixIds(offsets, known.ids[where], known.block)


def put_in_front(
    prefix: Prefix, prompt: Ints, known: PrefixIds, rng: np.random.Generator, previous: Ints
) -> tuple[Ints, PrefixIds]:
    """Give a share of the requests one of `prefix.groups` system prompts of `prefix.tokens` tokens, in front.

    Whether a request belongs to a group is drawn for all requests, then the group for all. Without known ids a system
    prompt is one id that stands for all its tokens; with them it takes as many ids of the known size as it needs.
    `previous` is empty, or the request before each one in its session, or -1: a session has one prompt throughout.

    Returns:
        The longer prompts and the ids of the leading blocks.

    Raises:
        PagedSimError: the requests come with ids of blocks that do not divide `prefix.tokens`.
    """
    member = rng.random(len(prompt)) < prefix.share
    group = rng.integers(prefix.groups, size=len(prompt))
    if len(previous):
        first = np.where(previous >= 0, previous, np.arange(len(previous)))
        while not np.array_equal(first, first[first]):
            first = first[first]
        member, group = member[first], group[first]
    block = known.block or prefix.tokens
    if prefix.tokens % block:
        raise PagedSimError(
            f"workload.prefix.tokens: {prefix.tokens} is no multiple of the {block}-token blocks by which the trace "
            f"says what its requests share; give a multiple of {block} or leave prefix out"
        )
    return prompt + prefix.tokens * member, _insert(known, member, group, prefix.tokens // block, block)


def _insert(known: PrefixIds, member: npt.NDArray[np.bool_], group: Ints, blocks: int, block: int) -> PrefixIds:
    """Put the `blocks` ids of its group before the known ids of every member."""
    added = blocks * member
    old_counts = np.diff(known.offsets)
    offsets = np.concatenate(([0], np.cumsum(old_counts + added)))
    ids = np.empty(offsets[-1], dtype=np.int64)
    # A known id moves back by all that is added up to and including its own request.
    ids[np.arange(len(known.ids)) + np.repeat(np.cumsum(added), old_counts)] = known.ids
    first_new = int(known.ids.max()) + 1 if len(known.ids) else 0
    where = offsets[:-1][member, np.newaxis] + np.arange(blocks)
    ids[where] = first_new + group[member, np.newaxis] * blocks + np.arange(blocks)
    return PrefixIds(offsets, ids, block)
