"""Contiguous allocation: one extent per sequence, as servers did before paging.

A reservation rule says how many slots a request asks for (`reservation.py`), a placement where they lie
(`placement.py`). With the rule `grow` a sequence holds whole chunks, takes the slots behind its extent when it needs
more, and is moved to a larger extent when they are not free; the old extent is freed after the move.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from paged_sim.allocators import absent, placement, reservation
from paged_sim.allocators.contract import NO_ROOM, Beyond, Span, completed
from paged_sim.allocators.family import Demands, Example, Family
from paged_sim.allocators.layout import Layout, Residents, of_extents
from paged_sim.allocators.space import FREE, Space
from paged_sim.compiled import few_events, kernel, marked_state
from paged_sim.ledger import EXTERNAL, OVER_RESERVATION, ROUNDING
from paged_sim.requests import Bools, Ints, Requests

if TYPE_CHECKING:
    from paged_sim.scenario.models import AllocatorSpec

CAPACITY, CHUNK, LIMIT, MOVED_FROM = range(4)


@few_events
@marked_state
class Contiguous(NamedTuple):
    """Extents of all rows: `start[row]`, `held[row]` slots placed there, of which `reserved[row]` were asked for.

    `asks[request]` is the reservation of a rule that fixes it once; empty for `grow`. `numbers` holds the capacity,
    the chunk and longest sequence of `grow`, and where the last `grow` moved a row from (-1: it stayed).
    """

    space: Space
    start: Ints
    held: Ints
    reserved: Ints
    asks: Ints
    numbers: Ints


def create(*, slots: int, rule: str, asks: Ints, chunk: int, longest: int, rows: int) -> Contiguous:
    """An empty arena of `slots` for `rows` sequences of at most `longest` tokens.

    `grow` never rounds a demand up to more than the empty arena can place.
    """
    space = placement.create(rule, slots)
    limit = min(longest, placement.longest(space))
    return Contiguous(
        space=space,
        start=np.zeros(rows, np.int64),
        held=np.zeros(rows, np.int64),
        reserved=np.zeros(rows, np.int64),
        asks=asks,
        numbers=np.array([space.numbers[FREE], chunk, limit, -1], np.int64),
    )


@kernel
def want(state: Contiguous, request: int, tokens: int) -> int:
    """Slots to hold for a request with `tokens` tokens: its reservation, or whole chunks for `grow`."""
    if len(state.asks) > 0:
        asked: int = state.asks[request]
        return asked
    chunk, limit = state.numbers[CHUNK], state.numbers[LIMIT]
    chunks = (tokens + chunk - 1) // chunk * chunk
    slots: int = max(tokens, min(chunks, limit))
    return slots


def footprint(state: Contiguous, slots: int) -> int:
    """Slots taken for `slots` at least, after rounding."""
    return placement.placed_length(state.space, slots)


def fits(state: Contiguous, slots: int) -> bool:
    """Whether `slots` could be placed now."""
    return placement.fits(state.space, slots)


def free_slots(state: Contiguous) -> int:
    """Slots in free extents."""
    free: int = state.space.numbers[FREE]
    return free


def largest(state: Contiguous) -> int:
    """The largest demand that could be placed now."""
    return placement.longest(state.space)


def capacity(state: Contiguous) -> int:
    """Slots that can ever be handed out: those that the placement needs for itself are not."""
    slots: int = state.numbers[CAPACITY]
    return slots


@kernel
def take(state: Contiguous, row: int, slots: int) -> int:
    """Place an extent for an empty row; the slots held, or NO_ROOM and nothing changed."""
    start = placement.place(state.space, slots)
    if start == NO_ROOM:
        return NO_ROOM
    held = placement.length_at(state.space, start, slots)
    state.start[row] = start
    state.held[row] = held
    state.reserved[row] = slots
    return held


def grow(state: Contiguous, row: int, slots: int) -> int:
    """Give a row room for `slots` in all, in place or by moving; the slots held, or NO_ROOM and nothing changed."""
    start: int = state.start[row]
    held: int = state.held[row]
    if slots <= held:
        state.numbers[MOVED_FROM] = -1
        state.reserved[row] = slots
        return held
    if placement.extend(state.space, start, held, slots - held):
        held = placement.length_at(state.space, start, slots)
        state.numbers[MOVED_FROM] = -1
        state.held[row] = held
        state.reserved[row] = slots
        return held
    larger = take(state, row, slots)
    if larger == NO_ROOM:
        return NO_ROOM
    give_back(state, start, held)
    state.numbers[MOVED_FROM] = start
    return larger


@kernel
def give_back(state: Contiguous, start: int, held: int) -> None:
    """Free an extent. One that lies outside of the arena is left alone: the arena names who asked for it."""
    if 0 <= start <= state.numbers[CAPACITY] - held:
        placement.give_back(state.space, start, held)


def moved_from(state: Contiguous) -> int:
    """Where the row of the last `grow` lay before it was moved, or -1 if it stayed."""
    start: int = state.numbers[MOVED_FROM]
    return start


def release(state: Contiguous, row: int) -> None:
    """Free a row's extent."""
    give_back(state, state.start[row], state.held[row])
    state.held[row] = 0
    state.reserved[row] = 0


def locate(state: Contiguous, row: int, position: int) -> Span:
    """Where a row keeps token `position`."""
    slot: int = state.start[row] + position
    run: int = state.held[row] - position
    return Span(slot, run)


def beyond(state: Contiguous, row: int, final: int) -> Beyond:
    """Slots of a row beyond its `final` tokens."""
    reserved: int = state.reserved[row]
    held: int = state.held[row]
    # A row of `grow` may hold less than its final tokens still; what buddy rounded up beyond them is rounding.
    return Beyond(max(0, reserved - final), 0, max(0, held - max(reserved, final)))


def fits_all(state: Contiguous, whole: int, part: int, others: int) -> bool:
    """Whether `others` + 1 extents of `whole` slots could be placed now (`part` is the same)."""
    return placement.how_many(state.space, whole, others + 1) > others


def is_new(state: Contiguous) -> bool:
    """Whether nothing is held and the free slots are as little cut up as at the start. Not part of the step loop."""
    return not state.held.any() and placement.is_new(state.space)


def layout(state: Contiguous, residents: Residents, slots: int) -> Layout:
    """What lies where, for the memory map; not part of the step loop."""
    return of_extents(residents, state.start, state.held, state.reserved, capacity(state), slots)


def create_for(spec: AllocatorSpec, slots: int, requests: Requests, max_model_len: int, rows: int) -> Contiguous:
    """An empty arena for a scenario's entry."""
    asks = reservation.RULES[spec.reserve].asks(requests, max_model_len)
    return create(slots=slots, rule=spec.placement, asks=asks, chunk=spec.chunk, longest=max_model_len, rows=rows)


def demands(state: Contiguous, requests: Requests, max_model_len: int) -> Demands:
    """Reservations, which are larger than what will be stored and must be placed one by one."""
    final, samples = requests.stored_tokens, requests.samples
    asked = state.asks if len(state.asks) else np.minimum(final, max_model_len)
    placeable = can_be_placed(state, asked)
    for request in np.flatnonzero((samples > 1) & placeable):
        extent = want(state, int(request), int(final[request]))
        placeable[request] = fits_all(state, extent, extent, int(samples[request]) - 1)
    return Demands(asked * samples, final * samples, placeable)


def can_be_placed(state: Contiguous, asked: Ints) -> Bools:
    """Whether an empty arena has room for such reservations; with `grow`, for all demands on the way there."""
    if len(state.asks) > 0:
        lengths, of_request = np.unique(asked, return_inverse=True)
        fitting: Bools = np.array([fits(state, length) for length in lengths.tolist()], bool)[of_request]
        return fitting
    most, chunk = largest(state), int(state.numbers[CHUNK])
    ways = range(0, min(int(asked.max(initial=0)), most), chunk)
    reached: Bools = asked <= next((held for held in ways if not fits(state, want(state, 0, held + 1))), most)
    return reached


def settings(spec: AllocatorSpec) -> dict[str, Any]:
    """Its two rules, and the chunk where it grows."""
    rules = {"reserve": spec.reserve, "placement": spec.placement}
    return {**rules, "chunk": spec.chunk} if spec.reserve == "grow" else rules


def formula(spec: AllocatorSpec, example: Example) -> str:
    """The rule's demand, and the block that the placement rounds it to."""
    block = placement.PLACEMENTS[spec.placement].block
    rounded = f"; a {block} of {example.at_end:,}" if block else ""
    return f"{reservation.RULES[spec.reserve].formula(spec, example)} = {example.wanted:,}{rounded}"


def ordered(spec: AllocatorSpec) -> bool:
    """As its placement says."""
    return placement.PLACEMENTS[spec.placement].ordered


def accounts(spec: AllocatorSpec) -> tuple[int, ...]:
    """What was asked for in vain, what the placement added to it, and holes."""
    rounded = (ROUNDING,) if placement.PLACEMENTS[spec.placement].block else ()
    return (OVER_RESERVATION, EXTERNAL, *rounded)


def variant(spec: AllocatorSpec) -> str:
    """The placement, unless it is compiled with the first one."""
    first = placement.compiled_with(spec.placement)
    return "" if first == next(iter(placement.PLACEMENTS)) else f"-{first}"


FAMILY: Family = Family(
    name="contiguous",
    policy="contiguous",
    meaning="a reservation rule and a placement rule: one extent a sequence",
    keys=("reserve", "placement"),
    state=Contiguous,
    functions=completed(sys.modules[__name__], absent),
    create=create_for,
    demands=demands,
    settings=settings,
    formula=formula,
    accounts=accounts,
    ordered=ordered,
    variant=variant,
)
