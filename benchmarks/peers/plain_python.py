"""A small server's scheduler and page manager in plain Python, as the open ones are written.

A deque of free pages, a list of pages for each sequence, one pass over the running sequences for every token: prompts
in chunks, page 0 never handed out, the sequence admitted last preempted and computed again. It keeps no ledger and
writes no memory. It follows the documented rules without sharing a line with the engine, and so checks it as well.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil

from paged_sim.requests import Requests


@dataclass(slots=True)
class Clock:
    """A step's duration in seconds: `base + per_sequence * sequences + per_prefill_token * prompt tokens`."""

    base: float
    per_sequence: float
    per_prefill_token: float


@dataclass(slots=True, eq=False)
class Sequence:
    """A request being served: `known` tokens (prompt and generated), of which `computed` are stored in `pages`.

    `in_prompt` says that some of what it knew when it was admitted is not computed yet.
    """

    request: int
    known: int
    final: int
    computed: int = 0
    in_prompt: bool = True
    pages: list[int] = field(default_factory=list)


class PageManager:
    """Pages 1 … `num_pages - 1`; page 0 stays out of reach."""

    def __init__(self, num_pages: int, page_size: int) -> None:
        self.page_size = page_size
        self.free = deque(range(1, num_pages))

    def num_missing(self, sequence: Sequence, tokens: int) -> int:
        """Pages that a sequence still needs to hold `tokens` tokens."""
        return ceil(tokens / self.page_size) - len(sequence.pages)

    def allocate(self, sequence: Sequence, tokens: int) -> bool:
        """Give a sequence pages for `tokens` tokens in all; False, and nothing happens, if there are too few."""
        missing = self.num_missing(sequence, tokens)
        if missing > len(self.free):
            return False
        for _ in range(missing):
            sequence.pages.append(self.free.popleft())
        return True

    def release(self, sequence: Sequence) -> None:
        """Take all pages of a sequence back, its last one to be the next handed out."""
        self.free.extendleft(sequence.pages)
        sequence.pages.clear()


class Server:
    """Continuous batching, first come first served."""

    def __init__(
        self,
        requests: Requests,
        *,
        num_pages: int,
        page_size: int,
        max_num_seqs: int,
        max_tokens: int,
        max_model_len: int,
        clock: Clock,
    ) -> None:
        self.arrivals = requests.arrival.tolist()
        self.prompts = requests.prompt_tokens.tolist()
        self.finals = requests.stored_tokens.tolist()
        self.pages = PageManager(num_pages, page_size)
        self.num_usable = len(self.pages.free)
        self.max_num_seqs = max_num_seqs
        self.max_tokens = max_tokens
        self.max_model_len = max_model_len
        self.clock = clock
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self.finished: list[int] = []
        self.now = 0.0
        self.num_steps = 0
        self.token_steps = 0
        self.num_preempted = 0
        self.num_refused = 0
        self.peak_pages = 0

    def run(self) -> None:
        """Serve every request to its end."""
        arrived = 0
        while True:
            while arrived < len(self.arrivals) and self.arrivals[arrived] <= self.now:
                self.join(arrived)
                arrived += 1
            if self.running or self.waiting:
                self.step()
            elif arrived < len(self.arrivals):
                self.now = self.arrivals[arrived]
            else:
                return

    def join(self, request: int) -> None:
        """Queue a request that has arrived, unless it could never be served."""
        fits = self.finals[request] <= self.num_usable * self.pages.page_size
        if fits and self.prompts[request] < self.max_model_len:
            self.waiting.append(Sequence(request, self.prompts[request], self.finals[request]))
        else:
            self.num_refused += 1

    def step(self) -> None:
        """One iteration: the running sequences in order, then admissions, then the end of what is complete."""
        budget = self.max_tokens
        prefilled = 0
        preempted = self.num_preempted
        place = 0
        while place < len(self.running):
            sequence = self.running[place]
            tokens = min(sequence.known - sequence.computed, budget)
            if not self.make_room(sequence, sequence.computed + tokens):
                break
            if sequence.in_prompt:
                prefilled += tokens
            budget -= tokens
            sequence.computed += tokens
            place += 1
        if self.num_preempted == preempted:
            prefilled += self.admit(budget)
        self.peak_pages = max(self.peak_pages, self.num_usable - len(self.pages.free))
        self.pass_time(prefilled)
        self.sample()

    def make_room(self, sequence: Sequence, tokens: int) -> bool:
        """Preempt from the back until a sequence has pages for `tokens` tokens; False if it had to go itself."""
        while not self.pages.allocate(sequence, tokens):
            victim = self.running.pop()
            self.pages.release(victim)
            victim.computed = 0
            victim.in_prompt = True
            self.waiting.appendleft(victim)
            self.num_preempted += 1
            if victim is sequence:
                return False
        return True

    def admit(self, budget: int) -> int:
        """Admit from the head of the queue while the whole of what is known of it fits; the prompt tokens computed."""
        prefilled = 0
        while self.waiting and budget > 0 and len(self.running) < self.max_num_seqs:
            sequence = self.waiting[0]
            if self.pages.num_missing(sequence, sequence.known) > len(self.pages.free):
                break
            tokens = min(sequence.known, budget)
            self.pages.allocate(sequence, tokens)
            self.running.append(self.waiting.popleft())
            sequence.computed = tokens
            budget -= tokens
            prefilled += tokens
        return prefilled

    def pass_time(self, prefilled: int) -> None:
        """Count the step and set the clock behind it."""
        if not self.running:
            return
        clock = self.clock
        self.now += clock.base + clock.per_sequence * len(self.running) + clock.per_prefill_token * prefilled
        self.num_steps += 1
        self.token_steps += len(self.running)

    def sample(self) -> None:
        """Give each sequence whose known tokens are all computed its next token; the complete ones leave."""
        going_on = []
        for sequence in self.running:
            if sequence.computed == sequence.final:
                self.pages.release(sequence)
                self.finished.append(sequence.request)
                continue
            if sequence.computed == sequence.known:
                sequence.known += 1
                sequence.in_prompt = False
            going_on.append(sequence)
        self.running = going_on
