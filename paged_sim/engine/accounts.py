"""What a seat's slots and tokens mean to the ledger, brought up to date when they change.

The engine counts a sequence's tokens (FINAL, ROOM, WRITTEN), the ledger and the allocator slots. `slots_of` and
`tokens_in` are where the one becomes the other.
"""

from __future__ import annotations

from paged_sim import allocators
from paged_sim.compiled import inlined, kernel
from paged_sim.engine.machine import FINAL, OVER, ROOM, ROUNDING, SLOTS, TAIL, Machine
from paged_sim.ledger import HELD, OVER_RESERVATION, RESERVATION, SAVED, SHARED, TOKEN_STATE
from paged_sim.ledger import ROUNDING as ROUNDING_ACCOUNT
from paged_sim.ledger import TAIL as TAIL_ACCOUNT


@inlined
def slots_of(tokens: int) -> int:
    """Slots that so many tokens fill once they are stored: as many."""
    return tokens


@inlined
def tokens_in(slots: int) -> int:
    """Tokens that so many slots have room for: as many."""
    return slots


@inlined
def store(machine: Machine, tokens: int) -> None:
    """Move the slots of `tokens` tokens that are now stored from reservation to token state; back, if negative."""
    row, slots = machine.ledger.row, slots_of(tokens)
    row[TOKEN_STATE] += slots
    row[RESERVATION] -= slots


@inlined
def account(machine: Machine, seat: int, slots: int) -> None:
    """Bring the ledger's row up to date after a seat came to hold `slots` slots.

    What it holds up to its final tokens goes to reservation; tokens stored are moved on to token state elsewhere.
    """
    seats, row = machine.seats, machine.ledger.row
    final = slots_of(seats[seat, FINAL])
    before = seats[seat, SLOTS]
    row[HELD] += slots - before
    row[RESERVATION] += min(final, slots) - min(final, before)
    seats[seat, SLOTS] = slots
    seats[seat, ROOM] = tokens_in(slots)
    if max(before, slots) > final:
        account_beyond(machine, seat, slots)


@kernel
def account_beyond(machine: Machine, seat: int, slots: int) -> None:
    """Bring the accounts of what a seat holds beyond its final tokens up to date."""
    seats, row = machine.seats, machine.ledger.row
    row[OVER_RESERVATION] -= seats[seat, OVER]
    row[TAIL_ACCOUNT] -= seats[seat, TAIL]
    row[ROUNDING_ACCOUNT] -= seats[seat, ROUNDING]
    over, tail, rounding = 0, 0, 0
    if slots > 0:
        over, tail, rounding = allocators.beyond(machine.allocator, seat, seats[seat, FINAL])
    seats[seat, OVER] = over
    seats[seat, TAIL] = tail
    seats[seat, ROUNDING] = rounding
    row[OVER_RESERVATION] += over
    row[TAIL_ACCOUNT] += tail
    row[ROUNDING_ACCOUNT] += rounding


@kernel
def leave_shared(machine: Machine, freed: int, slots: int) -> None:
    """Keep the books of a seat that left with `slots` slots, of which only `freed` are held by nobody else."""
    row = machine.ledger.row
    row[HELD] += slots - freed
    row[TOKEN_STATE] += slots - freed
    row[SHARED] -= slots - freed
    row[SAVED] -= slots - freed
