"""The wheel of events, against a dictionary of lists."""

from __future__ import annotations

from helpers import requests_of, scenario_of, set_up
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.engine import machine as m
from paged_sim.engine import wheel
from paged_sim.engine.machine import Machine
from paged_sim.scenario.models import AllocatorSpec

SEATS = 24
PAGED = AllocatorSpec(name="paged", policy="paged", page_size=4)


def machine_of_seats() -> Machine:
    """A machine with room for SEATS sequences of at most 4 tokens, at step 0."""
    machine = set_up(scenario_of(PAGED, slots=4 * SEATS), requests_of([1] * SEATS, [4] * SEATS))
    assert len(machine.seats) == SEATS
    return machine


def due(machine: Machine) -> list[int]:
    """The seats with an event at this step, in running order; they are taken out."""
    wheel.collect_due(machine)
    return [wheel.seat_of(int(event)) for event in machine.due[machine.counts[m.FIRST_DUE] :]]


# For each seat, in the order in which they enter: its place in running order, the step, and whether it is struck.
EVENTS = st.permutations(range(SEATS)).flatmap(
    lambda order: st.tuples(*(st.tuples(st.just(place), st.integers(1, 3), st.booleans()) for place in order))
)


@settings(max_examples=60)
@given(EVENTS)
def test_each_step_has_its_events_in_running_order(events: tuple[tuple[int, int, bool], ...]) -> None:
    machine = machine_of_seats()
    for _ in range(2):
        expected: dict[int, list[tuple[int, int]]] = {1: [], 2: [], 3: []}
        for seat, (generation, step, _) in enumerate(events):
            machine.seats[seat, [m.OFFSET, m.FINAL, m.ROOM]] = machine.counts[m.STEP], step, 4
            machine.seats[seat, m.GENERATION] = generation
            wheel.schedule(machine, seat)
            expected[step].append((generation, seat))
        for seat, (generation, step, struck) in enumerate(events):
            if struck:
                wheel.unschedule(machine, seat)
                expected[step].remove((generation, seat))
        for step in (1, 2, 3):
            machine.counts[m.STEP] += 1
            assert due(machine) == [seat for _, seat in sorted(expected[step])]
        machine.counts[m.STEP] += 1
        assert due(machine) == []
