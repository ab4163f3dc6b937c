"""How full pages are, and the vectors of PagedAttention's Fig. 3: closed forms and published numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import drawn_workload, scenario_of

from paged_sim.requests import Ints
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, ListedRequest, Measure, Scheduler, Variant, Workload
from paged_sim.simulation import simulate
from paged_sim.workloads import LENGTHS

DATA = Path(__file__).parent / "data"
SHAREGPT = json.loads((DATA / "allocator_theory.json").read_text())["sharegpt_fill_time_average_percent"]
FIG3 = {vector["name"]: vector for vector in json.loads((DATA / "pagedattention_paper.json").read_text())["fig3"]}


def values(lengths: Ints) -> Variant:
    """Lengths taken in order."""
    return Variant("values", {"values": lengths.tolist()})


def fill_of_pages(page_size: int, prompt: Ints, output: Ints) -> dict[str, Any]:
    """The summary of a run with memory for all sequences at once: nobody waits, nobody is preempted."""
    scenario = scenario_of(
        AllocatorSpec(name="paged", policy="paged", page_size=page_size),
        slots=len(prompt) * (2048 + page_size),
        max_model_len=2049,
        workload=drawn_workload(len(prompt), values(prompt), values(output)),
        scheduler=Scheduler(max_num_seqs=len(prompt), max_num_batched_tokens=1 << 22),
        arena=ArenaSpec(device="cpu", payload="none"),
        measure=Measure(samples=2),
    )
    return dict(simulate(scenario).policies[0].summary)


@pytest.mark.parametrize("page_size", [1, 2, 16, 100])
@pytest.mark.parametrize("shortest", [1, 37, 500])
def test_page_tail(page_size: int, shortest: int) -> None:
    """Over final lengths that fill the last page to every degree alike, the share filled is L / (L + (B - 1) / 2)."""
    final = np.arange(shortest, shortest + page_size)
    summary = fill_of_pages(page_size, final, np.ones_like(final))
    mean = final.mean()
    assert summary["fill"]["at_finish"] == pytest.approx(mean / (mean + (page_size - 1) / 2))
    assert summary["fill"]["mean"] == pytest.approx(summary["fill"]["at_finish"])


def sharegpt_pairs(count: int) -> tuple[Ints, Ints]:
    """Prompt and output lengths of Fig. 11, each pair drawn again until it has at most 2048 tokens in all."""
    rng = np.random.default_rng(17)
    drawn = [LENGTHS["histogram"]({"preset": f"sharegpt-{part}"}, 2 * count, rng) for part in ("prompt", "output")]
    fitting = drawn[0] + drawn[1] <= 2048
    return drawn[0][fitting][:count], drawn[1][fitting][:count]


@pytest.mark.parametrize("page_size", [8, 16, 32, 64, 128, 256])
def test_sharegpt_fill(page_size: int) -> None:
    """Tokens stored over slots held, both averaged over time, for ShareGPT lengths."""
    prompt, output = sharegpt_pairs(1200)
    assert len(prompt) == 1200
    summary = fill_of_pages(page_size, prompt, output)
    percent = 100 * summary["occupancy"]["mean"] / summary["held"]["mean"]
    assert summary["requests"] == {"finished": 1200, "refused": 0, "preempted": 0}
    assert percent == pytest.approx(SHAREGPT[str(page_size)], abs=SHAREGPT["tolerance"])


def test_pages_of_one_slot_are_always_full() -> None:
    prompt, output = sharegpt_pairs(40)
    summary = fill_of_pages(1, prompt, output)
    assert 100 * summary["fill"]["mean"] == SHAREGPT["1"]
    assert summary["fill"]["at_finish"] == 1.0


def listed(*names: str) -> Workload:
    """The paper's requests, written out."""
    requests = [FIG3[name]["as_request"] for name in names]
    return Workload(
        count=None,
        prompt=None,
        output=None,
        max_tokens=Variant("output"),
        arrival=Variant("saturated"),
        listed=tuple(
            ListedRequest(request["prompt"], request["output"], request["max_tokens"]) for request in requests
        ),
    )


@pytest.mark.parametrize("names", [("A",), ("B",), ("A", "B")])
def test_fig3_vectors(names: tuple[str, ...]) -> None:
    """At their second step the requests have stored, reserved and wasted what the figure draws."""
    vectors = [FIG3[name] for name in names]
    scenario = scenario_of(
        AllocatorSpec(name="reserved", policy="contiguous", reserve="limit"),
        slots=4096,
        max_model_len=2048,
        workload=listed(*names),
    )
    summary = simulate(scenario, at_step=1).policies[0].summary
    row = summary["at_step"]
    assert row["step"] == 1
    assert row["batch"] == len(names)
    assert row["held"] == sum(vector["reserved"] for vector in vectors)
    assert row["token_state"] == sum(vector["token_state"] for vector in vectors)
    assert row["reservation"] == sum(vector["reservation"] for vector in vectors)
    assert row["over_reservation"] == sum(vector["internal"] for vector in vectors)
    assert row["tail"] == row["rounding"] == 0
    assert summary["arena"]["tokens_written"] == sum(vector["final_stored"] for vector in vectors)
