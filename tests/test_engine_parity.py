"""The engine beside a recorded one: vLLM 0.33.0 on the same requests, step by step and page by page.

`data/vllm_parity` holds the requests and what vLLM's own scheduler and KV-cache manager did with them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from helpers import Played, play, scenario_of

from paged_sim import ledger as books
from paged_sim.allocators import NO_ROOM, State, capacity, paged, prefix
from paged_sim.engine import machine as m
from paged_sim.engine import running
from paged_sim.engine.machine import Machine
from paged_sim.oplog.digest import digest_of_records
from paged_sim.oplog.records import Record
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Measure, Scenario, Scheduler, Variant
from paged_sim.workloads import read_trace

FOLDER = Path(__file__).parent / "data" / "vllm_parity"
CASES = {case["name"]: case for case in json.loads((FOLDER / "expected.json").read_text())["cases"]}


def scenario_of_case(config: dict[str, Any]) -> Scenario:
    """The recorded configuration as a scenario."""
    size = config["block_size"]
    clock = {"base": config["step_seconds"], "per_sequence": 0.0, "per_prefill_token": 0.0}
    return scenario_of(
        AllocatorSpec(
            name="vllm",
            policy="paged",
            page_size=size,
            null_page=True,
            prefix_cache="hash" if config["prefix_caching"] else "none",
        ),
        slots=config["num_gpu_blocks"] * size,
        max_model_len=config["max_model_len"],
        scheduler=Scheduler(
            max_num_seqs=config["max_num_seqs"],
            max_num_batched_tokens=config["max_num_batched_tokens"],
            prefill="chunked",
            watermark=config["watermark"],
            reserve_full_prompt=config["reserve_full_isl"],
        ),
        clock=Variant("linear", clock),
        # Without compilation the arena takes most of the time: the longest cases do without its memory.
        arena=ArenaSpec(device="cpu", payload="tag" if config["num_gpu_blocks"] == 600 else "none"),
        measure=Measure(samples=1 << 15),
    )


class PoolLog:
    """What the pool of pages does, written as the recorded log is: pages allocated, touched and freed, by step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self.step = 0
        for family in (paged, prefix):
            self.watch(monkeypatch, family)
        run_running = running.run

        def run(machine: Machine) -> None:
            self.step = int(machine.counts[m.STEP])
            run_running(machine)

        monkeypatch.setattr(running, "run", run)

    def watch(self, monkeypatch: pytest.MonkeyPatch, family: ModuleType) -> None:
        """Note what a family of allocators does."""
        grow_row, take_row, release_row = family.grow, family.take, family.release

        def take(state: State, row: int, slots: int) -> int:
            found = family.matched(state)[0] // int(state.numbers[paged.PAGE_SIZE])
            if found:
                self.add("T", state.matched[:found].tolist())
            return take_row(state, row, slots)

        def grow(state: State, row: int, slots: int) -> int:
            had = int(state.num_pages[row])
            answer = grow_row(state, row, slots)
            pages = state.table[row, had : state.num_pages[row]].tolist()
            if answer != NO_ROOM and pages:
                self.add("A", pages)
            return answer

        def release(state: State, row: int) -> None:
            self.add("F", state.table[row, : state.num_pages[row]].tolist()[::-1])
            release_row(state, row)

        for name, function in (("take", take), ("grow", grow), ("release", release)):
            monkeypatch.setattr(family, name, function)

    def add(self, kind: str, pages: list[int]) -> None:
        """Note an operation; the step is the one that began last, also for what is freed at its end."""
        self.lines.append(json.dumps([self.step, kind, pages], separators=(",", ":")) + "\n")

    @property
    def sha256(self) -> str:
        """Digest of all lines."""
        return hashlib.sha256("".join(self.lines).encode()).hexdigest()


def simulate_case(case: dict[str, Any], log: Callable[[Record], None] | None = None) -> Played:
    """Play the recorded requests, every token written and checked."""
    requests = read_trace(FOLDER / case["requests_file"]).requests
    return play(scenario_of_case(case["config"]), requests, log=log)


@pytest.mark.parametrize("name", CASES)
def test_recorded_case(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All recorded numbers, the order of finishing, and every single page that was handed out and freed."""
    case, log, own = CASES[name], PoolLog(monkeypatch), list[Record]()
    expected, played = case["expected"], simulate_case(case, own.append)
    counts, ledger = played.machine.counts, played.machine.ledger
    books.settle_all(ledger)
    size, holding = case["config"]["block_size"], ledger.holding.sum()

    assert counts[m.NUM_FINISHED] == expected["requests"]
    assert counts[m.NUM_STEPS_DONE] == expected["steps"]
    assert counts[m.TOKEN_STEPS] == expected["sequence_steps"]
    assert played.machine.tallies[m.PREEMPTED].sum() == expected["preemptions"]
    hits = counts[m.HIT] + counts[m.HIT_AGAIN]
    assert counts[m.STORED_AT_FINISH] + counts[m.DISCARDED] - hits == expected["scheduled_tokens"]
    if played.stats.payload == "tag":
        assert played.stats.tokens_written == expected["scheduled_tokens"]
        assert played.stats.tokens_checked == expected["scheduled_tokens"] + hits
        assert played.stats.corrupt == 0
    assert ledger.peaks[:, books.BATCH].max() == expected["max_running"]
    assert capacity(played.state) == expected["usable_blocks"] * size
    assert ledger.peaks[:, books.HELD].max() / size == expected["peak_blocks_used"]
    assert ledger.sums[:, books.HELD].sum() / holding / size == pytest.approx(expected["mean_blocks_used"], abs=1e-6)
    assert ledger.sums[:, books.FILL].sum() / holding == pytest.approx(expected["mean_utilisation"], abs=1e-9)

    asked = ("NUM_ADMITTED", "ASKED", "HIT", "NUM_READMITTED", "ASKED_AGAIN", "HIT_AGAIN")
    assert [counts[getattr(m, name)] for name in asked] == list(expected["prefix_cache"].values())

    order = ",".join(map(str, played.machine.ended.tolist()))
    assert hashlib.sha256(order.encode()).hexdigest() == expected["finish_order_sha256"]
    assert len(log.lines) == expected["pool_ops"]
    assert log.sha256 == expected["pool_ops_sha256"]
    assert digest_of_records(own).sha256 == expected["pool_ops_sha256"]


def test_another_rule_gives_another_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest does tell rules apart: here a sequence's first page is freed last."""
    log = PoolLog(monkeypatch)
    released = paged.release

    def release_first_page_last(state: paged.Paged, row: int) -> None:
        held = state.num_pages[row]
        state.table[row, :held] = state.table[row, :held][::-1].copy()
        released(state, row)

    monkeypatch.setattr(paged, "release", release_first_page_last)
    simulate_case(CASES["plain_off"])
    assert log.sha256 != CASES["plain_off"]["expected"]["pool_ops_sha256"]
