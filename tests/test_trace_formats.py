"""Every trace format on a small sample: detection, units, skipping, order, and the plain and gzipped file alike."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.workloads import TRACE_FORMATS, Trace, read_trace
from paged_sim.workloads.traces import tables

TRACES = Path(__file__).parent / "data" / "traces"

SAMPLES = {
    "azure.csv": "azure",
    "azure_2024.csv": "azure",
    "bailian.jsonl": "bailian",
    "aiperf.jsonl": "aiperf",
    "guidellm.json": "guidellm",
    "vllm_bench.json": "benchmark",
    "sglang_bench.jsonl": "benchmark",
    "llmservingsim.jsonl": "llmservingsim",
    "sessions.jsonl": "requests",
    "vidur.csv": "vidur",
    "sarathi.csv": "vidur",
    "burstgpt.csv": "burstgpt",
    "burstgpt_sessions.csv": "burstgpt",
    "llmservingsim.tsv": "llmservingsim",
    "mooncake.jsonl": "mooncake",
    "requests.jsonl": "requests",
    "requests_shared.jsonl": "requests",
    "requests_untimed.jsonl": "requests",
    "conversation.json": "kv-cache-tester",
}


def rows(trace: Trace) -> list[tuple[float, int, int]]:
    requests = trace.requests
    columns = (requests.arrival, requests.prompt_tokens, requests.output_tokens)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def ids(trace: Trace) -> list[list[int]]:
    offsets = trace.requests.prefix_offsets
    return [part.tolist() for part in np.split(trace.requests.prefix_ids, offsets[1:-1])]


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "trace"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_every_format_has_a_sample() -> None:
    assert set(SAMPLES.values()) == set(TRACE_FORMATS)
    assert {path.name for path in TRACES.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_detected_by_content_plain_or_gzipped(name: str, tmp_path: Path) -> None:
    content = (TRACES / name).read_bytes()
    plain = read_trace(write(tmp_path, content))
    assert plain.format == SAMPLES[name]
    packed = read_trace(write(tmp_path, gzip.compress(content)))
    named = read_trace(TRACES / name, SAMPLES[name])
    assert rows(plain) == rows(packed) == rows(named)
    assert ids(plain) == ids(packed) == ids(named)
    requests = plain.requests
    assert np.all(np.diff(requests.arrival) >= 0)
    assert np.all(requests.max_tokens >= requests.output_tokens)
    assert requests.samples.tolist() == [1] * len(requests)
    assert len(requests.prefix_offsets) == len(requests) + 1


def test_azure_dates_count_from_the_first() -> None:
    trace = read_trace(TRACES / "azure.csv")
    assert (TRACES / "azure.csv").read_bytes().count(b"\r\n") == 4
    assert rows(trace) == [(0, 1200, 12), (0.25, 340, 25), (1.1234567, 2048, 7), (4, 96, 310)]
    assert trace.timed


@pytest.mark.parametrize("zone", ["+00:00", "Z"])
def test_azure_dates_with_a_zone(tmp_path: Path, zone: str) -> None:
    header = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    text = f"{header}2024-05-10 23:59:59.5{zone},10,1\n2024-05-11T00:00:01{zone},20,2\n"
    assert rows(read_trace(write(tmp_path, text))) == [(0, 10, 1), (1.5, 20, 2)]


def test_vidur_with_times() -> None:
    assert rows(read_trace(TRACES / "vidur.csv")) == [(0, 512, 30), (0.25, 64, 128), (0.75, 1000, 1)]


def test_sarathi_without_times() -> None:
    trace = read_trace(TRACES / "sarathi.csv")
    assert not trace.timed
    assert rows(trace) == [(0, 100, 50), (0, 30, 120), (0, 7, 7)]


def test_burstgpt_failures_are_skipped_and_counted() -> None:
    trace = read_trace(TRACES / "burstgpt.csv")
    assert rows(trace) == [(0, 100, 20), (12, 90, 400)]
    assert trace.skipped == {"failed": 2}
    assert trace.raised_outputs == 0


def test_burstgpt_with_session_columns() -> None:
    trace = read_trace(TRACES / "burstgpt_sessions.csv")
    assert rows(trace) == [(0, 80, 16), (1.5, 180, 32)]
    assert trace.skipped == {"failed": 1}


def test_llmservingsim_counts_nanoseconds() -> None:
    assert rows(read_trace(TRACES / "llmservingsim.tsv")) == [(0, 12, 60), (0.075, 7, 24), (0.950000001, 40, 5)]


def test_mooncake_counts_milliseconds_and_keeps_ids() -> None:
    trace = read_trace(TRACES / "mooncake.jsonl")
    assert rows(trace) == [(0, 1100, 6), (0, 600, 4), (0.25, 1536, 20), (1.5, 2000, 1)]
    assert ids(trace) == [[0, 1, 2], [0, 3], [0, 1, 4], [0, 1, 2, 5]]
    assert trace.requests.prefix_block == 512


def test_request_files_begin_with_their_first_request() -> None:
    trace = read_trace(TRACES / "requests.jsonl")
    assert trace.first_arrival == 0.0060217284789715
    assert trace.requests.arrival[:2].tolist() == [0, 0.014874127572862678 - 0.0060217284789715]
    assert len(trace.requests) == 20
    assert trace.requests.prefix_block == 0


def test_request_file_with_ids_on_some_lines() -> None:
    trace = read_trace(TRACES / "requests_shared.jsonl")
    assert ids(trace) == [[0, 1], [], [0, 1, 2]]
    assert trace.requests.prefix_block == 16


def test_request_file_without_times() -> None:
    trace = read_trace(TRACES / "requests_untimed.jsonl")
    assert not trace.timed
    assert rows(trace) == [(0, 5, 3), (0, 6, 2)]


def test_conversation_places_nested_sub_agents_at_their_absolute_times() -> None:
    trace = read_trace(TRACES / "conversation.json")
    assert rows(trace) == [(0, 130, 20), (10, 70, 5), (13.5, 64, 3), (15, 200, 1), (16, 140, 9)]
    assert ids(trace) == [[1, 2], [10], [20], [1, 2, 3], [10, 11]]
    assert trace.requests.prefix_block == 64
    assert trace.raised_outputs == 1


def test_conversation_with_another_block_size(tmp_path: Path) -> None:
    text = '{"block_size": 16, "requests": [{"t": 0, "in": 40, "out": 2, "hash_ids": [1, 2]}]}'
    assert read_trace(write(tmp_path, text)).requests.prefix_block == 16


def test_azure_of_2024_names_its_zone() -> None:
    trace = read_trace(TRACES / "azure_2024.csv")
    assert rows(trace) == [(0, 2162, 5), (pytest.approx(1.50993), 2399, 6), (pytest.approx(1.517335), 76, 15)]
    assert (trace.time_unit, trace.first_arrival) == ("date", 1715385599.5)


def test_bailian_links_the_turns_of_a_chat() -> None:
    trace = read_trace(TRACES / "bailian.jsonl")
    assert rows(trace) == [(0, 40, 9), (pytest.approx(0.386), 20, 4), (pytest.approx(14), 64, 3)]
    assert ids(trace) == [[5, 6, 7], [8, 9], [5, 6, 10, 11]]
    assert trace.requests.prefix_block == 16
    assert trace.rows.session.tolist() == [0, 1, 0]


def test_aiperf_counts_nanoseconds_and_leaves_out_warm_up_and_failures() -> None:
    trace = read_trace(TRACES / "aiperf.jsonl")
    assert rows(trace) == [(0, 300, 40), (2, 360, 25)]
    assert trace.skipped == {"warm-up": 1, "failed": 1}
    assert trace.rows.session.tolist() == [0, 0]
    assert trace.rows.turn.tolist() == [0, 1]


def test_guidellm_requests_that_succeeded_by_their_start() -> None:
    trace = read_trace(TRACES / "guidellm.json")
    assert rows(trace) == [(0, 64, 8), (0.5, 128, 16)]
    assert (trace.skipped, trace.first_arrival) == ({"failed": 1}, 1760000010.0)


def test_results_of_serving_benchmarks() -> None:
    vllm = read_trace(TRACES / "vllm_bench.json")
    assert (rows(vllm), vllm.skipped) == ([(0, 30, 15), (0.5, 60, 25)], {"failed": 1})
    sglang = read_trace(TRACES / "sglang_bench.jsonl")
    assert (rows(sglang), sglang.timed) == ([(0, 32, 8), (0, 64, 12)], False)


def test_llmservingsim_lines_and_agentic_sessions() -> None:
    trace = read_trace(TRACES / "llmservingsim.jsonl")
    assert rows(trace) == [(0, 18, 3), (0.5, 100, 20), (0.5, 150, 10)]
    assert (ids(trace), trace.requests.prefix_block) == ([[0], [], []], 16)
    assert trace.requests.after.tolist() == [-1, -1, 1]
    assert trace.requests.delay.tolist() == [0, 0, 2]


def test_requests_with_sessions_delays_and_limits() -> None:
    trace = read_trace(TRACES / "sessions.jsonl")
    assert rows(trace) == [(0, 64, 33), (0, 112, 16), (1, 80, 17), (1, 32, 8)]
    assert trace.requests.max_tokens.tolist() == [128, 128, 64, 64]
    assert trace.requests.after.tolist() == [-1, 0, -1, 2]
    assert trace.requests.delay.tolist() == [0, 2.5, 0, 1]


def test_limit_and_skip_count_usable_requests() -> None:
    path = TRACES / "burstgpt.csv"
    first = read_trace(path, limit=1)
    assert rows(first) == [(0, 100, 20)]
    assert first.skipped == {}
    assert rows(read_trace(path, skip=1)) == [(0, 90, 400)]
    assert rows(read_trace(TRACES / "mooncake.jsonl", skip=1, limit=2)) == [(0, 600, 4), (0.25, 1536, 20)]
    assert ids(read_trace(TRACES / "mooncake.jsonl", skip=1, limit=2)) == [[0, 3], [0, 1, 4]]


def test_limit_does_not_look_behind_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BLOCK_ROWS", 2)
    path = write(tmp_path, "num_prefill_tokens,num_decode_tokens\n1,2\n3,4\n5,6\nbad,row\n")
    assert rows(read_trace(path, limit=2)) == [(0, 1, 2), (0, 3, 4)]
    with pytest.raises(PagedSimError, match=":5: column num_prefill_tokens: 'bad'"):
        read_trace(path, limit=3)
    lines = write(tmp_path, '{"prompt_tokens": 1, "output_tokens": 2}\nnonsense\n')
    assert len(read_trace(lines, limit=1).requests) == 1


def test_speedup_divides_times() -> None:
    assert read_trace(TRACES / "azure.csv", speedup=4).requests.arrival.tolist() == [0, 0.0625, 1.1234567 / 4, 1]


def test_times_that_run_backwards_are_sorted_and_counted(tmp_path: Path) -> None:
    text = "arrived_at,num_prefill_tokens,num_decode_tokens\n5,1,1\n1,2,2\n5,3,3\n1,4,4\n"
    trace = read_trace(write(tmp_path, text))
    assert rows(trace) == [(0, 2, 2), (0, 4, 4), (4, 1, 1), (4, 3, 3)]
    assert trace.reordered == 2


def test_ids_move_with_their_requests(tmp_path: Path) -> None:
    lines = ['{"arrival": 2, "prompt_tokens": 40, "output_tokens": 1, "hash_ids": [7, 8]}']
    lines.append('{"arrival": 1, "prompt_tokens": 20, "output_tokens": 1, "hash_ids": [9]}')
    assert ids(read_trace(write(tmp_path, "\n".join(lines)))) == [[9], [7, 8]]


def test_zero_tokens_that_are_no_declared_failure(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path, "num_prefill_tokens,num_decode_tokens\n0,5\n9,0\n8,7\n"))
    assert rows(trace) == [(0, 9, 1), (0, 8, 7)]
    assert trace.skipped == {"empty prompt": 1}
    assert trace.raised_outputs == 1
    lines = '{"prompt_tokens": 0, "output_tokens": 2}\n{"prompt_tokens": 1, "output_tokens": 0}\n'
    records = read_trace(write(tmp_path, lines))
    assert (rows(records), records.skipped, records.raised_outputs) == ([(0, 1, 1)], {"empty prompt": 1}, 1)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffnum_prefill_tokens,num_decode_tokens\n5,6\n",
        "\n\nnum_prefill_tokens,num_decode_tokens\n\n5,6\n\n",
        'num_decode_tokens , num_prefill_tokens,note\n6,5,"a, quoted\nnote"\n',
        "num_prefill_tokens,num_decode_tokens\n 5 ,6.0\n",
        '"num_prefill_tokens","num_decode_tokens"\n"5","6"\n',
        "num_prefill_tokens\tnum_decode_tokens\r\n+5\t6\r\n",
        '\n{"prompt_tokens": 5.0, "output_tokens": 6, "hash_ids": null}\n\n',
    ],
)
def test_what_other_programs_make_of_a_file_still_reads(tmp_path: Path, text: str) -> None:
    assert rows(read_trace(write(tmp_path, text))) == [(0, 5, 6)]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_a_written_table_reads_back(
    tmp_path_factory: pytest.TempPathFactory, given_rows: list[tuple[int, int, int]]
) -> None:
    path = tmp_path_factory.mktemp("trace") / "t.tsv"
    lines = (f"{time}\t{prompt}\t{output}\n" for time, prompt, output in given_rows)
    path.write_text("arrival_time_ns\tinput_toks\toutput_toks\n" + "".join(lines))
    start = min((time for time, prompt, _ in given_rows if prompt), default=0)
    usable = (((time - start) / 1e9, prompt, max(output, 1)) for time, prompt, output in given_rows if prompt)
    expected = sorted(usable, key=lambda row: row[0])
    if not expected:
        with pytest.raises(PagedSimError, match=r"no request; .* rows are left out: empty prompt"):
            read_trace(path)
        return
    assert rows(read_trace(path)) == expected
