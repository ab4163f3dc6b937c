"""What cannot be true ends a run, by name and with both numbers, however it came about: bugs planted one at a time.

Of each kind of bug that was ever planted there is a line in PLANTED, with what finds it in an ordinary run, or the test
that does where nothing in a run can.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import COLUMNS, drawn_workload, play, requests_of, scenario_of
from test_planted_bugs import wrap

from paged_sim.allocators import contiguous, paged
from paged_sim.allocators.contract import Beyond
from paged_sim.arena import ArenaError
from paged_sim.arena.host import HostArena
from paged_sim.arena.operations import CHECK, RETRACT, WRITE, Operations, Pages
from paged_sim.engine import accounts, admission, audit, booking, recording, running, sequence, steps
from paged_sim.engine import machine as m
from paged_sim.engine.audit import LedgerError
from paged_sim.engine.machine import Machine
from paged_sim.ledger import EXTERNAL, IDLE, RESERVATION, SHORT, TOKEN_STATE
from paged_sim.run import Run
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Variant
from paged_sim.simulation import simulate

Plant = Callable[[pytest.MonkeyPatch], None]

PAGES = AllocatorSpec(name="pages", policy="paged", page_size=4)
RESERVED = AllocatorSpec(name="reserved", policy="contiguous", reserve="limit", placement="first_fit")
GROWING = AllocatorSpec(name="growing", policy="contiguous", reserve="grow", placement="first_fit", chunk=3)
BUDDIES = AllocatorSpec(name="buddies", policy="contiguous", reserve="oracle", placement="buddy")

CHECKS = ("all", "finish", "sample")


def run(spec: AllocatorSpec, **changes: Any) -> Run:
    """Sixty sequences through memory for about ten, with preemptions where a policy has any."""
    lengths = Variant("uniform", {"low": 1, "high": 20})
    workload = drawn_workload(60, lengths, lengths, max_tokens=Variant("constant", {"value": 24}))
    return simulate(scenario_of(spec, slots=256, workload=workload, **changes))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("spec", [PAGES, RESERVED, GROWING, BUDDIES], ids=lambda spec: spec.name)
def test_a_sound_run_passes(spec: AllocatorSpec, check: str) -> None:
    run(spec, arena=ArenaSpec(device="cpu", check=check))


def book_a_quiet_step_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    wrap(monkeypatch, steps, "quiet_steps", lambda original, machine: original(machine) + (original(machine) > 1))


def book_longer_than_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stretch is booked a step too long in the ledger alone; there is room for the tokens, mostly."""

    def book(original: Any, ledger: Any, side: int, steps: int, slope: int, duration: float) -> bool:
        more = steps > 1 and ledger.row[RESERVATION] >= slope * steps
        return bool(original(ledger, side, steps + more, slope, duration))

    wrap(monkeypatch, booking.books, "book", book)


def move_tokens_that_there_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum stays right: reservation falls below nothing."""

    def account(original: Any, machine: Machine, seat: int, slots: int) -> None:
        original(machine, seat, slots)
        machine.ledger.row[TOKEN_STATE] += 300
        machine.ledger.row[RESERVATION] -= 300

    wrap(monkeypatch, accounts, "account", account)


def check_one_token_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    def record_span(original: Any, machine: Machine, seat: int, kind: int, first: int, last: int) -> None:
        original(machine, seat, kind, first, last - (kind == CHECK))

    wrap(monkeypatch, recording, "record_span", record_span)


def check_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "is_checked", lambda machine, seat, finished: False)


def vacate_one_token_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the check and the count of what is to be checked miss the last token."""

    def vacate(original: Any, machine: Machine, seat: int, stored: int, finished: bool) -> None:
        original(machine, seat, stored - (finished and stored > 1), finished)

    wrap(monkeypatch, sequence, "vacate", vacate)


def lose(kind: int) -> Plant:
    """Operations of a kind are lost between the loop and the arena."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        def execute(original: Any, arena: HostArena, ops: Operations, pages: Pages) -> None:
            original(arena, ops[ops[:, 0] % 8 != kind], pages)

        wrap(monkeypatch, HostArena, "execute", execute)

    plant.__name__ = f"lose_operations_of_kind_{kind}"
    return plant


def forget_retractions(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(original: Any, machine: Machine, kind: int, *arguments: int) -> None:
        if kind != RETRACT:
            original(machine, kind, *arguments)

    wrap(monkeypatch, recording, "record", record)


def end_one_token_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs are one token short: all agree but the requests."""
    from paged_sim.engine import order

    def introduce(original: Any, machine: Machine, seat: int, request: int) -> None:
        original(machine, seat, request)
        if machine.output[request] > 3:
            machine.seats[seat, m.FINAL] -= 1

    for module in (order, sequence, accounts):
        if hasattr(module, "introduce"):
            wrap(monkeypatch, module, "introduce", introduce)


def book(account: int, as_account: int) -> Plant:
    """A free account is booked as another one, with the cause left as it was."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        def label(original: Any, machine: Machine) -> int:
            cause: int = original(machine)
            row = machine.ledger.row
            row[as_account], row[account] = row[as_account] + row[account], 0
            return cause

        wrap(monkeypatch, admission, "label_free_slots", label)

    plant.__name__ = f"book_account_{account}_as_{as_account}"
    return plant


def call_fragmentation_a_shortage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Account and cause agree with each other, and not with what the head of the queue needs."""

    def label(original: Any, machine: Machine) -> int:
        cause: int = original(machine)
        row = machine.ledger.row
        if cause == m.FRAGMENTATION:
            row[SHORT], row[EXTERNAL] = row[EXTERNAL], 0
            return m.SHORTAGE
        return cause

    wrap(monkeypatch, admission, "label_free_slots", label)


def swap_the_causes_as_they_are_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    def book_steps(original: Any, machine: Machine, blocked: int, *arguments: Any) -> bool:
        swapped = {m.FRAGMENTATION: m.SHORTAGE, m.SHORTAGE: m.FRAGMENTATION}
        return bool(original(machine, swapped.get(blocked, blocked), *arguments))

    wrap(monkeypatch, booking, "book_steps", book_steps)


def swap_the_labels_of_preemptions(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_way(original: Any, machine: Machine, leader: int, tokens: int, label: int, index: int) -> bool:
        return bool(original(machine, leader, tokens, 1 - label, index))

    wrap(monkeypatch, running, "give_way", give_way)


def count_a_preemption_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_way(original: Any, machine: Machine, *arguments: int) -> bool:
        machine.tallies[m.PREEMPTED, m.SHORTAGE] += 1
        return bool(original(machine, *arguments))

    wrap(monkeypatch, running, "give_way", give_way)


def swap_beyond(module: Any) -> Plant:
    """What a policy holds beyond its final tokens goes to the wrong accounts, with the right sum."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        def beyond(original: Any, *arguments: Any) -> Beyond:
            over, tail, rounding = original(*arguments)
            return Beyond(tail or rounding, 0, over)

        family = module.FAMILY.functions
        original = family.beyond
        monkeypatch.setattr(family, "beyond", lambda *arguments: beyond(original, *arguments))

    plant.__name__ = f"swap_beyond_of_{module.__name__.rpartition('.')[2]}"
    return plant


PLANTED: list[tuple[Plant, AllocatorSpec, str]] = [
    (book_a_quiet_step_too_many, PAGES, "reservation is -|were stored|stored|booked"),
    (book_longer_than_time_passes, PAGES, "of .* passed are booked"),
    (move_tokens_that_there_are_not, PAGES, "not within 0 and 256"),
    (check_one_token_too_few, PAGES, r"tokens were checked, and .* were to be"),
    (check_one_token_too_few, RESERVED, r"tokens were checked of .* that were stored"),
    (check_nothing, PAGES, r"^pages: 0 tokens were checked of .* that were stored"),
    (vacate_one_token_too_few, RESERVED, "tokens were"),
    (lose(WRITE), PAGES, "operations were executed, and"),
    (lose(CHECK), PAGES, "operations were executed, and .* recorded; .* tokens were checked, and"),
    (lose(RETRACT), GROWING, "operations were executed, and"),
    (forget_retractions, GROWING, r"tokens were written and 0 found, and .* stored"),
    (end_one_token_early, PAGES, r"tokens were written and 0 found, and .* stored"),
    (book(SHORT, IDLE), PAGES, "blocked by capacity, which contradicts the free slots"),
    (book(EXTERNAL, SHORT), RESERVED, "blocked by fragmentation, which contradicts the free slots"),
    (call_fragmentation_a_shortage, RESERVED, "blocked by capacity, which contradicts the free slots"),
    (swap_the_causes_as_they_are_booked, RESERVED, "steps are blocked by"),
    (swap_the_labels_of_preemptions, PAGES, "fragmentation is counted .* although every free slot could be handed out"),
    (count_a_preemption_twice, PAGES, "returned to the queue, and .* preemptions are counted"),
    (swap_beyond(paged), PAGES, "over_reservation is .* not within 0 and 0"),
    (swap_beyond(contiguous), RESERVED, "rounding is .* not within 0 and 0"),
]


@pytest.mark.parametrize(("plant", "spec", "says"), PLANTED, ids=lambda part: getattr(part, "__name__", ""))
def test_a_planted_bug_ends_the_run(
    plant: Plant, spec: AllocatorSpec, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(LedgerError, match=says):
        run(spec)


@pytest.mark.parametrize("check", CHECKS)
def test_lost_checks_are_noticed_however_many_there_are(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(CHECK)(monkeypatch)
    with pytest.raises(LedgerError, match=r"0 tokens were checked, and [\d,]+ were to be"):
        run(PAGES, arena=ArenaSpec(device="cpu", check=check))


@pytest.mark.parametrize("entry", [1 << 28, -1, -(1 << 28), 64, (1 << 31) - 1])
@pytest.mark.parametrize("cache", ["none", "hash", "radix", "running"])
def test_a_wrong_entry_of_a_block_table_is_named_by_the_arena(
    cache: str, entry: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was handed to the arena before anything that belongs to a page was touched; 64 pages are numbered from 0."""
    spec = AllocatorSpec(name="pages", policy="paged", page_size=4, prefix_cache=cache)
    family = paged.FAMILY if cache == "none" else _cached()
    take = family.functions.take

    def wrong(state: Any, row: int, slots: int) -> int:
        held: int = take(state, row, slots)
        state.table[row, state.num_pages[row] - 1] = entry if row == 3 else state.table[row, state.num_pages[row] - 1]
        return held

    monkeypatch.setattr(family.functions, "take", wrong)
    with pytest.raises(ArenaError, match=r"operation \d+ of \d+ leaves the arena of 256 slots"):
        run(spec)


def _cached() -> Any:
    from paged_sim.allocators.prefix import family

    return family.FAMILY


def test_an_extent_outside_of_the_arena_is_named_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = contiguous.FAMILY.functions
    take = functions.take

    def wrong(state: Any, row: int, slots: int) -> int:
        held: int = take(state, row, slots)
        state.start[row] += 1 << 40 if row == 3 else 0
        return held

    monkeypatch.setattr(functions, "take", wrong)
    with pytest.raises(ArenaError, match=r"operation \d+ of \d+ leaves the arena of 256 slots"):
        run(RESERVED)


def test_shares_sum_to_one_however_long_the_run() -> None:
    """Durations that no sum of powers of two is: 100,000 of them added up plainly are off by more."""
    requests = requests_of([3] * 600, [400] * 600)
    clock = Variant("linear", {"base": 0.0123, "per_sequence": 0.00017, "per_prefill_token": 0.00003})
    played = play(scenario_of(PAGES, slots=450, max_model_len=410, clock=clock), requests)
    ledger = played.machine.ledger
    assert played.machine.counts[m.STEP] > 100_000
    shares = ledger.sums[:, :12].sum() / ledger.weights.sum() / 450
    assert abs(shares - 1.0) < 1e-12


def test_a_step_that_is_lost_to_rounding_counts_as_a_peak() -> None:
    """The clock stands at a million seconds; steps of a nanosecond's billionth do not move it."""
    arrival = np.array([1e6, 1e6])
    clock = Variant("linear", {"base": 1e-18, "per_sequence": 0.0, "per_prefill_token": 0.0})
    played = play(scenario_of(PAGES, clock=clock), requests_of([5, 5], [3, 3], arrival=arrival))
    assert played.column("batch").max() == 2
    assert played.machine.ledger.peaks[:, COLUMNS.index("batch") - 3].max() == 2


def test_what_is_wrong_is_said_in_words() -> None:
    played = play(scenario_of(PAGES), requests_of([5], [3]))
    machine = played.machine
    machine.ledger.row[IDLE] -= 65
    assert audit.faults(machine).startswith(f"step {machine.counts[m.STEP]}: idle is -")
    assert "the accounts sum to -1 of 64" in audit.faults(machine) or "the accounts sum to" in audit.faults(machine)
