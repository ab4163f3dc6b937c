"""The engine and its peers on the same requests: same answers, and the ratio of their speeds."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np

from benchmarks.allocator_operations import LONGEST_HELD, release_all, take_all
from benchmarks.peers.plain_python import Clock, Server
from benchmarks.peers.sorted_best_fit import SortedBestFit
from benchmarks.settings import Settings
from benchmarks.timing import Row, alternate, seconds_of, spread
from benchmarks.workload import AMPLE, PAGE_SIZE, SHORT, Load, Ready, get_ready, run_through, scenario_of
from paged_sim import ledger as books
from paged_sim.allocators import contiguous
from paged_sim.compiled import jit
from paged_sim.engine import machine as m
from paged_sim.requests import Requests
from paged_sim.scenario.models import Scenario
from paged_sim.simulation import draw

VLLM_ALLOCATOR = "{name: paged, policy: paged, page_size: 16, null_page: true}"

RECORDED = {
    "scheduler of vLLM 0.33.0": 0.064e6,
    "KV-cache manager of vLLM 0.33.0 in a bare loop": 0.11e6,
    "another model of its rules in plain Python": 0.59e6,
}
"""Token-steps a second of peers that are not run here: measured earlier, on two such cores, pages of 16 tokens."""


def measure(settings: Settings) -> list[Row]:
    """One row for each peer and load."""
    rows = []
    for load in (AMPLE, SHORT):
        rows += measure_server(load, settings)
    return rows + measure_best_fit(settings)


def measure_server(load: Load, settings: Settings) -> list[Row]:
    """The step loop beside a plain server, then beside the recorded rates."""
    scenario = scenario_of(load, settings.peer_requests, VLLM_ALLOCATOR, prefill="chunked")
    requests = draw(scenario, 1).requests
    compare_answers(scenario, requests, settings)

    def engine() -> float:
        ready = get_ready(scenario, requests, compiled=settings.compiled)
        with ready.arena:
            return seconds_of(lambda: ready, run_through)

    timings = alternate(
        {"engine": engine, "plain": lambda: seconds_of(lambda: server_of(scenario, requests), Server.run)},
        settings.repeats,
    )
    server = server_of(scenario, requests)
    server.run()
    shared = {"load": load.name, "requests": len(requests), "token_steps": server.token_steps}
    engine_rate = server.token_steps / spread(timings["engine"])["seconds"]
    rows = [
        {"peer": "plain Python server", "measured": "here", **shared, **spread(timings["plain"])},
        {
            "peer": "this engine, every token written and checked",
            "measured": "here",
            **shared,
            **spread(timings["engine"]),
        },
    ]
    for row in rows:
        row["rate"] = server.token_steps / row["seconds"]
    rows += [{"peer": peer, "measured": "earlier", "load": load.name, "rate": rate} for peer, rate in RECORDED.items()]
    return [{**row, "engine_over_peer": engine_rate / row["rate"]} for row in rows]


def server_of(scenario: Scenario, requests: Requests) -> Server:
    """The plain server for a scenario."""
    return Server(
        requests,
        num_pages=scenario.memory.params["slots"] // PAGE_SIZE,
        page_size=PAGE_SIZE,
        max_num_seqs=scenario.scheduler.max_num_seqs,
        max_tokens=scenario.scheduler.max_num_batched_tokens,
        max_model_len=scenario.max_model_len,
        clock=Clock(**scenario.clock.params),
    )


def compare_answers(scenario: Scenario, requests: Requests, settings: Settings) -> tuple[Ready, Server]:
    """Run both and insist that they agree on steps, preemptions, pages, the time at the end, and who finishes when."""
    ready = get_ready(scenario, requests, compiled=settings.compiled)
    with ready.arena:
        run_through(ready)
    server = server_of(scenario, requests)
    server.run()
    counts, ledger = ready.machine.counts, ready.machine.ledger
    books.settle_all(ledger)
    assert counts[m.NUM_STEPS_DONE] == server.num_steps
    assert counts[m.TOKEN_STEPS] == server.token_steps
    assert ready.machine.tallies[m.PREEMPTED].sum() == server.num_preempted
    assert np.count_nonzero(ready.machine.outcome > m.FINISHED) == server.num_refused
    assert ledger.peaks[:, books.HELD].max() == server.peak_pages * PAGE_SIZE
    assert ready.machine.times[m.NOW] == server.now
    assert ready.machine.ended[: counts[m.NUM_FINISHED]].tolist() == server.finished
    return ready, server


def measure_best_fit(settings: Settings) -> list[Row]:
    """Best fit beside a sorted list: take extents until the arena is full, free every second one, fill the gaps."""
    if find_spec("sortedcontainers") is None:
        return []
    sorted_list = import_module("sortedcontainers").SortedList
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, LONGEST_HELD + 1, max(settings.extents))
    capacity = int(lengths.sum())
    rows = np.arange(len(lengths))
    take = jit(take_all) if settings.compiled else take_all
    release = jit(release_all) if settings.compiled else release_all

    def empty() -> contiguous.Contiguous:
        return contiguous.create(
            slots=capacity, rule="best_fit", asks=np.zeros(0, np.int64), chunk=1, longest=64, rows=len(rows)
        )

    def compiled_best_fit(state: contiguous.Contiguous) -> list[int]:
        take(state, rows, lengths)
        release(state, rows[::2], lengths)
        take(state, rows[::2], lengths)
        starts: list[int] = state.start.tolist()
        return starts

    def plain_best_fit(plain: SortedBestFit) -> list[int]:
        asked = lengths.tolist()
        starts = [plain.take(length) for length in asked]
        for row in range(0, len(asked), 2):
            plain.give_back(starts[row], asked[row])
        for row in range(0, len(asked), 2):
            starts[row] = plain.take(asked[row])
        return starts

    assert compiled_best_fit(empty()) == plain_best_fit(SortedBestFit(capacity, sorted_list))
    operations = len(rows) + 2 * len(rows[::2])
    timings = alternate(
        {
            "ours": lambda: seconds_of(empty, compiled_best_fit),
            "theirs": lambda: seconds_of(lambda: SortedBestFit(capacity, sorted_list), plain_best_fit),
        },
        settings.repeats,
    )
    ours, theirs = spread(timings["ours"]), spread(timings["theirs"])
    return [
        {
            "peer": peer,
            "measured": "here",
            "load": f"{len(rows):,} extents",
            "operations": operations,
            **seconds,
            "rate": operations / seconds["seconds"],
            "engine_over_peer": seconds["seconds"] / ours["seconds"],
        }
        for peer, seconds in (("best fit over a sorted list", theirs), ("this best fit", ours))
    ]
