"""Whole public traces through the built-in scenario of their format: they finish, balance, and nothing is corrupt."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from paged_sim.ledger import ACCOUNTS
from paged_sim.scenario import load_scenario
from paged_sim.simulation import draw, simulate

RUNS = [
    ("trace-azure", "AzureLLMInferenceTrace_code.csv", 8819),
    ("trace-vidur", "splitwise_code.csv", 8819),
    ("trace-sarathi", "sharegpt_8k_filtered_stats_llama2_tokenizer.csv", 30731),
    ("trace-sarathi", "arxiv_summarization_stats_llama2_tokenizer_filtered_v2.csv", 28257),
    ("trace-mooncake", "mooncake_synthetic_trace.jsonl", 3993),
    ("trace-burstgpt", "BurstGPT_1_head42.csv", 38),
    ("trace-llmservingsim", "share-gpt-req100-rate10.tsv", 100),
    ("trace-kv-cache-tester", "kv_cache_tester/trace_0014.json.gz", 123),
    ("trace-kv-cache-tester", "kv_cache_tester/trace_0539.json.gz", 44),
]
"""Scenario, file below PAGED_SIM_TRACES, requests in it that can be served."""


def trace_file(name: str) -> Path:
    folder = os.environ.get("PAGED_SIM_TRACES")
    if not folder:
        pytest.skip("PAGED_SIM_TRACES does not name the folder of the public traces")
    file = Path(folder) / name
    if not file.exists():
        pytest.skip(f"PAGED_SIM_TRACES has no {name}")
    return file


@pytest.mark.parametrize(("scenario", "name", "served"), RUNS, ids=[name for _, name, _ in RUNS])
def test_a_whole_trace(scenario: str, name: str, served: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "always")
    run = simulate(load_scenario(scenario, trace=trace_file(name), device="cpu"))
    for part in run.policies:
        summary, columns = part.summary, part.timeline.columns
        assert summary["requests"]["finished"] == served
        assert summary["requests"]["refused"] == 0
        assert summary["arena"]["corrupt"] == 0
        cache = summary["sharing"]["prefix_cache"]
        hits = cache["hit_tokens"] + cache["preempted_hit_tokens"] if cache else 0
        assert summary["arena"]["tokens_checked"] == summary["arena"]["tokens_written"] + hits > 0
        total = sum(columns[account] for account in ACCOUNTS)
        assert np.all(np.abs(total / summary["capacity"]["slots"] - 1) <= 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("answers", "rate"), [("false", 0.9632), ("true", 0.9651)])
def test_all_conversations_through_both_caches(answers: str, rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hit of all prompt tokens without the answers is what the publisher of the conversations found: 96.3 %."""
    monkeypatch.setenv("PAGED_SIM_COMPILE", "always")
    asked, hit = {"hash": 0, "radix": 0}, {"hash": 0, "radix": 0}
    for file in sorted(trace_file("kv_cache_tester/trace_0014.json.gz").parent.glob("*.json.gz")):
        overrides = [f"workload.trace.answers={answers}"]
        run = simulate(load_scenario("trace-kv-cache-tester", trace=file, overrides=overrides, device="cpu"))
        for name in asked:
            summary = next(part.summary for part in run.policies if part.summary["name"] == name)
            assert summary["arena"]["corrupt"] == 0
            asked[name] += summary["sharing"]["prefix_cache"]["query_tokens"]
            hit[name] += summary["sharing"]["prefix_cache"]["hit_tokens"]
    for name in asked:
        assert hit[name] / asked[name] == pytest.approx(rate, abs=0.0002)


@pytest.mark.slow
def test_all_conversations_as_one_run() -> None:
    """31 conversations begin together, each with blocks and a session of its own."""
    pattern = trace_file("kv_cache_tester/trace_0014.json.gz").parent / "*.json.gz"
    drawn = draw(load_scenario("trace-kv-cache-tester", trace=pattern, device="cpu"), 0)
    requests = drawn.requests
    assert len(requests) == 2129
    assert np.count_nonzero(requests.arrival == 0) >= 31
    assert len(np.unique(requests.chain[requests.chain >= 0])) >= 31
    note = next(note for note in drawn.notes if note.startswith("of "))
    assert note == "of 2,097 later turns of sessions 1,701 hold the prompt and the answer before them, 396 do not"
