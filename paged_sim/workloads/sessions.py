"""Turns of one conversation: who follows whom, and whose prompt holds the prompt and the answer before it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paged_sim.content import number_blocks
from paged_sim.requests import Ints
from paged_sim.workloads.prefixes import PrefixIds, ids_of

NOBODY = -1

Bools = npt.NDArray[np.bool_]


class Turns(NamedTuple):
    """What the turns of conversations share: `goes_on` says whose prompt holds the prompt and answer before it, and the
    rest are columns of `Requests`."""

    goes_on: Bools
    chain: Ints
    prefix: PrefixIds
    covered: Ints


def link_turns(previous: Ints, has_session: Bools, prompt: Ints, output: Ints, prefix: PrefixIds) -> Turns:
    """Let the prompts of later turns hold the answers before them, where sessions say so or ids show it."""
    goes_on = continues(previous, prompt, output, prefix)
    chain = chains(previous, goes_on)
    return Turns(goes_on, chain, *with_answers(prefix, chain, has_session, prompt, output))


def previous_turns(session: Ints, turn: Ints) -> Ints:
    """For each request, sorted by time, the request before it in its session, or -1.

    The turns of a session come in the order of their numbers, those without one or of one number in order of time.
    """
    previous = np.full(len(session), NOBODY)
    order = np.lexsort((np.arange(len(session)), turn, session))
    order = order[session[order] != NOBODY]
    same = session[order][1:] == session[order][:-1]
    previous[order[1:][same]] = order[:-1][same]
    return previous


def continues(previous: Ints, prompt: Ints, output: Ints, prefix: PrefixIds) -> Bools:
    """Whether the prompt of each request holds the prompt and the answer of its `previous` one.

    It must be long enough for both, of which the last token of the answer need not be there, and a new one; and where
    blocks have ids the whole blocks of the previous prompt must be in front of it.
    """
    before = np.maximum(previous, 0)
    goes_on: Bools = (previous != NOBODY) & (prompt >= prompt[before] + output[before])
    if prefix.block:
        for index in np.flatnonzero(goes_on).tolist():
            goes_on[index] = _begins_with(prefix, index, int(before[index]), int(prompt[before[index]]))
    return goes_on


def chains(previous: Ints, goes_on: Bools) -> Ints:
    """For each request the first one of those whose prompts and answers its prompt holds; -1 where it stands alone.

    Requests with one number are beginnings of the same tokens.
    """
    first = np.where(goes_on, previous, np.arange(len(previous)))
    while not np.array_equal(first, first[first]):
        first = first[first]
    alone = ~goes_on
    alone[previous[goes_on]] = False
    return np.where(alone, NOBODY, first)


def with_answers(
    prefix: PrefixIds, chain: Ints, has_session: Bools, prompt: Ints, output: Ints
) -> tuple[PrefixIds, Ints]:
    """The ids of each request as far as later requests tell more of them, and how many of its tokens they cover.

    Of a chain the longest prompt has the ids of all. Where a request belongs to no session and only one block is ever
    seen behind the last whole block of its prompt, that block is the next turn's, and holds what the request generates.
    """
    if not prefix.block:
        return prefix, np.zeros(len(prompt), np.int64)
    tree = _Tree(prefix, prompt)
    tails = {int(chain[index]): index for index in np.lexsort((prompt, chain)).tolist()}
    told = []
    for index, total in enumerate((prompt + output).tolist()):
        tail = tails[int(chain[index])] if chain[index] != NOBODY else index
        told.append(tree.beginning_of(tail, total) if has_session[index] else tree.followed(index, total))
    ids = [each for each, _ in told]
    offsets = np.concatenate(([0], np.cumsum(list(map(len, ids)))))
    return PrefixIds(offsets, np.concatenate(ids), prefix.block), np.array([covered for _, covered in told], np.int64)


class _Tree:
    """The tree of all blocks with ids: what lies behind what, and the longest prompt and last request through each."""

    def __init__(self, prefix: PrefixIds, prompt: Ints) -> None:
        self._prefix, self._prompt = prefix, prompt
        self._nodes = number_blocks(prefix.offsets, prefix.ids)
        total = int(self._nodes.max(initial=-1)) + 1
        request = np.repeat(np.arange(len(prompt)), np.diff(prefix.offsets))
        self._reach, self._last = np.zeros(total, np.int64), np.zeros(total, np.int64)
        np.maximum.at(self._reach, self._nodes, prompt[request])
        np.maximum.at(self._last, self._nodes, request)
        self._id, parent = np.zeros(total, np.int64), np.full(total, NOBODY)
        self._id[self._nodes] = prefix.ids
        inner = np.flatnonzero(request[1:] == request[:-1])
        parent[self._nodes[inner + 1]] = self._nodes[inner]
        children = np.flatnonzero(parent != NOBODY)
        # How many children a node has, and the sum of their numbers: the number of an only child.
        self._children, self._sum = np.zeros(total, np.int64), np.zeros(total, np.int64)
        np.add.at(self._children, parent[children], 1)
        np.add.at(self._sum, parent[children], children)

    def _only_child(self, node: int, besides: int) -> int:
        """The only node behind one, `besides` left out; NOBODY where there are several or none."""
        others, total = int(self._children[node]), int(self._sum[node])
        if besides != NOBODY:
            others, total = others - 1, total - besides
        return total if others == 1 else NOBODY

    def beginning_of(self, index: int, tokens: int) -> tuple[Ints, int]:
        """The ids of the first `tokens` tokens of a request, at most its prompt, and how many they cover."""
        block, ids = self._prefix.block, ids_of(self._prefix, index)
        tokens = min(tokens, int(self._prompt[index]), len(ids) * block)
        return ids[: -(-tokens // block)], tokens

    def followed(self, index: int, total: int) -> tuple[Ints, int]:
        """The ids of a request, up to its token `total`, with those of the blocks that alone follow its prompt."""
        own, covered = self.beginning_of(index, total)
        block, start = self._prefix.block, int(self._prefix.offsets[index])
        whole = int(self._prompt[index]) // block
        if not 0 < whole <= len(own):
            return own, covered
        path: list[int] = []
        node = int(self._nodes[start + whole - 1])
        besides = int(self._nodes[start + whole]) if len(own) > whole else NOBODY
        while (whole + len(path)) * block < total:
            node, besides = self._only_child(node, besides), NOBODY
            if node == NOBODY:
                break
            if not path and (self._reach[node] < total or self._last[node] <= index):
                return own, covered
            path.append(int(self._id[node]))
        if not path:
            return own, covered
        return np.concatenate((own[:whole], np.array(path, np.int64))), min((whole + len(path)) * block, total)


def _begins_with(prefix: PrefixIds, index: int, before: int, prompt: int) -> bool:
    """Whether the ids of a request begin with those of the whole blocks of an earlier prompt, as far as it has any."""
    whole = ids_of(prefix, before)[: prompt // prefix.block]
    return bool(np.array_equal(ids_of(prefix, index)[: len(whole)], whole))
