"""Who is running and who waits, read from the engine's state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from paged_sim.engine import machine as m
from paged_sim.engine.machine import Machine
from paged_sim.requests import Requests


class Seated(NamedTuple):
    """A running sequence: its seat, what it is called, and its tokens stored."""

    seat: int
    label: str
    tokens: int


def seated(machine: Machine, requests: Requests) -> Iterator[Seated]:
    """The running sequences in running order, each request's samples side by side."""
    counts, seats = machine.counts, machine.seats
    leader = int(counts[m.FIRST_RUNNING])
    while leader != m.NONE:
        is_partial = leader == counts[m.PARTIAL]
        tokens = int(seats[leader, m.STORED] if is_partial else counts[m.STEP] - seats[leader, m.OFFSET])
        seat, sample = leader, 0
        while seat != m.NONE:
            yield Seated(seat, _label(requests, int(seats[leader, m.REQUEST]), sample), tokens)
            seat, sample = int(seats[seat, m.NEXT_SAMPLE]), sample + 1
        leader = int(seats[leader, m.FOLLOWING])


def _label(requests: Requests, request: int, sample: int) -> str:
    """How a sequence is called: samples may be forks of a request, or requests of their own that have one source."""
    if len(requests.source):
        source = int(requests.source[request])
        samples = np.flatnonzero(requests.source == source)
        return f"{source}.{request - samples[0]}" if len(samples) > 1 else str(source)
    return f"{request}.{sample}" if requests.samples[request] > 1 else str(request)


def waiting(machine: Machine, requests: Requests) -> tuple[str, ...]:
    """The requests in the queue, the next one first: those that were preempted, then in order of arrival."""
    counts = machine.counts
    returned = machine.returned[: counts[m.NUM_RETURNED]][::-1].tolist()
    queued = machine.queue[counts[m.QUEUE_HEAD] : counts[m.QUEUE_TAIL]].tolist()
    return (*(f"{_name(requests, one)} (preempted)" for one in returned), *(_name(requests, one) for one in queued))


def _name(requests: Requests, request: int) -> str:
    """How a request is called in the queue, where its samples are not yet sequences of their own."""
    return _label(requests, request, 0) if len(requests.source) else str(request)
