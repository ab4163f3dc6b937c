"""The running sequences: growth in running order, preemption from the back, and the end of those that are complete."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import groups, queue, wheel
from paged_sim.engine.admission import compute_prompt
from paged_sim.engine.machine import (
    BUDGET,
    DISCARDED,
    EAGER,
    FINAL,
    FINISHED,
    FIRST_DUE,
    FIRST_RUNNING,
    FOLLOWING,
    FRAGMENTATION,
    HELD_AT_FINISH,
    LAST_RUNNING,
    NONE,
    NOW,
    NUM_ENDING,
    NUM_FINISHED,
    NUM_RUNNING,
    NUM_SAMPLES,
    NUM_STEPS_DONE,
    NUM_STEPS_SKIPPED,
    OFFSET,
    ONCE_STORED,
    PARTIAL,
    PREEMPTED,
    PREEMPTED_NOW,
    RECOMPUTE,
    REFUSED_ALONE,
    REFUSED_GROWTH,
    REFUSED_MOVE,
    REQUEST,
    ROOM,
    SHORTAGE,
    STEP,
    STORED,
    STORED_AT_FINISH,
    UNDONE,
    WARMUP,
    Machine,
)
from paged_sim.ledger import RESERVATION, TOKEN_STATE


@kernel
def run(machine: Machine) -> None:
    """Serve the running sequences in order: each generating one stores a token, a partial prompt goes on."""
    counts, seats, row = machine.counts, machine.seats, machine.ledger.row
    generating = num_generating(machine)
    counts[BUDGET] = max(0, counts[BUDGET] - generating)
    row[TOKEN_STATE] += generating
    row[RESERVATION] -= generating
    wheel.collect_due(machine)
    for index in range(counts[FIRST_DUE], len(machine.due)):
        if machine.due[index] == NONE:
            continue
        seat = wheel.seat_of(machine.due[index])
        tokens = counts[STEP] - seats[seat, OFFSET]
        if tokens > seats[seat, ROOM] and not make_room(machine, seat, tokens, tokens - 1, index):
            continue
        groups.write(machine, seat, tokens)
        if tokens == seats[seat, FINAL]:
            machine.ending[counts[NUM_ENDING]] = seat
            counts[NUM_ENDING] += 1
        else:
            wheel.schedule(machine, seat)
    if counts[EAGER]:
        write_token_by_token(machine)
    if counts[PARTIAL] != NONE:
        go_on_with_prompt(machine, counts[PARTIAL])


@inlined
def num_generating(machine: Machine) -> int:
    """Running sequences whose prompt is complete."""
    counts = machine.counts
    partial = counts[PARTIAL]
    return int(counts[NUM_RUNNING] - (machine.seats[partial, NUM_SAMPLES] if partial != NONE else 0))


@inlined
def make_room(machine: Machine, leader: int, tokens: int, stored: int, index: int) -> bool:
    """Give the sequences of a request, with `stored` tokens each, room for `tokens`; whether they are still seated.

    `index` is the place of its first sequence, `leader`, in `due` (places from there on are struck when their seats
    give way).
    """
    groups.branch(machine, leader, stored)
    missing = groups.grow(machine, leader, tokens, stored)
    return missing == 0 or force_room(machine, leader, tokens, stored, missing, index)


@kernel
def force_room(machine: Machine, leader: int, tokens: int, stored: int, missing: int, index: int) -> bool:
    """What `make_room` does where `missing` slots cannot be had.

    The request admitted last gives way, and the next to last, until they can or it is this one's turn; without
    preemption this one is refused.
    """
    while missing > 0:
        label = SHORTAGE if allocators.free_slots(machine.allocator) < missing else FRAGMENTATION
        if not give_way(machine, leader, tokens, label, index):
            return False
        missing = groups.grow(machine, leader, tokens, stored)
    return True


@kernel
def give_way(machine: Machine, leader: int, tokens: int, label: int, index: int) -> bool:
    """There is no room for a request: one goes, as `make_room` says. Whether this one is still seated.

    Who is preempted goes back to the front of the queue; it forgets what is stored and keeps what it generated.
    """
    counts, seats = machine.counts, machine.seats
    is_refused = not counts[RECOMPUTE] or counts[FIRST_RUNNING] == counts[LAST_RUNNING]
    victim = leader if is_refused else counts[LAST_RUNNING]
    request = seats[victim, REQUEST]
    if is_refused:
        refusal = REFUSED_GROWTH if label == SHORTAGE else REFUSED_MOVE
        machine.outcome[request] = REFUSED_ALONE if counts[RECOMPUTE] else refusal
        queue.leave(machine, request)
    else:
        counts[PREEMPTED_NOW] = 1
        machine.tallies[PREEMPTED, label] += 1
        tokens = counts[STEP] - seats[victim, OFFSET]
        if victim != counts[PARTIAL]:
            strike(machine, victim, index)
        queue.put_in_front(machine, request)
    take_off(machine, victim, tokens)
    return bool(victim != leader)


@kernel
def strike(machine: Machine, seat: int, index: int) -> None:
    """Strike a generating seat's next event: it is among the due ones, from `index` on, or in the wheel."""
    due = machine.due
    for place in range(index, len(due)):
        if wheel.seat_of(due[place]) == seat:
            due[place] = NONE
            return
    wheel.unschedule(machine, seat)


@kernel
def take_off(machine: Machine, seat: int, tokens: int) -> None:
    """Take a sequence off before it stores this step's token, which would be its `tokens`-th and is known from now."""
    counts = machine.counts
    request = machine.seats[seat, REQUEST]
    stored = tokens - 1
    if seat == counts[PARTIAL]:
        stored = machine.seats[seat, STORED]
        tokens = stored
        counts[PARTIAL] = NONE
    else:
        machine.known[request] = tokens
    counts[UNDONE] += groups.work(machine, request, 0, stored)
    machine.losses[request, ONCE_STORED] = max(machine.losses[request, ONCE_STORED], float(stored))
    counts[DISCARDED] += groups.num_written(machine, seat, stored)
    groups.vacate(machine, seat, tokens, stored, False)


@kernel
def write_token_by_token(machine: Machine) -> None:
    """Write this step's token of every generating sequence (those that run ahead have nothing left to write)."""
    counts, seats = machine.counts, machine.seats
    seat = counts[FIRST_RUNNING]
    while seat != NONE:
        if seat != counts[PARTIAL]:
            groups.write(machine, seat, counts[STEP] - seats[seat, OFFSET])
        seat = seats[seat, FOLLOWING]


@kernel
def go_on_with_prompt(machine: Machine, seat: int) -> None:
    """Compute the next chunk of a partial prompt: the last in running order, it gets what is left of the budget."""
    counts, seats = machine.counts, machine.seats
    stored = seats[seat, STORED]
    tokens = groups.affordable(machine, seats[seat, REQUEST], stored, counts[BUDGET])
    if stored + tokens > seats[seat, ROOM] and not make_room(machine, seat, stored + tokens, stored, 0):
        return
    counts[PARTIAL] = NONE
    compute_prompt(machine, seat, stored, tokens)


@kernel
def finish(machine: Machine) -> None:
    """Free the sequences that stored their last token, in running order."""
    counts, seats = machine.counts, machine.seats
    for index in range(counts[NUM_ENDING]):
        seat = machine.ending[index]
        request, final = seats[seat, REQUEST], seats[seat, FINAL]
        if counts[NUM_FINISHED] >= counts[WARMUP]:
            stored, held = groups.holding(machine, seat)
            counts[STORED_AT_FINISH] += stored
            counts[HELD_AT_FINISH] += held
        groups.vacate(machine, seat, final, final, True)
        machine.outcome[request] = FINISHED
        machine.ended[counts[NUM_FINISHED]] = request
        machine.ended_at[counts[NUM_FINISHED]] = machine.times[NOW]
        counts[NUM_FINISHED] += 1
        if counts[NUM_FINISHED] == counts[WARMUP]:
            counts[NUM_STEPS_SKIPPED] = counts[NUM_STEPS_DONE]
        queue.leave(machine, request)
    counts[NUM_ENDING] = 0
