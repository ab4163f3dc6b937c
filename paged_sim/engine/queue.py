"""The waiting requests: in order of arrival, behind the ones that were preempted."""

from __future__ import annotations

import math

from paged_sim.compiled import inlined, kernel
from paged_sim.engine import queue_length
from paged_sim.engine.machine import (
    CLOSED_LOOP,
    NONE,
    NOW,
    NUM_ARRIVED,
    NUM_ENDED,
    NUM_RETURNED,
    NUM_SENT,
    PENDING,
    PREEMPTED_AT,
    QUEUE_HEAD,
    QUEUE_TAIL,
    THINK,
    WAITED_AGAIN,
    Machine,
)


@inlined
def num_waiting(machine: Machine) -> int:
    """Requests in the queue."""
    counts = machine.counts
    return int(counts[QUEUE_TAIL] - counts[QUEUE_HEAD] + counts[NUM_RETURNED])


@inlined
def head(machine: Machine) -> int:
    """The request at the head of the queue, which must not be empty."""
    counts = machine.counts
    if counts[NUM_RETURNED] > 0:
        return int(machine.returned[counts[NUM_RETURNED] - 1])
    return int(machine.queue[counts[QUEUE_HEAD]])


@kernel
def pop_head(machine: Machine) -> None:
    """Take the head out of the queue, and note when: for the first time, or how long it was back there."""
    request, now = head(machine), machine.times[NOW]
    if math.isnan(machine.admitted[request]):
        machine.admitted[request] = now
    else:
        machine.losses[request, WAITED_AGAIN] += now - machine.losses[request, PREEMPTED_AT]
    if machine.counts[NUM_RETURNED] > 0:
        machine.counts[NUM_RETURNED] -= 1
    else:
        machine.counts[QUEUE_HEAD] += 1


@kernel
def put_in_front(machine: Machine, request: int) -> None:
    """Put a preempted request in front of all others."""
    machine.preemptions[request] += 1
    machine.losses[request, PREEMPTED_AT] = machine.times[NOW]
    machine.returned[machine.counts[NUM_RETURNED]] = request
    machine.counts[NUM_RETURNED] += 1


@inlined
def next_arrival(machine: Machine) -> float:
    """When the next request arrives; infinity if none is on its way."""
    arrived = machine.counts[NUM_ARRIVED]
    if arrived == machine.counts[NUM_SENT]:
        return math.inf
    return float(machine.arrival[machine.line[arrived]])


@kernel
def join_arrivals(machine: Machine) -> None:
    """Queue every request that has arrived by now; one that was refused beforehand only leaves."""
    counts = machine.counts
    while next_arrival(machine) <= machine.times[NOW]:
        request = machine.line[counts[NUM_ARRIVED]]
        counts[NUM_ARRIVED] += 1
        if machine.outcome[request] == PENDING:
            queue_length.lengthen(machine.queue_length, machine.arrival[request])
            machine.queue[counts[QUEUE_TAIL]] = request
            counts[QUEUE_TAIL] += 1
        else:
            leave(machine, request)


@kernel
def leave(machine: Machine, request: int) -> None:
    """Count a request that has ended, one way or the other; in a closed loop its user sends the next one later."""
    counts = machine.counts
    counts[NUM_ENDED] += 1
    if counts[CLOSED_LOOP] and counts[NUM_SENT] < len(machine.arrival):
        machine.arrival[counts[NUM_SENT]] = machine.times[NOW] + machine.times[THINK]
        counts[NUM_SENT] += 1
    if len(machine.next_turn) > 0 and machine.next_turn[request] != NONE:
        send(machine, machine.next_turn[request])


@kernel
def send(machine: Machine, request: int) -> None:
    """Put a request whose turn comes after the answer that ended now in line, behind all that arrive no later."""
    counts, line, arrival = machine.counts, machine.line, machine.arrival
    arrival[request] = machine.times[NOW] + machine.delay[request]
    place = counts[NUM_SENT]
    while place > counts[NUM_ARRIVED] and arrival[line[place - 1]] > arrival[request]:
        line[place] = line[place - 1]
        place -= 1
    line[place] = request
    counts[NUM_SENT] += 1
