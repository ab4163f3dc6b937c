"""The running sequences: growth in running order, preemption from the back, and the end of those that are complete."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.allocators import NO_ROOM
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import queue
from paged_sim.engine import seats as seating
from paged_sim.engine.admission import compute_prompt
from paged_sim.engine.machine import (
    BUDGET,
    DISCARDED,
    EAGER,
    END,
    FINAL,
    FINISHED,
    FIRST_RUNNING,
    FOLLOWING,
    FRAGMENTATION,
    GENERATION,
    HELD_AT_FINISH,
    LAST_RUNNING,
    NEXT_EVENT,
    NOBODY,
    NUM_DUE,
    NUM_ENDING,
    NUM_FINISHED,
    NUM_RUNNING,
    OFFSET,
    PARTIAL,
    PREEMPTED,
    PREEMPTED_NOW,
    RECOMPUTE,
    REFUSED_ALONE,
    REFUSED_GROWTH,
    REFUSED_MOVE,
    REQUEST,
    SHORTAGE,
    SLOTS,
    STEP,
    STORED,
    STORED_AT_FINISH,
    WARMUP,
    Machine,
)
from paged_sim.ledger import RESERVATION, TOKEN_STATE


@inlined
def run(machine: Machine, state: allocators.State) -> None:
    """Serve the running sequences in order: each generating one stores a token, a partial prompt goes on."""
    counts, seats, row = machine.counts, machine.seats, machine.ledger.row
    partial = counts[PARTIAL]
    generating = counts[NUM_RUNNING] - (1 if partial != NOBODY else 0)
    counts[BUDGET] -= generating
    row[TOKEN_STATE] += generating
    row[RESERVATION] -= generating
    collect_due(machine)
    for index in range(counts[NUM_DUE]):
        seat = machine.due[index]
        if seat == NOBODY:
            continue
        tokens = counts[STEP] - seats[OFFSET, seat]
        if tokens > seats[SLOTS, seat] and not make_room(machine, state, seat, tokens, tokens - 1, index):
            continue
        seating.write(machine, state, seat, tokens)
        if seats[END, seat] == counts[STEP]:
            machine.ending[counts[NUM_ENDING]] = seat
            counts[NUM_ENDING] += 1
        else:
            seating.schedule(machine, seat)
    if counts[EAGER]:
        write_token_by_token(machine, state)
    if counts[PARTIAL] != NOBODY:
        go_on_with_prompt(machine, state, counts[PARTIAL])


@inlined
def collect_due(machine: Machine) -> None:
    """Empty this step's bucket of the wheel into `due`, in running order."""
    counts, seats, due = machine.counts, machine.seats, machine.due
    bucket = counts[STEP] & (len(machine.wheel) - 1)
    seat = machine.wheel[bucket]
    machine.wheel[bucket] = NOBODY
    total = 0
    while seat != NOBODY:
        due[total] = seat
        total += 1
        seat = seats[NEXT_EVENT, seat]
    counts[NUM_DUE] = total
    # The bucket's list is nearly in reverse: turn it round, then sort by insertion.
    for index in range(total // 2):
        due[index], due[total - 1 - index] = due[total - 1 - index], due[index]
    for index in range(1, total):
        seat = due[index]
        place = index
        while place > 0 and seats[GENERATION, due[place - 1]] > seats[GENERATION, seat]:
            due[place] = due[place - 1]
            place -= 1
        due[place] = seat


@inlined
def make_room(machine: Machine, state: allocators.State, seat: int, tokens: int, stored: int, index: int) -> bool:
    """Give a seat with `stored` tokens room for `tokens`; whether it is still seated.

    Where there is no room, the sequence admitted last gives way, and the next to last, until there is or it is this
    one's turn; without preemption this one is refused. `index` is its place in `due` (places from there on are struck
    when their seats give way).
    """
    counts, seats = machine.counts, machine.seats
    request = seats[REQUEST, seat]
    while True:
        goal = allocators.want(state, request, tokens)
        slots = allocators.grow(state, seat, goal)
        if slots != NO_ROOM:
            source = allocators.moved_from(state)
            if source >= 0:
                seating.record_move(machine, state, seat, source, stored)
            seating.account(machine, state, seat, slots)
            return True
        extra = allocators.footprint(state, goal) - seats[SLOTS, seat]
        label = SHORTAGE if allocators.free_slots(state) < extra else FRAGMENTATION
        if not counts[RECOMPUTE] or counts[NUM_RUNNING] == 1:
            evict(machine, state, seat, tokens)
            refusal = REFUSED_GROWTH if label == SHORTAGE else REFUSED_MOVE
            machine.outcome[request] = REFUSED_ALONE if counts[RECOMPUTE] else refusal
            queue.leave(machine)
            return False
        victim = counts[LAST_RUNNING]
        machine.tallies[PREEMPTED, label] += 1
        preempt(machine, state, victim, index)
        if victim == seat:
            return False


@kernel
def preempt(machine: Machine, state: allocators.State, seat: int, index: int) -> None:
    """Send a sequence back to the front of the queue; it forgets what is stored and keeps what it generated."""
    counts, seats = machine.counts, machine.seats
    request = seats[REQUEST, seat]
    counts[PREEMPTED_NOW] = 1
    if seat != counts[PARTIAL]:
        machine.known[request] = counts[STEP] - seats[OFFSET, seat]
        strike(machine, seat, index)
    evict(machine, state, seat, counts[STEP] - seats[OFFSET, seat])
    queue.put_in_front(machine, request)


@kernel
def strike(machine: Machine, seat: int, index: int) -> None:
    """Strike a generating seat's next event: it is among the due ones, from `index` on, or in the wheel."""
    due = machine.due
    for place in range(index, machine.counts[NUM_DUE]):
        if due[place] == seat:
            due[place] = NOBODY
            return
    seating.unschedule(machine, seat)


@kernel
def evict(machine: Machine, state: allocators.State, seat: int, tokens: int) -> None:
    """Take a sequence off before it stores this step's token, which would be its `tokens`-th."""
    counts, row = machine.counts, machine.ledger.row
    stored = tokens - 1
    if seat == counts[PARTIAL]:
        stored = machine.seats[STORED, seat]
        tokens = stored
        counts[PARTIAL] = NOBODY
    row[TOKEN_STATE] -= tokens
    row[RESERVATION] += tokens
    counts[DISCARDED] += stored
    seating.vacate(machine, state, seat, stored, False)


@kernel
def write_token_by_token(machine: Machine, state: allocators.State) -> None:
    """Write this step's token of every generating sequence (those that run ahead have nothing left to write)."""
    counts, seats = machine.counts, machine.seats
    seat = counts[FIRST_RUNNING]
    while seat != NOBODY:
        if seat != counts[PARTIAL]:
            seating.write(machine, state, seat, counts[STEP] - seats[OFFSET, seat])
        seat = seats[FOLLOWING, seat]


@kernel
def go_on_with_prompt(machine: Machine, state: allocators.State, seat: int) -> None:
    """Compute the next chunk of a partial prompt: the last in running order, it gets what is left of the budget."""
    counts, seats = machine.counts, machine.seats
    stored = seats[STORED, seat]
    tokens = min(machine.known[seats[REQUEST, seat]] - stored, counts[BUDGET])
    if stored + tokens > seats[SLOTS, seat] and not make_room(machine, state, seat, stored + tokens, stored, 0):
        return
    counts[PARTIAL] = NOBODY
    compute_prompt(machine, state, seat, stored, tokens)


@inlined
def finish(machine: Machine, state: allocators.State) -> None:
    """Free the sequences that stored their last token, in running order."""
    counts, seats, row = machine.counts, machine.seats, machine.ledger.row
    for index in range(counts[NUM_ENDING]):
        seat = machine.ending[index]
        request, final = seats[REQUEST, seat], seats[FINAL, seat]
        if counts[NUM_FINISHED] >= counts[WARMUP]:
            counts[STORED_AT_FINISH] += final
            counts[HELD_AT_FINISH] += seats[SLOTS, seat]
        row[TOKEN_STATE] -= final
        row[RESERVATION] += final
        seating.vacate(machine, state, seat, final, True)
        machine.outcome[request] = FINISHED
        machine.ended[counts[NUM_FINISHED]] = request
        counts[NUM_FINISHED] += 1
        queue.leave(machine)
    counts[NUM_ENDING] = 0
