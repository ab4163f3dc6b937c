"""The sequences of one request, by the type of `machine.group`: it is always one, or some requests have several.

A leader is the first sequence of a request: it stands in running order and has the events.
"""

from __future__ import annotations

from types import ModuleType

from paged_sim.compiled import dispatched
from paged_sim.engine import several, single
from paged_sim.engine.machine import Machine, Several, Single

KINDS: dict[type, ModuleType] = {Single: single, Several: several}


@dispatched(KINDS, by="group")
def need(machine: Machine, request: int, tokens: int) -> int:
    """Slots that all sequences of a request need together to hold `tokens` tokens each, before placement rounds."""
    answer: int = KINDS[type(machine.group)].need(machine, request, tokens)
    return answer


@dispatched(KINDS, by="group")
def footprint(machine: Machine, request: int, tokens: int) -> int:
    """Slots that `need` really takes, after rounding."""
    answer: int = KINDS[type(machine.group)].footprint(machine, request, tokens)
    return answer


@dispatched(KINDS, by="group")
def fits(machine: Machine, request: int, tokens: int) -> bool:
    """Whether all sequences of a request would find room for `tokens` tokens each now."""
    answer: bool = KINDS[type(machine.group)].fits(machine, request, tokens)
    return answer


@dispatched(KINDS, by="group")
def work(machine: Machine, request: int, first: int, last: int) -> int:
    """Tokens to compute for positions `first` to `last - 1` of a request: its prompt once, the rest for each sample."""
    answer: int = KINDS[type(machine.group)].work(machine, request, first, last)
    return answer


@dispatched(KINDS, by="group")
def affordable(machine: Machine, request: int, stored: int, budget: int) -> int:
    """Positions from `stored` on that a chunk of at most `budget` computed tokens reaches."""
    answer: int = KINDS[type(machine.group)].affordable(machine, request, stored, budget)
    return answer


@dispatched(KINDS, by="group")
def seat_all(machine: Machine, leader: int, request: int) -> None:
    """Make a new seat the first sequence of a request and seat the others beside it."""
    KINDS[type(machine.group)].seat_all(machine, leader, request)


@dispatched(KINDS, by="group")
def end_before_fork(machine: Machine, leader: int, tokens: int) -> int:
    """How many of a request's first `tokens` tokens can be stored without its sequences parting anew."""
    answer: int = KINDS[type(machine.group)].end_before_fork(machine, leader, tokens)
    return answer


@dispatched(KINDS, by="group")
def num_owners(machine: Machine, leader: int) -> int:
    """Sequences that store each generated token of theirs, and, where nothing is shared, each of the prompt."""
    answer: int = KINDS[type(machine.group)].num_owners(machine, leader)
    return answer


@dispatched(KINDS, by="group")
def give_room(machine: Machine, leader: int, stored: int, tokens: int) -> None:
    """Give the sequences that have slots, with `stored` tokens each, room for `tokens` tokens; there must be room."""
    KINDS[type(machine.group)].give_room(machine, leader, stored, tokens)


@dispatched(KINDS, by="group")
def grow(machine: Machine, leader: int, tokens: int, stored: int) -> int:
    """Let each sequence, with `stored` tokens, grow that has no room for `tokens`.

    The slots for which the first of them has no room, or 0: then all have grown.
    """
    answer: int = KINDS[type(machine.group)].grow(machine, leader, tokens, stored)
    return answer


@dispatched(KINDS, by="group")
def write(machine: Machine, leader: int, tokens: int) -> None:
    """Write the tokens of all sequences of a request up to `tokens`, or ahead of them."""
    KINDS[type(machine.group)].write(machine, leader, tokens)


@dispatched(KINDS, by="group")
def fork(machine: Machine, leader: int, stored: int) -> None:
    """Once the first sequence has `stored` all of the prompt, let the others share it."""
    KINDS[type(machine.group)].fork(machine, leader, stored)


@dispatched(KINDS, by="group")
def branch(machine: Machine, leader: int, stored: int) -> None:
    """Let the beams of a request, with `stored` tokens each, continue those that were drawn."""
    KINDS[type(machine.group)].branch(machine, leader, stored)


@dispatched(KINDS, by="group")
def num_written(machine: Machine, leader: int, stored: int) -> int:
    """Tokens that were written so that each sequence of a request has `stored` ones (copies are not written)."""
    answer: int = KINDS[type(machine.group)].num_written(machine, leader, stored)
    return answer


@dispatched(KINDS, by="group")
def holding(machine: Machine, leader: int) -> tuple[int, int]:
    """Tokens stored and slots held by a request that has generated everything, each counted once."""
    answer: tuple[int, int] = KINDS[type(machine.group)].holding(machine, leader)
    return answer


@dispatched(KINDS, by="group")
def vacate(machine: Machine, leader: int, tokens: int, stored: int, finished: bool) -> None:
    """Read back and free all sequences of a request: `tokens` tokens of each are booked, `stored` are stored."""
    KINDS[type(machine.group)].vacate(machine, leader, tokens, stored, finished)
