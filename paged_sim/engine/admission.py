"""Admission from the head of the queue, and what became of the free slots when somebody still waits."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import inlined
from paged_sim.engine import queue
from paged_sim.engine import seats as seating
from paged_sim.engine.machine import (
    BUDGET,
    CHUNKED,
    END,
    FINAL,
    FRAGMENTATION,
    FULL_PROMPT,
    GENERATION,
    HELD_BACK,
    MAX_SEQS,
    MAX_TOKENS,
    NUM_ENDING,
    NUM_GENERATIONS,
    NUM_RUNNING,
    OFFSET,
    PARTIAL,
    POLICY,
    PREEMPTED_NOW,
    PREFILLED,
    REQUEST,
    SHORTAGE,
    SPARE,
    STEP,
    STORED,
    Machine,
)
from paged_sim.ledger import EXTERNAL, FREE_ACCOUNTS, IDLE, LARGEST, RESERVATION, SHORT, TOKEN_STATE, WITHHELD


@inlined
def need_of_head(machine: Machine, state: allocators.State, chunk: int) -> int:
    """Slots that the head of the queue must find room for, before placement rounds them.

    Where the full prompt is not reserved, that is room for the `chunk` of it that a step would compute.
    """
    request = queue.head(machine)
    tokens = machine.known[request]
    if machine.counts[CHUNKED] and not machine.counts[FULL_PROMPT]:
        tokens = min(tokens, chunk)
    return allocators.want(state, request, tokens)


@inlined
def budget_for_head(machine: Machine) -> int:
    """Prompt tokens of the head that this step may compute: 0 if it has to wait for a later step's budget."""
    counts = machine.counts
    tokens = machine.known[queue.head(machine)]
    if counts[CHUNKED]:
        return int(min(tokens, counts[BUDGET]))
    # A prompt longer than any step's budget would wait for ever: it is admitted alone.
    alone = tokens > counts[MAX_TOKENS] and counts[PREFILLED] == 0
    return int(tokens) if tokens <= counts[BUDGET] or alone else 0


@inlined
def has_room(machine: Machine, state: allocators.State, need: int) -> bool:
    """Whether `need` slots fit and, if anything runs, the watermark stays free."""
    if not allocators.fits(state, need):
        return False
    spare = machine.counts[SPARE] if machine.counts[NUM_RUNNING] > 0 else 0
    return allocators.free_slots(state) - allocators.footprint(state, need) >= spare


@inlined
def admit(machine: Machine, state: allocators.State) -> None:
    """Admit from the head of the queue until it is empty or its head must wait."""
    counts = machine.counts
    if counts[PREEMPTED_NOW]:
        counts[HELD_BACK] = 1
        return
    while queue.num_waiting(machine) > 0 and counts[NUM_RUNNING] < counts[MAX_SEQS]:
        tokens = budget_for_head(machine)
        if tokens == 0:
            counts[HELD_BACK] = 1
            return
        if not has_room(machine, state, need_of_head(machine, state, tokens)):
            return
        begin(machine, state, tokens)


@inlined
def begin(machine: Machine, state: allocators.State, tokens: int) -> None:
    """Seat the head of the queue, for which there is room, and compute `tokens` tokens of its prompt."""
    counts, seats = machine.counts, machine.seats
    request = queue.head(machine)
    queue.pop_head(machine)
    seat = seating.seat_down(machine)
    seats[REQUEST, seat] = request
    seats[GENERATION, seat] = counts[NUM_GENERATIONS]
    counts[NUM_GENERATIONS] += 1
    seats[FINAL, seat] = machine.prompt[request] + machine.output[request] - 1
    slots = allocators.take(state, seat, allocators.want(state, request, tokens))
    seating.account(machine, state, seat, slots)
    compute_prompt(machine, state, seat, 0, tokens)


@inlined
def compute_prompt(machine: Machine, state: allocators.State, seat: int, stored: int, tokens: int) -> None:
    """Store the next `tokens` prompt tokens of a seat that has room for them; once they are all there, it generates."""
    counts, seats = machine.counts, machine.seats
    row = machine.ledger.row
    row[TOKEN_STATE] += tokens
    row[RESERVATION] -= tokens
    counts[BUDGET] = max(0, counts[BUDGET] - tokens)
    counts[PREFILLED] += tokens
    stored += tokens
    seating.write(machine, state, seat, stored)
    if stored < machine.known[seats[REQUEST, seat]]:
        seats[STORED, seat] = stored
        counts[PARTIAL] = seat
        return
    seats[OFFSET, seat] = counts[STEP] - stored
    seats[END, seat] = seats[OFFSET, seat] + seats[FINAL, seat]
    if seats[END, seat] == counts[STEP]:
        machine.ending[counts[NUM_ENDING]] = seat
        counts[NUM_ENDING] += 1
    else:
        seating.schedule(machine, seat)


@inlined
def label_free_slots(machine: Machine, state: allocators.State) -> int:
    """Book the free slots to the account that says why they are free; the cause of a blocked step, or -1."""
    row = machine.ledger.row
    for account in FREE_ACCOUNTS:
        row[account] = 0
    free = allocators.free_slots(state)
    row[LARGEST] = allocators.largest(state)
    if queue.num_waiting(machine) == 0:
        row[IDLE] = free
        return -1
    # By the largest chunk there can be: what is left of this step's budget says nothing about the steps that follow.
    need = need_of_head(machine, state, machine.counts[MAX_TOKENS])
    if free < need:
        row[SHORT] = free
        return SHORTAGE
    if not allocators.fits(state, need):
        row[EXTERNAL] = free
        return FRAGMENTATION
    row[WITHHELD] = free
    return POLICY
