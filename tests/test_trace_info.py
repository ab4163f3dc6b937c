"""What a trace holds: numbers by hand on the samples, published numbers on the public traces."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.requests import Requests
from paged_sim.workloads import TraceInfo, read_trace, trace_info
from paged_sim.workloads.presets import Quantiles, find_preset
from paged_sim.workloads.traces.info import prefix_sharing

SAMPLES = Path(__file__).parent / "data" / "traces"


def requests_with_ids(block: int, prompts: list[int], ids: list[list[int]]) -> Requests:
    count = len(prompts)
    ones = np.ones(count, dtype=np.int64)
    return Requests(
        arrival=np.zeros(count),
        prompt_tokens=np.array(prompts, dtype=np.int64),
        output_tokens=ones,
        max_tokens=ones,
        samples=ones,
        prefix_offsets=np.cumsum([0, *map(len, ids)]),
        prefix_ids=np.array([block_id for one in ids for block_id in one], dtype=np.int64),
        prefix_block=block,
    )


def test_timed_sample_by_hand() -> None:
    info = trace_info(SAMPLES / "azure.csv")
    assert (info.format, info.requests, info.span, info.mean_rate) == ("azure", 4, 4.0, 0.75)
    assert (info.prompt.mean, info.prompt.min, info.prompt.max) == (921.0, 96, 2048)
    assert info.output.quantiles[50] == 18.5
    assert info.largest_total == 2055
    assert info.prefix is None


def test_counts_of_a_sample() -> None:
    info = trace_info(SAMPLES / "burstgpt.csv")
    assert (info.requests, info.skipped, info.raised_outputs, info.reordered) == (2, {"failed": 2}, 0, 0)
    assert trace_info(SAMPLES / "conversation.json").raised_outputs == 1


def test_untimed_sample_has_no_span() -> None:
    info = trace_info(SAMPLES / "sarathi.csv", "vidur")
    assert (info.span, info.mean_rate) == (None, None)


def test_no_rate_where_all_arrive_at_once(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n3,1,1\n3,1,1\n")
    info = trace_info(path)
    assert (info.span, info.mean_rate) == (0.0, None)


def test_prefix_sharing_by_hand() -> None:
    sharing = trace_info(SAMPLES / "mooncake.jsonl").prefix
    assert sharing is not None
    # Blocks: none of 3, 1 of 2, 2 of 3, 3 of 4; prompts of 1100, 600, 1536 and 2000 tokens.
    assert sharing.block == 512
    assert sharing.blocks == 6 / 12
    assert sharing.tokens == (512 + 1024 + 1536) / 5236
    assert sharing.requests == 3 / 4


def test_a_partial_last_block_counts_the_tokens_it_holds() -> None:
    sharing = prefix_sharing(requests_with_ids(512, [700, 700], [[1, 2], [1, 2]]))
    assert (sharing.blocks, sharing.tokens) == (0.5, 0.5)


def test_a_block_is_only_hit_behind_the_same_blocks() -> None:
    sharing = prefix_sharing(requests_with_ids(16, [32, 32, 32], [[1, 2], [3, 2], [2, 1]]))
    assert sharing.blocks == 0
    assert sharing.requests == 0


@settings(max_examples=80)
@given(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=1, max_size=15).filter(any))
def test_prefix_sharing_is_the_longest_common_start_with_an_earlier_request(ids: list[list[int]]) -> None:
    expected = sum(
        max(length for length in range(len(own) + 1) if any(own[:length] == one[:length] for one in ids[:index]))
        for index, own in enumerate(ids)
        if index
    )
    sharing = prefix_sharing(requests_with_ids(16, [80] * len(ids), ids))
    assert sharing.blocks == pytest.approx(expected / sum(map(len, ids)))


@pytest.fixture(scope="module")
def public() -> Path:
    folder = os.environ.get("PAGED_SIM_TRACES")
    if not folder:
        pytest.skip("PAGED_SIM_TRACES does not name the folder of the public traces")
    return Path(folder)


AZURE = "AzureLLMInferenceTrace_code.csv"
SARATHI = "sharegpt_8k_filtered_stats_llama2_tokenizer.csv"
ARXIV = "arxiv_summarization_stats_llama2_tokenizer_filtered_v2.csv"
MOONCAKE = "mooncake_synthetic_trace.jsonl"
TSV = "share-gpt-req100-rate10.tsv"

# Requests; prompt tokens: mean, median, p90, p99; output tokens likewise; seconds and requests per second.
PUBLISHED = {
    AZURE: ("azure", 8819, (2048, 1469, 5188, 7436), (28, 13, 55, 251), (3435.9, 2.566)),
    "splitwise_code.csv": ("vidur", 8819, (2048, 1469, 5188, 7436), (28, 13, 55, 251), (3435.9, 2.566)),
    SARATHI: ("vidur", 30731, (2340, 1730, 5696, 7434), (439, 415, 834, 998), None),
    ARXIV: ("vidur", 28257, (2588, 2730, 3702, 3933), (291, 167, 372, 3271), None),
    MOONCAKE: ("mooncake", 3993, (15325, 11587, 38611, 66456), (149, 69, 389, 768), (1022.0, 3.906)),
    TSV: ("llmservingsim", 100, (22, 14.5, 49, 109), (68, 72, 113, 126), (9.1, 10.88)),
}


def headline(info: TraceInfo, column: str) -> tuple[float, ...]:
    stats = getattr(info, column)
    return (stats.mean, stats.quantiles[50], stats.quantiles[90], stats.quantiles[99])


@pytest.mark.parametrize("name", PUBLISHED)
def test_public_trace_has_its_published_numbers(public: Path, name: str) -> None:
    kind, count, prompt, output, times = PUBLISHED[name]
    info = trace_info(public / name)
    assert (info.format, info.requests, info.skipped, info.reordered) == (kind, count, {}, 0)
    assert headline(info, "prompt") == pytest.approx(prompt, abs=0.51)
    assert headline(info, "output") == pytest.approx(output, abs=0.51)
    if times is None:
        assert info.span is None
    else:
        assert info.span == pytest.approx(times[0], abs=0.05)
        assert info.mean_rate == pytest.approx(times[1], rel=2e-4)


@pytest.mark.parametrize(("name", "largest"), [(SARATHI, 8149), (ARXIV, 4096)])
def test_public_trace_largest_total(public: Path, name: str, largest: int) -> None:
    assert trace_info(public / name).largest_total == largest


@pytest.mark.parametrize(
    ("name", "preset"), [(AZURE, "azure-code"), (SARATHI, "sharegpt-chat"), (ARXIV, "arxiv-summarization")]
)
def test_presets_hold_the_quantiles_of_their_trace(public: Path, name: str, preset: str) -> None:
    info = trace_info(public / name)
    for stats, column in ((info.prompt, "prompt"), (info.output, "output")):
        shape = find_preset(f"{preset}-{column}").shape
        assert isinstance(shape, Quantiles)
        assert [value for _, value in shape.points[1:-1]] == pytest.approx(list(stats.quantiles.values()), abs=0.06)
        assert shape.points[0][1] == stats.min
        assert stats.quantiles[99] - 0.1 <= shape.points[-1][1] <= stats.max


def test_two_formats_of_one_public_trace_agree(public: Path) -> None:
    azure, vidur = (read_trace(public / name).requests for name in (AZURE, "splitwise_code.csv"))
    assert np.array_equal(azure.prompt_tokens, vidur.prompt_tokens)
    assert np.array_equal(azure.output_tokens, vidur.output_tokens)
    assert azure.arrival == pytest.approx(vidur.arrival, abs=1e-6)


def test_public_mooncake_prefix_sharing(public: Path) -> None:
    sharing = trace_info(public / MOONCAKE).prefix
    assert sharing is not None
    assert sharing.blocks == pytest.approx(0.6396, abs=5e-5)
    assert sharing.tokens == pytest.approx(0.6512, abs=5e-5)
    assert sharing.requests == pytest.approx(0.446, abs=5e-4)


def test_public_burstgpt_head(public: Path) -> None:
    info = trace_info(public / "BurstGPT_1_head42.csv")
    assert (info.requests, info.skipped) == (38, {"failed": 4})
    # The published means count the failures as requests of 0 tokens.
    assert info.prompt.mean * 38 / 42 == pytest.approx(683, abs=0.5)
    assert info.output.mean * 38 / 42 == pytest.approx(321, abs=0.5)


def test_public_conversations(public: Path) -> None:
    traces = [read_trace(path) for path in sorted((public / "kv_cache_tester").glob("*.json.gz"))]
    assert len(traces) == 31
    prompt = np.concatenate([trace.requests.prompt_tokens for trace in traces])
    output = np.concatenate([trace.requests.output_tokens for trace in traces])
    assert len(prompt) == 2129
    assert (prompt.mean(), np.median(prompt)) == (pytest.approx(135_712, abs=1), 115_809)
    assert (output.mean(), np.median(output)) == (pytest.approx(414, abs=0.5), 212)
    spans = [trace.requests.arrival[-1] - trace.requests.arrival[0] for trace in traces]
    assert (np.median(spans), max(spans)) == (pytest.approx(6625, abs=1), pytest.approx(94_890, abs=1))


def test_public_conversation_with_a_sub_agent(public: Path) -> None:
    trace = read_trace(public / "kv_cache_tester" / "trace_0014.json.gz")
    requests = trace.requests
    assert len(requests) == 123
    sub_agent = [index for index, prompt in enumerate(requests.prompt_tokens) if prompt in (8868, 9393)]
    # It starts 961.349 s into the conversation, and its own times are 0 and 4 s; the next turn comes at 965 s.
    assert requests.arrival[sub_agent].tolist() == pytest.approx([961.349, 965.349])
    assert requests.arrival[sub_agent[0] + 1] == 965.0
    sharing = prefix_sharing(requests)
    assert sharing.blocks == pytest.approx(0.953, abs=0.001)
