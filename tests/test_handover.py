"""Records of memory operations on their way to the arena: in order, all of them, whoever executes them."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from helpers import play, requests_of, scenario_of, set_up

from paged_sim import simulation
from paged_sim.arena import ArenaError
from paged_sim.arena.absent import AbsentArena
from paged_sim.arena.operations import NO_PAGES, Operations, Pages
from paged_sim.engine import drive as engine
from paged_sim.engine import machine as m
from paged_sim.engine import steps
from paged_sim.engine.handover import Handover, usable_cores
from paged_sim.engine.machine import Machine
from paged_sim.scenario.models import AllocatorSpec

SCENARIO = scenario_of(AllocatorSpec(name="paged", policy="paged"), slots=256)
REQUESTS = requests_of([30, 9, 20, 17] * 8, [30, 5, 40, 20] * 8)


class Clerk(AbsentArena):
    """An arena that keeps what it is given and who gave it, and objects to the record of a given number."""

    def __init__(self, objects_to: int = -1) -> None:
        super().__init__(256)
        self.records: list[list[list[int]]] = []
        self.threads: set[int] = set()
        self.objects_to = objects_to

    def execute(self, ops: Operations, pages: Pages = NO_PAGES) -> None:
        self.threads.add(threading.get_ident())
        if len(self.records) == self.objects_to:
            raise ArenaError("as asked")
        self.records.append(ops.tolist())


def hand_all_over(arena: Clerk, *, beside: bool) -> list[list[list[int]]]:
    """Simulate and hand the record over after every step; the records as they were when they were handed over."""
    machine = set_up(SCENARIO, REQUESTS)
    handover = Handover(arena, beside=beside)
    given = []
    try:
        while steps.advance(machine, int(machine.counts[m.STEP]) + 1) == steps.PAUSED:
            given.append(machine.operations[: machine.counts[m.NUM_OPERATIONS]].tolist())
            machine = handover.hand_over(machine)
            assert machine.counts[m.NUM_OPERATIONS] == machine.counts[m.NUM_LISTED] == 0
        given.append(machine.operations[: machine.counts[m.NUM_OPERATIONS]].tolist())
        handover.finish(machine)
    finally:
        handover.close()
    return given


@pytest.mark.parametrize("beside", [False, True])
def test_every_record_is_executed_once_and_in_order(beside: bool) -> None:
    arena = Clerk()
    given = hand_all_over(arena, beside=beside)
    assert len(given) > 50
    assert arena.records == given
    # The last record is executed where the simulation runs, as there is nothing left to do beside it.
    assert len(arena.threads) == 1 + beside
    assert threading.get_ident() in arena.threads


@pytest.mark.parametrize("beside", [False, True])
def test_nothing_is_executed_after_a_record_that_is_refused(beside: bool) -> None:
    arena = Clerk(objects_to=3)
    with pytest.raises(ArenaError, match="as asked"):
        hand_all_over(arena, beside=beside)
    assert len(arena.records) == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("arena")]


@pytest.mark.parametrize("flush_at", [1, 50])
def test_an_arena_at_work_beside_comes_to_the_same(flush_at: int) -> None:
    plain = play(SCENARIO, REQUESTS)
    beside = play(SCENARIO, REQUESTS, compiled=True, beside=True, flush_at=flush_at)
    assert (beside.digest, beside.stats) == (plain.digest, plain.stats)
    assert beside.counts == plain.counts


def test_an_arena_that_needs_the_lock_of_python_gets_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paged_sim.engine.handover.ThreadPoolExecutor", None)
    assert play(SCENARIO, REQUESTS, beside=True, flush_at=1).stats.corrupt == 0


@pytest.mark.parametrize("cores", [1, 2])
def test_a_simulation_alone_on_several_cores_uses_two(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    asked = []

    def drive(machine: Machine, *given, beside: bool, **options):
        asked.append(beside)
        return original(machine, *given, beside=beside, **options)

    original = engine.drive
    monkeypatch.setattr(engine, "drive", drive)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    simulation.simulate(replace(SCENARIO, repeats=2))
    assert asked == [cores > 1] * 2
    assert usable_cores() == cores


def test_where_the_cores_of_a_process_are_not_known_the_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for known, expected in ((8, 8), (1, 1), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda known=known: known)
        assert usable_cores() == expected
