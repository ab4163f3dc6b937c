"""What samples and beams share: published numbers, closed forms, and rules read off single steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_files import run_builtin
from helpers import CONTIGUOUS, PAGED, Played, play, requests_of, scenario_of

from paged_sim.engine import machine as m
from paged_sim.requests import Beams, Requests
from paged_sim.scenario import load_scenario
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Scheduler
from paged_sim.simulation import draw

PAGES = AllocatorSpec(name="pages", policy="paged", page_size=4)
MIB = 1 << 20


class TestTutorial:
    """The tutorial's third section: ten requests share a prompt of 200 tokens, at 512 KiB a token."""

    def row(self, step: int) -> dict[str, float]:
        row: dict[str, float] = run_builtin("seed-section3", at_step=step).policies[0].summary["at_step"]
        return row

    def test_the_prompt_is_stored_once(self) -> None:
        row = self.row(0)
        assert row["held"] / 16 == 13
        assert (row["held"] + row["saved"]) / 16 == 130
        assert (row["held"] + row["saved"]) * 512 * 1024 == 1040 * MIB
        assert row["held"] * 512 * 1024 == 104 * MIB
        assert row["saved"] * 512 * 1024 == 936 * MIB

    def test_after_divergence_the_full_pages_stay_shared(self) -> None:
        """Nine of ten copy the thirteenth page; had somebody else kept the original, all ten would have."""
        row = self.row(1)
        assert row["held"] / 16 == 12 + 10
        assert row["saved"] * 512 * 1024 == 864 * MIB
        assert row["saved"] * 512 * 1024 - 16 * 512 * 1024 == 856 * MIB

    def test_the_first_copy_is_of_logical_page_12(self) -> None:
        scenario = scenario_of(AllocatorSpec(name="paged", policy="paged"), slots=130 * 16, max_model_len=2048)
        played = Recorded(scenario, requests_of([200], [9], samples=10), steps=2)
        source, length, target = played.copies[0]
        assert (source // 16, target // 16) == (12, 13)
        assert (source % 16, length) == (0, 8)
        assert len(played.copies) == 9
        # The last one keeps the original.
        assert {source for source, _, _ in played.copies} == {12 * 16}
        assert [table[12] for table in played.tables] == [*range(13, 22), 12]
        assert all(table[:12] == list(range(12)) for table in played.tables)


class Recorded:
    """Copies (source slot, length, target slot) and block tables after some steps."""

    def __init__(self, scenario: Any, requests: Requests, steps: int) -> None:
        from helpers import set_up

        from paged_sim.arena.operations import COPY
        from paged_sim.engine.steps import advance

        machine = set_up(scenario, requests, eager=True)
        for step in range(steps):
            advance(machine, step + 1)
        operations = machine.operations[: machine.counts[m.NUM_OPERATIONS]].tolist()
        self.copies = [(slot, length, target) for kind, slot, length, target, _ in operations if kind == COPY]
        state = machine.allocator
        self.tables, seat = [], int(machine.counts[m.FIRST_RUNNING])
        while seat != m.NONE:
            self.tables.append(state.table[seat, : state.num_pages[seat]].tolist())
            seat = int(machine.seats[seat, m.NEXT_SAMPLE])


def saved_by_samples(requests: Requests, samples: int, page_size: int) -> float:
    """Time average of (n - 1) * floor(prompt / page) pages over the pages of n sequences apart, by requests alone."""
    saved = total = 0
    for prompt, output in zip(requests.prompt_tokens.tolist(), requests.output_tokens.tolist(), strict=True):
        stored = np.arange(prompt, prompt + output)
        saved += output * (samples - 1) * (prompt // page_size)
        total += samples * int((-(-stored // page_size)).sum())
    return saved / total


@pytest.mark.parametrize("lengths", ["alpaca", "sharegpt"])
def test_parallel_samples_save_what_the_closed_form_says(lengths: str) -> None:
    saved = []
    for samples in (2, 4, 6):
        overrides = (
            f"workload.samples={samples}",
            f"workload.prompt.histogram={lengths}-prompt",
            f"workload.output.histogram={lengths}-output",
        )
        summary = run_builtin("parallel-sampling", *overrides).policies[1].summary
        requests = draw(load_scenario("parallel-sampling", overrides=overrides), 42).requests
        saved.append(summary["sharing"]["pages_saved_fraction"])
        assert saved[-1] == pytest.approx(saved_by_samples(requests, samples, 16), abs=0.01)
        assert summary["arena"]["corrupt"] == 0
    assert saved == sorted(saved)
    published = {"alpaca": (0.061, 0.098), "sharegpt": (0.162, 0.305)}[lengths]
    assert saved[0] == pytest.approx(published[0], abs=0.005)
    assert saved[-1] == pytest.approx(published[1], abs=0.04)


@pytest.mark.parametrize("lengths", ["alpaca", "sharegpt"])
def test_beams_save_far_more_than_samples(lengths: str) -> None:
    saved = []
    for width in (2, 6):
        overrides = (
            f"workload.beam.width={width}",
            "workload.requests=200",
            f"workload.prompt.histogram={lengths}-prompt",
            f"workload.output.histogram={lengths}-output",
        )
        saved.append(run_builtin("beam-search", *overrides).policies[0].summary["sharing"]["pages_saved_fraction"])
    assert 0.33 < saved[0] < 0.5
    assert 0.6 < saved[1] < 0.82


def counts_of(played: Played) -> tuple[int, int, int]:
    stats = played.stats
    return stats.tokens_written, stats.tokens_copied, played.machine.counts[m.COW_COPIES]


def test_a_prompt_of_whole_pages_is_never_copied() -> None:
    played = play(scenario_of(PAGES), requests_of([8], [5], samples=3))
    assert counts_of(played) == (8 + 3 * 4, 0, 0)
    assert played.column("held").tolist() == [8, 20, 20, 20, 20]


def test_samples_that_generate_nothing_more_stay_together() -> None:
    """The first output token is sampled from the prompt and never stored: one page serves all of them."""
    played = play(scenario_of(PAGES, slots=8), requests_of([6], [1], samples=100))
    assert counts_of(played) == (6, 0, 0)
    assert played.column("batch").tolist() == [100]
    assert played.column("saved").tolist() == [99 * 8]
    assert played.stats.tokens_checked == 600


def test_each_sample_counts_as_a_sequence() -> None:
    scheduler = Scheduler(max_num_seqs=5)
    played = play(scenario_of(PAGES, scheduler=scheduler), requests_of([4] * 4, [4] * 4, samples=2))
    assert played.column("batch").max() == 4
    assert played.counts["TOKEN_STEPS"] == 4 * 2 * 4


def test_a_preempted_request_shares_its_prompt_again() -> None:
    """The first takes the last page; the second forgets its tokens, and comes back with those generated its own."""
    played = play(scenario_of(PAGES, slots=32), requests_of([6, 6], [9, 9], samples=2))
    assert played.machine.tallies[m.PREEMPTED].sum() == 1
    assert played.stats.corrupt == 0
    assert played.machine.counts[m.COW_COPIES] == 3
    assert played.machine.outcome.tolist() == [m.FINISHED, m.FINISHED]


def test_the_prompt_is_computed_once_and_what_was_generated_for_each() -> None:
    """With a budget of 8 a step: the prompt of 7 in the first step; after it each of 3 samples takes a token."""
    scheduler = Scheduler(max_num_batched_tokens=8, max_num_seqs=8, prefill="whole")
    played = play(scenario_of(PAGES, scheduler=scheduler), requests_of([7, 5], [3, 2], samples=3))
    assert played.column("batch").tolist()[:2] == [3, 6]


@pytest.mark.parametrize("spec", [CONTIGUOUS[0], CONTIGUOUS[-1]], ids=lambda spec: spec.name)
def test_a_contiguous_policy_stores_each_sample(spec: AllocatorSpec) -> None:
    played = play(scenario_of(spec, slots=256), requests_of([6], [5], samples=3))
    assert counts_of(played)[0] == 3 * 10
    assert not played.column("saved").any()


def test_a_beam_copied_over_another_one() -> None:
    """Where nothing is shared, a beam that continues another one takes a copy of all its tokens."""
    beams = Beams(keep=0.0, seed=1)
    played = play(scenario_of(CONTIGUOUS[0], slots=256), requests_of([6], [9], samples=3, beams=beams))
    written, copied, pages = counts_of(played)
    assert (written, pages) == (3 * 14, 0)
    assert copied > 6
    assert played.stats.corrupt == 0


def test_beams_that_keep_to_themselves_are_samples() -> None:
    requests, kept = (requests_of([6, 9], [9, 30], samples=4, beams=beams) for beams in (None, Beams(1.0, 3)))
    samples, beams = (play(scenario_of(PAGES, slots=256), some) for some in (requests, kept))
    assert samples.digest == beams.digest
    assert np.array_equal(samples.rows, beams.rows)


def test_who_is_drawn_does_not_depend_on_memory() -> None:
    """The same pages are saved by the last step whether the request ran alone or was admitted later."""
    beams = Beams(keep=0.2, seed=5)
    alone = play(scenario_of(PAGES, slots=256), requests_of([6], [20], samples=4, beams=beams))
    later = play(
        scenario_of(PAGES, slots=256, scheduler=Scheduler(max_num_seqs=4)),
        requests_of([6, 5], [20, 3], samples=4, beams=beams),
    )
    assert later.column("saved")[:20].tolist() == alone.column("saved").tolist()


@pytest.mark.parametrize(
    ("spec", "slots", "outcome"),
    [
        (PAGES, 40, m.REFUSED_CAPACITY),
        (CONTIGUOUS[0], 60, m.REFUSED_RESERVATION),
        (
            AllocatorSpec(name="buddy", policy="contiguous", reserve="oracle", placement="buddy"),
            60,
            m.REFUSED_PLACEMENT,
        ),
    ],
    ids=lambda part: getattr(part, "name", ""),
)
def test_samples_that_never_fit_together_are_refused(spec: AllocatorSpec, slots: int, outcome: int) -> None:
    played = play(scenario_of(spec, slots=slots, max_model_len=40), requests_of([10, 3], [9, 2], samples=[3, 1]))
    assert played.machine.outcome.tolist() == [outcome, m.FINISHED]


@pytest.mark.parametrize("beams", [None, Beams(0.4, 77)])
@pytest.mark.parametrize("spec", [PAGED[4], CONTIGUOUS[4], CONTIGUOUS[20]], ids=lambda spec: spec.name)
def test_compiled_and_not_is_the_same(spec: AllocatorSpec, beams: Beams | None) -> None:
    rng = np.random.default_rng(3)
    requests = requests_of(
        rng.integers(1, 30, 40), rng.integers(1, 30, 40), samples=rng.integers(1, 6, 40).tolist(), beams=beams
    )
    scenario = scenario_of(spec, slots=500, arena=ArenaSpec(device="cpu", poison=True))
    plain, compiled = (play(scenario, requests, compiled=compiled) for compiled in (False, True))
    assert plain.digest == compiled.digest
    assert np.array_equal(plain.rows, compiled.rows)
    assert plain.counts == compiled.counts
