"""The engine's state: arrays only, so that the step loop compiles and can stop and go on at any step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paged_sim import allocators
from paged_sim.arena.operations import COLUMNS, Operations, Pages
from paged_sim.compiled import marked_state
from paged_sim.content import Content
from paged_sim.engine import queue_length
from paged_sim.engine.queue_length import QueueLength
from paged_sim.ledger import NUM_COUNTS, Ledger
from paged_sim.requests import Floats, Ints, Requests

# Nobody, no seat, no step, no cause: what a field or an answer says where there is none.
NONE = -1

# Columns of `seats`: what the engine knows of each resident sequence, whose seat's number is its row in the allocator.
# Eight of them are one line of the processor's cache, and the first line is all that most events need.
(
    OFFSET,  # at step s it has s - OFFSET tokens stored, once its prompt is complete
    FINAL,  # tokens it will have stored at its end
    SLOTS,  # slots it holds
    ROOM,  # tokens it may store before it must ask again: what it holds, less where a page is still to be copied
    WRITTEN,  # tokens written to the arena: it may run ahead to the end of what is held
    GENERATION,  # its number among all admissions, which is its place in running order
    IDENTITY,  # what its own tokens are tagged with: that number, or what a prefix cache knows them by
    OWN_FROM,  # its own tokens begin there: it has others before it only where a prefix cache may find them
    REQUEST,  # its request
    NUM_SAMPLES,  # of the first sequence of a request: how many sequences it has
    OVER,  # slots it holds beyond FINAL that are over-reservation
    TAIL,  # and those that are tail
    ROUNDING,  # and those that are rounding
    SHARING,  # of the first sequence of a request: what all of them share
    NEXT_SAMPLE,  # the next sequence of the same request, or NONE
    STORED,  # tokens stored so far while its prompt is being computed in chunks
    PREVIOUS,  # the seat before it in running order, or NONE
    FOLLOWING,  # the seat behind it in running order, or NONE
    # The first sequence of a request also knows:
    SAVED_SLOTS,  # slots that all of them hold beyond those handed out
    SAVED_TOKENS,  # tokens in these
    SAVED_TAIL,  # slots in these that are tail
    CHILDREN,  # of a beam: how many beams continue it in this step
) = range(22)
NUM_SEAT_FIELDS = 24
LINE_WORDS = 8

# SHARING: only the first sequence has slots; all have the same pages; each has pages of its own to write to.
UNFORKED, TOGETHER, DIVERGED = range(3)

# `counts`: every other number of the engine.
(
    STEP,  # the step that is under way, or is next
    NUM_ARRIVED,  # requests that have arrived, which are the first in `line`
    NUM_SENT,  # requests whose arrival time is known (closed loop), likewise
    QUEUE_HEAD,  # where in `queue` the first waiting request is
    QUEUE_TAIL,  # where in `queue` the next one to come will be
    NUM_RETURNED,  # preempted requests that wait in `returned`
    NUM_RUNNING,  # sequences that have a seat
    LAST_RUNNING,  # the seat that is last in running order, or NONE
    FIRST_RUNNING,  # the seat that is first in running order, or NONE
    NUM_FREE_SEATS,  # seats in `free_seats`
    NUM_GENERATIONS,  # sequences admitted so far, again after a preemption: the next one's generation
    PARTIAL,  # the seat whose prompt is being computed in chunks, or NONE
    FIRST_DUE,  # the events of this step are `due` from there on
    FREE_CELL,  # the first free cell of the wheel
    NUM_ENDING,  # sequences that store their last token in this step, which are the first ones of `ending`
    NUM_STARTED,  # sequences that complete their prompt in this step, which are the first ones of `started`
    BUDGET,  # tokens this step may still compute
    PREFILLED,  # prompt tokens computed this step
    PREEMPTED_NOW,  # 1 if a sequence was preempted in this step
    HELD_BACK,  # 1 if admission stopped at a limit that is fresh again next step
    RULE,  # the rule that stopped admission last, if one did
    NEED,  # slots that the head of the queue asks for, where one waits
    CAUSE,  # what the step is blocked by, or NONE
    NUM_RECORDED,  # operations handed over to the arena
    NUM_OPERATIONS,  # operations recorded for the arena, and not yet handed over
    NUM_LISTED,  # entries of the list of pages that belong to them
    NUM_FINISHED,  # requests that have stored their last token and left
    NUM_ENDED,  # requests that have left, finished or refused
    NUM_STEPS_DONE,  # steps that have passed, none of them idle
    NUM_STEPS_SKIPPED,  # of these, the ones of the warm-up
    TOKEN_STEPS,  # sequences running, summed over the steps
    UNDONE,  # tokens that preempted and refused sequences had computed or found
    DISCARDED,  # tokens of these that had been written
    TO_CHECK,  # tokens that `check` asks to be read back
    STORED_AT_FINISH,  # tokens stored by the requests that finished after the warm-up, as each did
    HELD_AT_FINISH,  # slots they held
    COW_COPIES,  # pages copied because one of their owners writes to the rest
    NUM_ADMITTED,  # requests admitted for the first time
    ASKED,  # tokens that these asked of a prefix cache
    HIT,  # tokens that it had for them
    NUM_READMITTED,  # admissions after a preemption
    ASKED_AGAIN,  # tokens that these asked of a prefix cache
    HIT_AGAIN,  # tokens that it had for them
    HIT_IN_PAGES,  # of all hits, those in whole pages: the others were copied
    CACHED_TAIL,  # slots without a token in pages that are only cached
    NUM_ROWS,  # rows of the timeline so far
    STRIDE,  # every so many steps one is kept in the timeline
    # Settings, constant during a run.
    CAPACITY,  # slots of the arena
    MAX_SEQS,  # sequences that may run at once
    MAX_TOKENS,  # tokens a step may compute
    CHUNKED,  # 1 if a prompt may be computed in chunks over several steps
    RECOMPUTE,  # 1 if who finds no room preempts the last one, 0 if it is refused
    SPARE,  # slots the watermark keeps free
    FULL_PROMPT,  # 1 if a chunked prompt is admitted only where all of it finds room
    RECORD,  # 1 if operations are recorded for an arena
    EAGER,  # 1 if each token is written at its own step, 0 if writing runs ahead
    CHECK,  # which sequences are read back: one of CHECK_NONE and those behind it
    CHECK_SEED,  # of the sample that CHECK_SAMPLE reads back
    POISON_FREED,  # 1 if slots are poisoned as they are freed
    WARMUP,  # requests that must finish before the ledger is booked
    CLOSED_LOOP,  # 1 if a user sends the next request when one has ended
    FLUSH_AT,  # operations, or entries of lists, at which the loop comes back to have them carried out
    TIMED,  # 1 if steps last as the clock's settings say, 0 if each lasts 1
    WATCH,  # the first of the steps whose rows are kept in `watched`, or NONE
    CACHING,  # 1 if the allocator keeps pages for later requests
    ORDERED,  # 1 if what needs less than a demand that finds room finds room, too
    LOGGED,  # numbers in the log
    LOG_STEP,  # the step that was begun last
    LOG,  # the page size, or 0 for no log
    BEAM,  # 1 if the samples are beams: at every step each continues one of them
    BEAM_SEED,  # what decides who continues whom
    BEAM_KEEP,  # of 2^32 draws so many let a beam continue itself
) = range(72)
NUM_COUNTERS = 72

# `times`: the clock and its settings, in seconds (in steps with the step clock).
(
    NOW,  # when the step under way began, or the next one begins
    BASE,  # what a step lasts in any case
    PER_SEQUENCE,  # and for each sequence that runs
    PER_PREFILL_TOKEN,  # and for each prompt token it computes
    THINK,  # from the end of a request to the next one of its user
) = range(5)

# `tallies[event, cause]`: how often, by what became of the free slots and, where they would do, by the rule that holds
# the head of the queue back.
BLOCKED, PREEMPTED = range(2)
FRAGMENTATION, SHORTAGE, MAX_NUM_SEQS, TOKEN_BUDGET, WATERMARK, AFTER_PREEMPTION = range(6)
NUM_CAUSES = 6

# Columns of `losses`: what preemptions cost a request. Nobody touches the line of one that never was preempted.
(
    PREEMPTED_AT,  # when it came back to the queue last
    WAITED_AGAIN,  # time in the queue after preemptions
    ONCE_STORED,  # tokens it had stored when it was preempted, at most
    RECOMPUTED,  # tokens computed again after that
) = range(4)
NUM_LOSSES = 8

# Outcomes of a request; why it was refused is said in `refusals`.
(
    PENDING,  # it has not ended yet
    FINISHED,  # it has stored all its tokens
    REFUSED_PROMPT,  # beforehand, from here on
    REFUSED_CAPACITY,
    REFUSED_RESERVATION,
    REFUSED_PLACEMENT,
    REFUSED_GROWTH,  # while it ran, from here on
    REFUSED_MOVE,
    REFUSED_ALONE,
) = range(9)

CHECK_NONE, CHECK_ALL, CHECK_FINISH, CHECK_SAMPLE = range(4)

# Columns of a timeline row: step, time, duration, then the ledger's row.
NUM_TIMELINE_COLUMNS = 3 + NUM_COUNTS


@marked_state
class Single(NamedTuple):
    """Every request is one sequence. `writers` is empty."""

    writers: Ints


@marked_state
class Several(NamedTuple):
    """Requests of several sequences: `writers[seat, i]` is the generation that wrote a beam's i-th generated token.

    It is empty without beams.
    """

    writers: Ints


@marked_state
class Machine(NamedTuple):
    """All of a simulation: the one thing that every function of the step loop is given, first.

    `allocator` is the state of the family that hands out slots; its type and that of `group` are all that the step loop
    is compiled for.

    `known[request]` is the tokens its server knows: the prompt, and after a preemption those generated until then;
    `preemptions[request]` counts these. `content` says which tokens are equal, where a prefix cache asks. `line` are
    the requests as they arrive; `next_turn` is empty, or the request, if any, that each one's end lets its user send,
    `delay` seconds later. `queue[QUEUE_HEAD:QUEUE_TAIL]` are the waiting requests, behind `returned[:NUM_RETURNED]`
    (the last one first), the preempted ones. `wheel[step & mask]` is where in `cells` the newest event of a step is
    (see `wheel`).
    `admitted[request]` is when it left the queue for the first time, `first_token[request]` the end of the step that
    computed the last token of its prompt, NaN until then; `found[request]` are the tokens that a prefix cache spared
    it, each counted once; `losses[request]` is about its preemptions. `started` are requests that complete their prompt
    in this step, `ending` the seats that complete their output. `ended` lists
    requests as they finish, `ended_at` when they did. `operations` is the record for the arena, with the list `pages`,
    `log` that of the pool (`pool_log`). `samples[request]` are its sequences; the type of `group` says whether any
    request has more than one. `durations[cause]` is the time in which steps were blocked.
    """

    allocator: allocators.State
    content: Content
    arrival: Floats
    line: Ints
    next_turn: Ints
    delay: Floats
    prompt: Ints
    output: Ints
    known: Ints
    preemptions: Ints
    outcome: Ints
    admitted: Floats
    first_token: Floats
    found: Ints
    losses: Floats
    ended: Ints
    ended_at: Floats
    queue: Ints
    returned: Ints
    seats: Ints
    free_seats: Ints
    due: Ints
    started: Ints
    ending: Ints
    wheel: Ints
    cells: Ints
    operations: Operations
    pages: Pages
    log: Ints
    samples: Ints
    group: Single | Several
    counts: Ints
    times: Floats
    tallies: Ints
    durations: Floats
    queue_length: QueueLength
    timeline: Floats
    watched: Floats
    ledger: Ledger


def empty_machine(
    requests: Requests,
    allocator: allocators.State,
    content: Content,
    *,
    seats: int,
    wheel_span: int,
    operations: int,
    log: int,
    rows: int,
    writers: int,
    ledger: Ledger,
) -> Machine:
    """A machine at step 0: nobody has arrived, every seat is free. Settings in `counts` and `times` are left at 0.

    `rows` of the timeline are kept, and the writers of so many (`writers`) generated tokens of each seat.
    """
    total = len(requests)
    kind = Several if requests.samples.max(initial=1) > 1 else Single
    return Machine(
        allocator=allocator,
        content=content,
        arrival=requests.arrival.copy(),
        line=np.argsort(requests.after >= 0, kind="stable") if len(requests.after) else np.arange(total),
        next_turn=next_turns(requests.after),
        delay=requests.delay,
        prompt=requests.prompt_tokens,
        output=requests.output_tokens,
        known=requests.prompt_tokens.copy(),
        preemptions=np.zeros(total, np.int64),
        outcome=np.zeros(total, np.int64),
        admitted=np.full(total, np.nan),
        first_token=np.full(total, np.nan),
        found=np.full(total, 0),
        losses=zeros_in_lines(total, NUM_LOSSES).view(np.float64),
        ended=np.zeros(total, np.int64),
        ended_at=np.full(total, np.nan),
        queue=np.zeros(total, np.int64),
        returned=np.zeros(seats, np.int64),
        seats=zeros_in_lines(seats, NUM_SEAT_FIELDS),
        free_seats=np.arange(seats - 1, -1, -1, dtype=np.int64),
        due=np.zeros(seats, np.int64),
        started=np.full(seats, NONE, np.int64),
        ending=np.zeros(seats, np.int64),
        wheel=np.full(1 << (wheel_span + 1).bit_length(), NONE, np.int64),
        cells=free_cells(seats),
        operations=np.empty((operations, COLUMNS), np.int32),
        pages=np.empty(operations, np.int32),
        log=np.empty(log, np.int64),
        samples=requests.samples,
        group=kind(np.empty((seats if writers else 0, writers), np.int64)),
        counts=counts_at_start(seats),
        times=np.zeros(5),
        tallies=np.zeros((2, NUM_CAUSES), np.int64),
        durations=np.zeros(NUM_CAUSES),
        queue_length=queue_length.create(total),
        timeline=np.zeros((rows, NUM_TIMELINE_COLUMNS)),
        watched=np.full((1, NUM_TIMELINE_COLUMNS), np.nan),
        ledger=ledger,
    )


def counts_at_start(seats: int) -> Ints:
    """All counts where nobody runs, none of the settings said."""
    counts = np.zeros(NUM_COUNTERS, np.int64)
    counts[[LAST_RUNNING, FIRST_RUNNING, PARTIAL, WATCH]] = NONE
    counts[NUM_FREE_SEATS] = seats
    counts[STRIDE] = 1
    return counts


def free_cells(seats: int) -> Ints:
    """The wheel's cells, each of which names the next free one; one that is used holds an event, so these suffice."""
    cells = zeros_in_lines(seats, LINE_WORDS)
    cells[:, 0] = LINE_WORDS * np.arange(1, seats + 1)
    return cells.reshape(-1)


def next_turns(after: Ints) -> Ints:
    """The request that waits for each one, or NONE, for those that each one waits for; empty where nobody waits."""
    following = np.full(len(after), NONE, np.int64)
    following[after[after >= 0]] = np.flatnonzero(after >= 0)
    return following


def zeros_in_lines(rows: int, columns: int) -> Ints:
    """Zeros of shape `[rows, columns]`: rows of whole lines each begin with a line of the processor's cache."""
    room = np.zeros(rows * columns + LINE_WORDS, np.int64)
    skipped = -(room.ctypes.data // room.itemsize) % LINE_WORDS
    return room[skipped : skipped + rows * columns].reshape(rows, columns)
