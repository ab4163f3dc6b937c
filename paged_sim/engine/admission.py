"""Admission from the head of the queue, and what became of the free slots when somebody still waits."""

from __future__ import annotations

import math

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.engine import accounts, caches, groups, order, queue, sequence, wheel
from paged_sim.engine.machine import (
    AFTER_PREEMPTION,
    BUDGET,
    CACHING,
    CHUNKED,
    FINAL,
    FRAGMENTATION,
    FULL_PROMPT,
    HELD_BACK,
    MAX_NUM_SEQS,
    MAX_SEQS,
    MAX_TOKENS,
    NONE,
    NOW,
    NUM_ENDING,
    NUM_RUNNING,
    NUM_STARTED,
    OFFSET,
    ONCE_STORED,
    PARTIAL,
    PREEMPTED_NOW,
    PREFILLED,
    RECOMPUTED,
    REQUEST,
    RULE,
    SHORTAGE,
    SPARE,
    STEP,
    STORED,
    TIMED,
    TOKEN_BUDGET,
    WATERMARK,
    Machine,
)
from paged_sim.ledger import EXTERNAL, FREE_ACCOUNTS, IDLE, LARGEST, SHORT, WITHHELD


@kernel
def hits_of_head(machine: Machine) -> int:
    """Tokens of the head of the queue that a prefix cache has; they count in what the allocator is asked next."""
    request = queue.head(machine)
    return allocators.match(machine.allocator, request, machine.known[request])


@kernel
def tokens_of_head(machine: Machine, tokens: int) -> int:
    """Tokens that the head of the queue must find room for.

    Where the full prompt is not reserved, that is those `tokens` that it would have stored after a step.
    """
    known = machine.known[queue.head(machine)]
    if machine.counts[CHUNKED] and not machine.counts[FULL_PROMPT]:
        known = min(known, tokens)
    return int(known)


@kernel
def need_of_head(machine: Machine, tokens: int) -> int:
    """Free slots that the head of the queue asks for with `tokens` tokens, before placement rounds them.

    Those in pages that others hold already are not needed.
    """
    found, evictable = allocators.matched(machine.allocator)
    return int(groups.need(machine, queue.head(machine), tokens) - (found - evictable))


@kernel
def budget_for_head(machine: Machine, hits: int) -> int:
    """Prompt tokens of the head that this step may compute: 0 if it has to wait for a later step's budget."""
    counts = machine.counts
    request = queue.head(machine)
    tokens = machine.known[request]
    if counts[PARTIAL] != NONE:
        return 0
    if counts[CHUNKED]:
        return groups.affordable(machine, request, hits, counts[BUDGET])
    work = groups.work(machine, request, hits, tokens)
    # A prompt longer than any step's budget would wait for ever: it is admitted alone.
    alone = work > counts[MAX_TOKENS] and counts[PREFILLED] == 0
    return int(tokens - hits) if work <= counts[BUDGET] or alone else 0


@kernel
def has_room(machine: Machine, tokens: int) -> bool:
    """Whether `tokens` tokens of the head of the queue fit and, if anything runs, the watermark stays free."""
    request = queue.head(machine)
    if not groups.fits(machine, request, tokens):
        return False
    spare = machine.counts[SPARE] if machine.counts[NUM_RUNNING] > 0 else 0
    found, evictable = allocators.matched(machine.allocator)
    taken = groups.footprint(machine, request, tokens) - (found - evictable)
    return bool(allocators.free_slots(machine.allocator) - taken >= spare)


@kernel
def admit(machine: Machine) -> None:
    """Admit from the head of the queue until it is empty or its head must wait; RULE says for which rule, if for one.

    What was spent or forbidden in this step only (HELD_BACK) is there again in the next.
    """
    counts = machine.counts
    if counts[PREEMPTED_NOW]:
        counts[HELD_BACK] = 1
        counts[RULE] = AFTER_PREEMPTION
        return
    while queue.num_waiting(machine) > 0:
        if not has_seats(machine):
            counts[RULE] = MAX_NUM_SEQS
            return
        hits = hits_of_head(machine)
        tokens = budget_for_head(machine, hits)
        if tokens == 0:
            counts[HELD_BACK] = 1
            counts[RULE] = TOKEN_BUDGET
            return
        if not has_room(machine, tokens_of_head(machine, hits + tokens)):
            # Or for memory itself: that is found anew where the free slots are labelled.
            counts[RULE] = WATERMARK
            return
        begin(machine, hits, tokens)


@kernel
def has_seats(machine: Machine) -> bool:
    """Whether the sequences of the head of the queue may run beside those that do."""
    return bool(machine.counts[NUM_RUNNING] + machine.samples[queue.head(machine)] <= machine.counts[MAX_SEQS])


@kernel
def begin(machine: Machine, hits: int, tokens: int) -> None:
    """Seat the head of the queue, for which there is room: `hits` tokens are there, `tokens` more are computed."""
    request = queue.head(machine)
    queue.pop_head(machine)
    seat = order.seat_down(machine)
    groups.seat_all(machine, seat, request)
    stored, last = hits, hits + tokens
    while stored < last:
        machine.counts[PARTIAL] = NONE
        end = groups.end_before_fork(machine, seat, last)
        if machine.counts[CACHING]:
            caches.begin(machine, seat, hits, end)
        else:
            groups.give_room(machine, seat, stored, end)
        compute_prompt(machine, seat, stored, end - stored)
        stored = end


@inlined
def compute_prompt(machine: Machine, seat: int, stored: int, tokens: int) -> None:
    """Store the next `tokens` prompt tokens of a seat that has room for them; once they are all there, it generates."""
    counts, seats = machine.counts, machine.seats
    request = seats[seat, REQUEST]
    accounts.store(machine, tokens * groups.num_owners(machine, seat))
    work = groups.work(machine, request, stored, stored + tokens)
    counts[BUDGET] = max(0, counts[BUDGET] - work)
    counts[PREFILLED] += work
    if machine.preemptions[request] > 0:
        note_again(machine, request, stored, stored + tokens)
    stored += tokens
    groups.write(machine, seat, stored)
    if counts[CACHING]:
        sequence.insert(machine, seat, stored, False)
    groups.fork(machine, seat, stored)
    if stored < machine.known[request]:
        seats[seat, STORED] = stored
        counts[PARTIAL] = seat
        return
    seats[seat, OFFSET] = counts[STEP] - stored
    if counts[TIMED]:
        machine.started[counts[NUM_STARTED]] = request
        counts[NUM_STARTED] += 1
    else:
        # Steps of the step clock last 1: no need to wait for what this one's duration will be.
        note_first_token(machine, request, machine.times[NOW] + 1.0)
    if stored == seats[seat, FINAL]:
        machine.ending[counts[NUM_ENDING]] = seat
        counts[NUM_ENDING] += 1
    else:
        wheel.schedule(machine, seat)


@inlined
def note_first_token(machine: Machine, request: int, end: float) -> None:
    """Note when the step ends that completed a request's prompt, unless it had its first token before a preemption."""
    if math.isnan(machine.first_token[request]):
        machine.first_token[request] = end


@kernel
def note_again(machine: Machine, request: int, first: int, last: int) -> None:
    """Count those of a request's tokens `first` to `last - 1` that it had stored before it was preempted."""
    losses = machine.losses
    before = min(last, int(losses[request, ONCE_STORED]))
    if before > first:
        losses[request, RECOMPUTED] += groups.work(machine, request, first, before)


@kernel
def label_free_slots(machine: Machine) -> int:
    """Book the free slots to the account that says why they are free; the cause of a blocked step, or NONE."""
    row = machine.ledger.row
    for account in FREE_ACCOUNTS:
        row[account] = 0
    free = allocators.free_slots(machine.allocator)
    blank = free
    if machine.counts[CACHING]:
        blank -= caches.book_cached(machine)
    row[LARGEST] = allocators.largest(machine.allocator)
    if queue.num_waiting(machine) == 0:
        row[IDLE] = blank
        return NONE
    # By the largest chunk there can be: what is left of this step's budget says nothing about the steps that follow.
    tokens = tokens_of_head(machine, hits_of_head(machine) + machine.counts[MAX_TOKENS])
    if free < need_of_head(machine, tokens):
        row[SHORT] = blank
        return SHORTAGE
    if not groups.fits(machine, queue.head(machine), tokens):
        row[EXTERNAL] = blank
        return FRAGMENTATION
    row[WITHHELD] = blank
    return int(machine.counts[RULE])
