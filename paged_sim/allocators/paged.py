"""Paged allocation: fixed-size pages taken on demand through a block table, with reference counts.

A sequence holds `ceil(tokens / page_size)` pages, wherever they are. Pages come from the top of a stack that starts as
0, 1, 2, … and go back last page first, so the page handed out next is the one freed last. With a null page, page 0 is
never handed out, as in vLLM.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from paged_sim.allocators import absent, block_table
from paged_sim.allocators.block_table import PAGE_SIZE, USABLE, Pages, page_of, pages_for, shift_of
from paged_sim.allocators.contract import KEPT, NO_ROOM, Listed, completed
from paged_sim.allocators.family import Demands, Example, Family, longest_of
from paged_sim.allocators.layout import Layout, Residents, of_pages
from paged_sim.compiled import inlined, marked_state
from paged_sim.compiled.prefetch import prefetch
from paged_sim.requests import Ints, Requests

if TYPE_CHECKING:
    from paged_sim.scenario.models import AllocatorSpec

NUM_FREE = 3


@marked_state
class Paged(NamedTuple):
    """The pool. `stack[:numbers[NUM_FREE]]` are the free pages, the next one last.

    `table[row, i]` is a row's i-th page, `references[page]` the rows that hold a page, `num_pages[row]`
    the pages of a row.
    """

    stack: Pages
    references: Pages
    table: Pages
    num_pages: Ints
    numbers: Ints


def create(*, slots: int, page_size: int, null_page: bool, rows: int, longest: int) -> Paged:
    """A pool of `slots // page_size` pages for `rows` sequences of at most `longest` tokens."""
    total = slots // page_size
    first = 1 if null_page else 0
    usable = max(0, total - first)
    width = min(-(-longest // page_size), usable)
    return Paged(
        stack=np.arange(total - 1, first - 1, -1, dtype=np.int32),
        references=np.zeros(total, np.int32),
        table=np.empty((rows, max(1, width)), np.int32),
        num_pages=np.zeros(rows, np.int64),
        numbers=np.array([page_size, shift_of(page_size), usable, usable], np.int64),
    )


def fits(state: Paged, slots: int) -> bool:
    """Whether `slots` could be handed out now."""
    free: int = state.numbers[NUM_FREE]
    return pages_for(state, slots) <= free


@inlined
def free_slots(state: Paged) -> int:
    """Slots in free pages."""
    free: int = state.numbers[NUM_FREE] * state.numbers[PAGE_SIZE]
    return free


def largest(state: Paged) -> int:
    """The largest demand that could be met now: every free page serves."""
    return free_slots(state)


def take(state: Paged, row: int, slots: int) -> int:
    """Give an empty row room for `slots` tokens; the slots held, or NO_ROOM and nothing changed."""
    state.num_pages[row] = 0
    return grow(state, row, slots)


@inlined
def grow(state: Paged, row: int, slots: int) -> int:
    """Give a row room for `slots` tokens in all; the slots held, or NO_ROOM and nothing changed."""
    page_size: int = state.numbers[PAGE_SIZE]
    held: int = state.num_pages[row]
    goal = pages_for(state, slots)
    free: int = state.numbers[NUM_FREE]
    if goal - held > free:
        return NO_ROOM
    while held < goal:
        free -= 1
        page = state.stack[free]
        state.references[page] = 1
        state.table[row, held] = page
        held += 1
    state.numbers[NUM_FREE] = free
    state.num_pages[row] = held
    return held * page_size


def release(state: Paged, row: int) -> None:
    """Drop a row's references; a page that nobody holds any more is free, the row's last page on top."""
    free: int = state.numbers[NUM_FREE]
    for index in range(state.num_pages[row]):
        page = state.table[row, index]
        state.references[page] -= 1
        if state.references[page] == 0:
            state.stack[free] = page
            free += 1
    state.numbers[NUM_FREE] = free
    state.num_pages[row] = 0


def list_pages(state: Paged, row: int, position: int, count: int, into: Listed, place: int) -> None:
    """Write the first slots of `count` pages to `into[place:]`, from the one that begins at `position` on.

    Who lists many pages is about to release them, so their counts are asked for.
    """
    page_size: int = state.numbers[PAGE_SIZE]
    pages, references = state.table[row], state.references
    first = page_of(state, position)
    for index in range(count):
        # Unsigned indices spare the question whether they count from the end.
        page = pages[np.uint64(first + index)]
        prefetch(references, page)
        into[np.uint64(place + index)] = page * page_size


def shares(state: Paged) -> bool:
    """Rows can share pages: always true."""
    return True


def own_part(state: Paged, request: int, prompt: int, tokens: int) -> int:
    """Slots in the pages that a further sample with `tokens` tokens does not share: from the prompt's end on."""
    if tokens <= prompt:
        return 0
    page_size: int = state.numbers[PAGE_SIZE]
    return (pages_for(state, tokens) - page_of(state, prompt)) * page_size


def fits_all(state: Paged, whole: int, part: int, others: int) -> bool:
    """Whether `whole` slots and `others` times `part` could be handed out now."""
    free: int = state.numbers[NUM_FREE]
    return pages_for(state, whole) + others * pages_for(state, part) <= free


def fork(state: Paged, row: int, child: int) -> int:
    """Let an empty row share all pages of `row`; the slots it then holds."""
    page_size: int = state.numbers[PAGE_SIZE]
    held: int = state.num_pages[row]
    for index in range(held):
        page = state.table[row, index]
        state.table[child, index] = page
        state.references[page] += 1
    state.num_pages[child] = held
    return held * page_size


def unshare(state: Paged, row: int, position: int) -> int:
    """Give a row a page of its own for `position`; the first slot of the page it left, KEPT or NO_ROOM."""
    page_size: int = state.numbers[PAGE_SIZE]
    index = page_of(state, position)
    page: int = state.table[row, index]
    if state.references[page] == 1:
        return KEPT
    free: int = state.numbers[NUM_FREE] - 1
    if free < 0:
        return NO_ROOM
    fresh = state.stack[free]
    state.numbers[NUM_FREE] = free
    state.references[page] -= 1
    state.references[fresh] = 1
    state.table[row, index] = fresh
    return page * page_size


def exclusive_from(state: Paged, row: int) -> int:
    """The position from which on nobody else owns a row's pages: what is shared comes first."""
    page_size: int = state.numbers[PAGE_SIZE]
    index: int = state.num_pages[row]
    while index > 0 and state.references[state.table[row, index - 1]] == 1:
        index -= 1
    return index * page_size


def is_new(state: Paged) -> bool:
    """Whether nothing is held and every usable page is free, once. Not part of the step loop."""
    usable, free = int(state.numbers[USABLE]), int(state.numbers[NUM_FREE])
    first = len(state.references) - usable
    pages = np.arange(first, first + usable)
    return free == usable and not state.references.any() and np.array_equal(np.sort(state.stack[:free]), pages)


def layout(state: Paged, residents: Residents, slots: int) -> Layout:
    """What lies where, for the memory map; not part of the step loop."""
    kept = np.zeros(len(state.references), np.int32)
    page_size, usable = int(state.numbers[PAGE_SIZE]), int(state.numbers[USABLE])
    return of_pages(residents, state.table, state.num_pages, kept, page_size, usable, slots)


def create_for(spec: AllocatorSpec, slots: int, requests: Requests, max_model_len: int, rows: int) -> Paged:
    """An empty pool for a scenario's entry."""
    longest = longest_of(requests, max_model_len)
    return create(slots=slots, page_size=spec.page_size, null_page=spec.null_page, rows=rows, longest=longest)


def demands(state: Paged, requests: Requests, max_model_len: int) -> Demands:
    """What is stored: of further samples, the pages that each has to itself at its end."""
    page_size, prompt, final = int(state.numbers[PAGE_SIZE]), requests.prompt_tokens, requests.stored_tokens
    own = np.where(final > prompt, (-(-final // page_size) - prompt // page_size) * page_size, 0)
    needed = final + (requests.samples - 1) * own
    return Demands(needed, needed, np.ones(len(requests), bool))


def settings(spec: AllocatorSpec) -> dict[str, Any]:
    """Those of its pages."""
    return {"page_size": spec.page_size, "null_page": spec.null_page}


def formula(spec: AllocatorSpec, example: Example) -> str:
    """Whole pages."""
    return f"ceil({example.stored:,} / {spec.page_size}) pages of {spec.page_size}, taken as the sequence grows"


def touched(state: Paged, requests: Requests) -> int:
    """Every page once; with samples each sequence reads all the pages of its table, shared or not."""
    usable = int(state.numbers[USABLE])
    return usable if requests.samples.max(initial=1) == 1 else max(usable, state.table.size)


FAMILY: Family = Family(
    name="paged",
    policy="paged",
    meaning="pages of page_size slots, taken as the sequence grows",
    keys=("page_size", "null_page", "prefix_cache"),
    state=Paged,
    functions=completed(completed(sys.modules[__name__], block_table), absent),
    create=create_for,
    demands=demands,
    settings=settings,
    formula=formula,
    paged=True,
    touched=touched,
)
