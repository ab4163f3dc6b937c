"""The running sequences: growth in running order, preemption from the back, and the end of those that are complete."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import groups, queue
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
    NUM_SAMPLES,
    OFFSET,
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
    WARMUP,
    Machine,
)
from paged_sim.ledger import RESERVATION, TOKEN_STATE


@kernel
def run(machine: Machine, state: allocators.State) -> None:
    """Serve the running sequences in order: each generating one stores a token, a partial prompt goes on."""
    counts, seats, row = machine.counts, machine.seats, machine.ledger.row
    generating = num_generating(machine)
    counts[BUDGET] = max(0, counts[BUDGET] - generating)
    row[TOKEN_STATE] += generating
    row[RESERVATION] -= generating
    collect_due(machine)
    for index in range(counts[NUM_DUE]):
        seat = machine.due[index]
        if seat == NOBODY:
            continue
        tokens = counts[STEP] - seats[seat, OFFSET]
        if tokens > seats[seat, ROOM] and not make_room(machine, state, seat, tokens, tokens - 1, index):
            continue
        groups.write(machine, state, seat, tokens)
        if seats[seat, END] == counts[STEP]:
            machine.ending[counts[NUM_ENDING]] = seat
            counts[NUM_ENDING] += 1
        else:
            seating.schedule(machine, seat)
    if counts[EAGER]:
        write_token_by_token(machine, state)
    if counts[PARTIAL] != NOBODY:
        go_on_with_prompt(machine, state, counts[PARTIAL])


@inlined
def num_generating(machine: Machine) -> int:
    """Running sequences whose prompt is complete."""
    counts = machine.counts
    partial = counts[PARTIAL]
    return int(counts[NUM_RUNNING] - (machine.seats[partial, NUM_SAMPLES] if partial != NOBODY else 0))


@kernel
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
        seat = seats[seat, NEXT_EVENT]
    counts[NUM_DUE] = total
    # The bucket's list is nearly in reverse: turn it round, then sort by insertion.
    for index in range(total // 2):
        due[index], due[total - 1 - index] = due[total - 1 - index], due[index]
    for index in range(1, total):
        seat = due[index]
        place = index
        while place > 0 and seats[due[place - 1], GENERATION] > seats[seat, GENERATION]:
            due[place] = due[place - 1]
            place -= 1
        due[place] = seat


@kernel
def make_room(machine: Machine, state: allocators.State, leader: int, tokens: int, stored: int, index: int) -> bool:
    """Give the sequences of a request, with `stored` tokens each, room for `tokens`; whether they are still seated.

    Where there is no room, the request admitted last gives way, and the next to last, until there is or it is this
    one's turn; without preemption this one is refused. `index` is the place of its first sequence, `leader`, in `due`
    (places from there on are struck when their seats give way).
    """
    groups.branch(machine, state, leader, stored)
    while True:
        missing = groups.grow(machine, state, leader, tokens, stored)
        if missing == 0:
            return True
        label = SHORTAGE if allocators.free_slots(state) < missing else FRAGMENTATION
        if not give_way(machine, state, leader, tokens, label, index):
            return False


@kernel
def give_way(machine: Machine, state: allocators.State, leader: int, tokens: int, label: int, index: int) -> bool:
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
        queue.leave(machine)
    else:
        counts[PREEMPTED_NOW] = 1
        machine.tallies[PREEMPTED, label] += 1
        tokens = counts[STEP] - seats[victim, OFFSET]
        if victim != counts[PARTIAL]:
            machine.known[request] = tokens
            strike(machine, victim, index)
        queue.put_in_front(machine, request)
    evict(machine, state, victim, tokens)
    return bool(victim != leader)


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
    counts = machine.counts
    stored = tokens - 1
    if seat == counts[PARTIAL]:
        stored = machine.seats[seat, STORED]
        tokens = stored
        counts[PARTIAL] = NOBODY
    counts[DISCARDED] += groups.num_written(machine, state, seat, stored)
    groups.vacate(machine, state, seat, tokens, stored, False)


@kernel
def write_token_by_token(machine: Machine, state: allocators.State) -> None:
    """Write this step's token of every generating sequence (those that run ahead have nothing left to write)."""
    counts, seats = machine.counts, machine.seats
    seat = counts[FIRST_RUNNING]
    while seat != NOBODY:
        if seat != counts[PARTIAL]:
            groups.write(machine, state, seat, counts[STEP] - seats[seat, OFFSET])
        seat = seats[seat, FOLLOWING]


@kernel
def go_on_with_prompt(machine: Machine, state: allocators.State, seat: int) -> None:
    """Compute the next chunk of a partial prompt: the last in running order, it gets what is left of the budget."""
    counts, seats = machine.counts, machine.seats
    stored = seats[seat, STORED]
    tokens = groups.affordable(machine, seats[seat, REQUEST], stored, counts[BUDGET])
    if stored + tokens > seats[seat, ROOM] and not make_room(machine, state, seat, stored + tokens, stored, 0):
        return
    counts[PARTIAL] = NOBODY
    compute_prompt(machine, state, seat, stored, tokens)


@kernel
def finish(machine: Machine, state: allocators.State) -> None:
    """Free the sequences that stored their last token, in running order."""
    counts, seats = machine.counts, machine.seats
    for index in range(counts[NUM_ENDING]):
        seat = machine.ending[index]
        request, final = seats[seat, REQUEST], seats[seat, FINAL]
        if counts[NUM_FINISHED] >= counts[WARMUP]:
            stored, held = groups.holding(machine, seat)
            counts[STORED_AT_FINISH] += stored
            counts[HELD_AT_FINISH] += held
        groups.vacate(machine, state, seat, final, final, True)
        machine.outcome[request] = FINISHED
        machine.ended[counts[NUM_FINISHED]] = request
        counts[NUM_FINISHED] += 1
        queue.leave(machine)
    counts[NUM_ENDING] = 0
