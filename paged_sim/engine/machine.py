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

# Columns of `seats`: what the engine knows of each resident sequence. Eight of them are one line of the processor's
# cache, and the first line is all that most events need.
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
    NUM_SAMPLES,  # of the first sequence of a request: how many there are
    OVER,  # its slots beyond FINAL, by account
    TAIL,
    ROUNDING,
    FORM,  # of the first sequence of a request: what all of them share
    NEXT_SAMPLE,  # the next sequence of the same request, or NOBODY
    STORED,  # tokens stored so far while its prompt is being computed in chunks
    PREVIOUS,  # its neighbours in running order
    FOLLOWING,
    # The first sequence of a request also knows:
    SAVED_SLOTS,  # slots that all of them hold beyond those handed out, tokens and tail therein
    SAVED_TOKENS,
    SAVED_TAIL,
    HEIRS,  # of a beam: how many beams continue it in this step
) = range(22)
NUM_SEAT_FIELDS = 24
LINE_WORDS = 8
NOBODY = -1

# FORM: only the first sequence has slots; all have the same pages; each has pages of its own to write to.
UNFORKED, TOGETHER, DIVERGED = range(3)

# `counts`: every other number of the engine.
(
    STEP,
    NUM_ARRIVED,  # requests that have arrived, which are the first in `line`
    NUM_SENT,  # requests whose arrival time is known (closed loop), likewise
    QUEUE_HEAD,
    QUEUE_TAIL,
    NUM_RETURNED,
    NUM_RUNNING,
    LAST_RUNNING,
    FIRST_RUNNING,
    NUM_FREE_SEATS,
    NUM_GENERATIONS,
    PARTIAL,  # the seat whose prompt is being computed in chunks, or NOBODY
    FIRST_DUE,  # the events of this step are `due` from there on
    FREE_CELL,  # the first free cell of the wheel
    NUM_ENDING,
    NUM_STARTED,  # sequences that complete their prompt in this step, which are the first ones of `started`
    BUDGET,  # tokens this step may still compute
    PREFILLED,  # prompt tokens computed this step
    PREEMPTED_NOW,
    HELD_BACK,  # admission stopped at a limit that is fresh again next step
    RULE,  # the rule that stopped admission last, if one did
    NEED,  # slots that the head of the queue asks for, where one waits
    CAUSE,  # what the step is blocked by, or -1
    NUM_RECORDED,  # operations handed over to the arena
    NUM_OPERATIONS,
    NUM_LISTED,  # entries of the list of pages that belong to them
    NUM_FINISHED,
    NUM_ENDED,
    NUM_STEPS_DONE,
    NUM_STEPS_SKIPPED,  # of these, the ones of the warm-up
    TOKEN_STEPS,
    UNDONE,  # tokens that preempted and refused sequences had computed or found
    DISCARDED,
    TO_CHECK,  # tokens that `check` asks to be read back
    STORED_AT_FINISH,
    HELD_AT_FINISH,
    COW_COPIES,  # pages copied because one of their owners writes to the rest
    NUM_ADMITTED,  # requests admitted for the first time; what they asked of a prefix cache and what it had
    ASKED,
    HIT,
    NUM_READMITTED,  # the same after a preemption
    ASKED_AGAIN,
    HIT_AGAIN,
    HIT_IN_PAGES,  # of all hits, those in whole pages: the others were copied
    CACHED_TAIL,  # slots without a token in pages that are only cached
    NUM_ROWS,
    STRIDE,
    # Settings, constant during a run.
    CAPACITY,
    MAX_SEQS,
    MAX_TOKENS,
    CHUNKED,
    RECOMPUTE,
    SPARE,  # slots the watermark keeps free
    FULL_PROMPT,
    RECORD,
    EAGER,
    CHECK,
    CHECK_SEED,
    POISON_FREED,
    WARMUP,
    CLOSED_LOOP,
    FLUSH_AT,
    TIMED,
    WATCH,  # the first of the steps whose rows are kept in `watched`, or NOBODY
    CACHING,
    LOGGED,  # numbers in the log
    LOG_STEP,  # the step that was begun last
    LOG,  # the page size, or 0 for no log
    BEAM,  # the samples are beams: at every step each continues one of them
    BEAM_SEED,
    BEAM_KEEP,  # of 2^32 draws so many let a beam continue itself
) = range(71)
NUM_COUNTERS = 71

# `times`: the clock, in seconds (in steps with the step clock).
NOW, BASE, PER_SEQUENCE, PER_PREFILL_TOKEN, THINK = range(5)

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

# Outcomes of a request.
(
    PENDING,
    FINISHED,
    REFUSED_PROMPT,
    REFUSED_CAPACITY,
    REFUSED_RESERVATION,
    REFUSED_PLACEMENT,
    REFUSED_GROWTH,
    REFUSED_MOVE,
    REFUSED_ALONE,
) = range(9)

CHECK_NONE, CHECK_ALL, CHECK_FINISH, CHECK_SAMPLE = range(4)

# Columns of a timeline row: step, time, duration, then the ledger's row.
NUM_TIMELINE_COLUMNS = 3 + NUM_COUNTS


@marked_state
class Single(NamedTuple):
    """Every request is one sequence. `authors` is empty."""

    authors: Ints


@marked_state
class Several(NamedTuple):
    """Requests of several sequences: `authors[seat, i]` is the generation that wrote a beam's i-th generated token.

    It is empty without beams.
    """

    authors: Ints


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
    authors: int,
    ledger: Ledger,
) -> Machine:
    """A machine at step 0: nobody has arrived, every seat is free. Settings in `counts` and `times` are left at 0.

    `rows` of the timeline are kept, and the authors of so many (`authors`) generated tokens of each seat.
    """
    total = len(requests)
    kind = Several if requests.samples.max(initial=1) > 1 else Single
    buckets = 1 << (wheel_span + 1).bit_length()
    # A cell that is used holds an event at least, so these are enough; each free one names the next.
    cells = zeros_in_lines(seats, LINE_WORDS)
    cells[:, 0] = LINE_WORDS * np.arange(1, seats + 1)
    counts = np.zeros(NUM_COUNTERS, np.int64)
    counts[[LAST_RUNNING, FIRST_RUNNING, PARTIAL, WATCH]] = NOBODY
    counts[NUM_FREE_SEATS] = seats
    counts[STRIDE] = 1
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
        started=np.full(seats, NOBODY, np.int64),
        ending=np.zeros(seats, np.int64),
        wheel=np.full(buckets, NOBODY, np.int64),
        cells=cells.reshape(-1),
        operations=np.empty((operations, COLUMNS), np.int32),
        pages=np.empty(operations, np.int32),
        log=np.empty(log, np.int64),
        samples=requests.samples,
        group=kind(np.empty((seats if authors else 0, authors), np.int64)),
        counts=counts,
        times=np.zeros(5),
        tallies=np.zeros((2, NUM_CAUSES), np.int64),
        durations=np.zeros(NUM_CAUSES),
        queue_length=queue_length.create(total),
        timeline=np.zeros((rows, NUM_TIMELINE_COLUMNS)),
        watched=np.full((1, NUM_TIMELINE_COLUMNS), np.nan),
        ledger=ledger,
    )


def next_turns(after: Ints) -> Ints:
    """The request that waits for each one, or NOBODY, for those that each one waits for; empty where nobody waits."""
    following = np.full(len(after), NOBODY, np.int64)
    following[after[after >= 0]] = np.flatnonzero(after >= 0)
    return following


def zeros_in_lines(rows: int, columns: int) -> Ints:
    """Zeros of shape `[rows, columns]`: rows of whole lines each begin with a line of the processor's cache."""
    room = np.zeros(rows * columns + LINE_WORDS, np.int64)
    skipped = -(room.ctypes.data // room.itemsize) % LINE_WORDS
    return room[skipped : skipped + rows * columns].reshape(rows, columns)
