"""Admission from the head of the queue, and what became of the free slots when somebody still waits."""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import kernel
from paged_sim.engine import prefixes, queue
from paged_sim.engine import seats as seating
from paged_sim.engine.machine import (
    BUDGET,
    CACHING,
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


@kernel
def hits_of_head(machine: Machine, state: allocators.State) -> int:
    """Tokens of the head of the queue that a prefix cache has; they count in what the allocator is asked next."""
    request = queue.head(machine)
    return allocators.find(state, request, machine.known[request])


@kernel
def slots_for_head(machine: Machine, state: allocators.State, tokens: int) -> int:
    """Slots that the head of the queue must hold to be admitted, before placement rounds them.

    Where the full prompt is not reserved, that is room for the `tokens` that it would have stored after a step.
    """
    request = queue.head(machine)
    known = machine.known[request]
    if machine.counts[CHUNKED] and not machine.counts[FULL_PROMPT]:
        known = min(known, tokens)
    return allocators.want(state, request, known)


@kernel
def need_of_head(machine: Machine, state: allocators.State, slots: int) -> int:
    """Free slots that holding `slots` asks for: those in pages that others hold already are not needed."""
    found, idle = allocators.found(state)
    return slots - (found - idle)


@kernel
def budget_for_head(machine: Machine, hits: int) -> int:
    """Prompt tokens of the head that this step may compute: 0 if it has to wait for a later step's budget."""
    counts = machine.counts
    tokens = machine.known[queue.head(machine)] - hits
    if counts[CHUNKED]:
        return int(min(tokens, counts[BUDGET]))
    # A prompt longer than any step's budget would wait for ever: it is admitted alone.
    alone = tokens > counts[MAX_TOKENS] and counts[PREFILLED] == 0
    return int(tokens) if tokens <= counts[BUDGET] or alone else 0


@kernel
def has_room(machine: Machine, state: allocators.State, slots: int) -> bool:
    """Whether `slots` slots fit and, if anything runs, the watermark stays free."""
    if not allocators.fits(state, slots):
        return False
    spare = machine.counts[SPARE] if machine.counts[NUM_RUNNING] > 0 else 0
    taken = need_of_head(machine, state, allocators.footprint(state, slots))
    return allocators.free_slots(state) - taken >= spare


@kernel
def admit(machine: Machine, state: allocators.State) -> None:
    """Admit from the head of the queue until it is empty or its head must wait."""
    counts = machine.counts
    if counts[PREEMPTED_NOW]:
        counts[HELD_BACK] = 1
        return
    while queue.num_waiting(machine) > 0 and counts[NUM_RUNNING] < counts[MAX_SEQS]:
        hits = hits_of_head(machine, state)
        tokens = budget_for_head(machine, hits)
        if tokens == 0:
            counts[HELD_BACK] = 1
            return
        if not has_room(machine, state, slots_for_head(machine, state, hits + tokens)):
            return
        begin(machine, state, hits, tokens)


@kernel
def begin(machine: Machine, state: allocators.State, hits: int, tokens: int) -> None:
    """Seat the head of the queue, for which there is room: `hits` tokens are there, `tokens` more are computed."""
    counts, seats = machine.counts, machine.seats
    request = queue.head(machine)
    queue.pop_head(machine)
    seat = seating.seat_down(machine)
    seats[REQUEST, seat] = request
    seats[GENERATION, seat] = counts[NUM_GENERATIONS]
    counts[NUM_GENERATIONS] += 1
    seats[FINAL, seat] = machine.prompt[request] + machine.output[request] - 1
    if counts[CACHING]:
        prefixes.note_hits(machine, request, hits)
        prefixes.share(machine, state, seat)
    slots = allocators.take(state, seat, allocators.want(state, request, hits + tokens))
    seating.account(machine, state, seat, slots)
    if counts[CACHING]:
        prefixes.copy_part(machine, state, seat, hits)
    compute_prompt(machine, state, seat, hits, tokens)


@kernel
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
    if counts[CACHING]:
        seating.enter(machine, state, seat, stored)
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


@kernel
def label_free_slots(machine: Machine, state: allocators.State) -> int:
    """Book the free slots to the account that says why they are free; the cause of a blocked step, or -1."""
    row = machine.ledger.row
    for account in FREE_ACCOUNTS:
        row[account] = 0
    free = allocators.free_slots(state)
    blank = free
    if machine.counts[CACHING]:
        blank -= prefixes.book_cached(machine, state)
    row[LARGEST] = allocators.largest(state)
    if queue.num_waiting(machine) == 0:
        row[IDLE] = blank
        return -1
    # By the largest chunk there can be: what is left of this step's budget says nothing about the steps that follow.
    slots = slots_for_head(machine, state, hits_of_head(machine, state) + machine.counts[MAX_TOKENS])
    if free < need_of_head(machine, state, slots):
        row[SHORT] = blank
        return SHORTAGE
    if not allocators.fits(state, slots):
        row[EXTERNAL] = blank
        return FRAGMENTATION
    row[WITHHELD] = blank
    return POLICY
