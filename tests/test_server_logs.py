"""Start-up logs of servers: what they say, what follows, what does not agree."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from paged_sim.cli import main
from paged_sim.errors import PagedSimError
from paged_sim.geometry import Batch, Capacity, resolve_capacity, resolve_model
from paged_sim.geometry.measured import beside
from paged_sim.scenario.models import Variant
from paged_sim.servers.startup_log import StartupLog, read_startup_log

GIB = 2**30

V0_SENTENCES = """\
INFO 03-25 21:32:47 model_runner.py:1116] Loading model weights took 14.9888 GB
INFO 03-25 21:32:48 worker.py:266] Memory profiling takes 0.71 seconds
INFO 03-25 21:32:48 worker.py:266] the current vLLM instance can use total_gpu_memory (22.07GiB) x \
gpu_memory_utilization (0.90) = 19.86GiB
INFO 03-25 21:32:48 worker.py:266] model weights take 14.99GiB; non_torch_memory takes 0.05GiB; PyTorch activation \
peak memory takes 0.22GiB; the rest of the memory reserved for KV Cache is 4.60GiB.
INFO 03-25 21:32:48 executor_base.py:108] # CUDA blocks: 2356, # CPU blocks: 2048
INFO 03-25 21:32:48 executor_base.py:113] Maximum concurrency for 131072 tokens per request: 0.29x
"""
V0_LINES = """\
INFO worker.py:243] Memory profiling results:
INFO worker.py:243] total_gpu_memory     79.22GiB
INFO worker.py:243] gpu_memory_utilization       0.90
INFO worker.py:243] the current vLLM instance can use    71.29GiB
INFO worker.py:243] model weights take   14.96GiB
INFO worker.py:243] non_torch_memory     1.79GiB
INFO worker.py:243] PyTorch activation peak memory       1.26GiB
INFO worker.py:243] available_kv_cache_memory    53.29GiB
"""
V0_PAIRS = """\
INFO worker.py:232] Memory profiling results: total_gpu_memory=44.53GiB initial_memory_usage=18.31GiB \
peak_torch_memory=19.73GiB memory_usage_post_profile=18.5GiB non_torch_memory=0.62GiB kv_cache_size=17.11GiB \
gpu_memory_utilization=0.85
INFO worker.py:232] Loading model weights took 17.8900 GB
"""
V1_WORKERS = """\
\x1b[36m(APIServer pid=1)\x1b[0m INFO [utils.py:299]  ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.19.0
(APIServer pid=1) INFO [utils.py:233] non-default args: {'model': 'meta-llama/Llama-3.1-8B-Instruct', \
'max_model_len': 8192, 'tensor_parallel_size': 2, 'gpu_memory_utilization': 0.95}
(APIServer pid=1) DEBUG [arg_utils.py:2242] Defaulting max_num_seqs to 1024 for OPENAI_API_SERVER usage context.
(EngineCore pid=9) INFO [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: \
model='meta-llama/Llama-3.1-8B-Instruct', dtype=torch.bfloat16, max_seq_len=8192, quantization=None, kv_cache_dtype=auto
(Worker_TP0 pid=2) DEBUG worker init memory snapshot: total_memory=79.19GiB, non_torch_memory=0.9GiB, torch_memory=0GiB
(Worker_TP0 pid=2) INFO [gpu_model_runner.py:4820] Model loading took 7.51 GiB memory and 9.1 seconds
(Worker_TP1 pid=3) INFO [gpu_model_runner.py:4820] Model loading took 7.51 GiB memory and 9.2 seconds
(Worker_TP0 pid=2) DEBUG Total non KV cache memory: 11.47GiB; torch peak memory increase: 1.89GiB; non-torch forward \
increase memory: 2.07GiB; weights memory: 7.51GiB.
(Worker_TP0 pid=2) INFO [gpu_worker.py:440] Available KV cache memory: 63.76 GiB
(Worker_TP1 pid=3) INFO [gpu_worker.py:440] Available KV cache memory: 63.70 GiB
(EngineCore pid=9) INFO [kv_cache_utils.py:1316] GPU KV cache size: 1,043,744 tokens
(EngineCore pid=9) INFO [kv_cache_utils.py:1321] Maximum concurrency for 8,192 tokens per request: 127.41x
"""
V1_NEWEST = """\
Model loading took 14.26 GiB memory and 17.888750 seconds
Estimated CUDA graph memory: 0.65 GiB total
Available KV cache memory: 7.08 GiB
GPU KV cache size: 222,822 tokens, Maximum concurrency for 131,072 tokens per request: 1.70x
Free memory on device (23.05/23.56 GiB) on startup. Desired GPU memory utilization is (0.972, 22.9 GiB). Actual \
usage is 14.73 GiB for consumed memory (weights + non-torch), 1.09 GiB for peak activation, and 0.71 GiB for CUDAGraph
"""
V1_GIVEN = (
    "INFO Initial free memory 22.76 GiB, reserved 5.59 GiB memory for KV Cache as specified by kv_cache_memory_bytes"
)
SGLANG = """\
[2026-08-28 21:19:23] server_args=ServerArgs(model_path='Qwen/Qwen3-8B', context_length=None, \
mem_fraction_static=0.88, max_running_requests=None, tp_size=2, page_size=1, kv_cache_dtype='auto')
[2026-08-28 21:19:30 TP0] Load weight begin. avail mem=78.50 GB
[2026-08-28 21:32:38 TP0] Load weight end. elapsed=787.55 s, type=Qwen3, avail mem=70.80 GB
[21:34:15 TP0] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 800000, K size: 27.47 GB, V size: 27.47 GB
[21:34:15 TP1] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 800000, K size: 27.47 GB, V size: 27.47 GB
[2026-08-28 21:34:16 TP0] KV Cache is allocated. #tokens: 800000, K size: 0.33 GB, V size: 0.33 GB
[2026-08-28 21:34:20 TP0] max_total_num_tokens=800000, chunked_prefill_size=8192, max_running_requests=2048, \
context_len=40960, available_gpu_mem=8.27 GB
"""
SGLANG_LATENT = "[TP6] KV Cache is allocated. #tokens: 2454421, KV size: 160.63 GB"
TENSORRT_LLM = """\
[I] TensorRT-LLM version: 1.2.0
[TensorRT-LLM][INFO] Number of tokens per block: 32.
[TensorRT-LLM][INFO] [MemUsageChange] Allocated 0.56 GiB for max tokens in paged KV cache (8224).
[I] Memory used after loading model weights (inside torch) in memory usage profiling: 63.52 GiB
[I] Memory dynamically allocated during inference (inside torch) in memory usage profiling: 0.85 GiB
[I] Peak memory during memory usage profiling (torch + non-torch): 113.65 GiB, available KV cache memory when \
calculating max tokens: 5.95 GiB, fraction is set 0.9, kv size is 73728. device total memory 119.70 GiB
[TensorRT-LLM][INFO] [MemUsageChange] Allocated 5.95 GiB for max tokens in paged KV cache (86720).
"""
TENSORRT_LLM_OLD = """\
[TensorRT-LLM][INFO] Allocate 69524783104 bytes for k/v cache.
[TensorRT-LLM][INFO] Using 132608 tokens in paged KV cache.
"""


def log_of(tmp_path: Path, text: str, name: str = "server.log") -> StartupLog:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_startup_log(path)


@pytest.mark.parametrize(
    ("text", "engine", "expected"),
    [
        (
            V0_SENTENCES,
            "vllm",
            {
                "total": 22.07,
                "gpu_memory_utilization": 0.9,
                "requested": 19.86,
                "weights": 14.9888,
                "activations": 0.22,
                "non_torch": 0.05,
                "kv_cache": 4.6,
                "blocks": 2356,
                "block_size": 16,
                "tokens": 37_696,
                "concurrency": 0.29,
                "max_model_len": 131_072,
            },
        ),
        (
            V0_LINES,
            "vllm",
            {"total": 79.22, "activations": 1.26, "non_torch": 1.79, "kv_cache": 53.29, "weights": 14.96},
        ),
        (V0_PAIRS, "vllm", {"total": 44.53, "activations": 1.84, "non_torch": 0.62, "kv_cache": 17.11}),
        (
            V1_WORKERS,
            "vllm",
            {
                "version": "0.19.0",
                "model": "meta-llama/Llama-3.1-8B-Instruct",
                "dtype": "bfloat16",
                "tensor_parallel": 2,
                "total": 79.19,
                "gpu_memory_utilization": 0.95,
                "weights": 7.51,
                "activations": 1.89,
                "non_torch": 2.07,
                "kv_cache": 63.70,
                "tokens": 1_043_744,
                "max_num_seqs": 1024,
                "max_model_len": 8192,
            },
        ),
        (
            V1_NEWEST,
            "vllm",
            {
                "total": 23.56,
                "weights": 14.26,
                "activations": 1.09,
                "non_torch": 0.47,
                "cuda_graphs": 0.65,
                "kv_cache": 7.08,
            }
            | {"tokens": 222_822, "concurrency": 1.7, "gpu_memory_utilization": 0.972},
        ),
        (V1_GIVEN, "vllm", {"kv_cache": 5.59}),
        (
            SGLANG,
            "sglang",
            {"weights": 7.70, "kv_cache": 54.94, "tokens": 800_000, "block_size": 1, "max_model_len": 40_960}
            | {"gpu_memory_utilization": 0.88, "tensor_parallel": 2, "max_num_seqs": 2048, "kv_dtype": "bfloat16"},
        ),
        (SGLANG_LATENT, "sglang", {"kv_cache": 160.63, "tokens": 2_454_421}),
        (
            TENSORRT_LLM,
            "tensorrt-llm",
            {
                "version": "1.2.0",
                "total": 119.7,
                "weights": 63.52,
                "activations": 0.85,
                "kv_cache": 5.95,
                "tokens": 86_720,
            }
            | {"block_size": 32, "gpu_memory_utilization": 0.9, "bytes_per_token": 73_728},
        ),
        (TENSORRT_LLM_OLD, "tensorrt-llm", {"kv_cache": 64.75, "tokens": 132_608, "bytes_per_token": 524_288}),
    ],
)
def test_what_logs_say(tmp_path: Path, text: str, engine: str, expected: dict[str, Any]) -> None:
    log = log_of(tmp_path, text)
    assert log.engine == engine
    for key, value in expected.items():
        said = log.values[key].value
        in_gib = isinstance(value, float) and key not in ("gpu_memory_utilization", "concurrency")
        assert (said / GIB if in_gib else said) == (pytest.approx(value, abs=1e-6) if in_gib else value), key


def test_what_a_log_does_not_say_is_not_there(tmp_path: Path) -> None:
    assert set(log_of(tmp_path, V1_GIVEN).values) == {"kv_cache"}
    assert "tokens" not in log_of(tmp_path, "# GPU blocks: 7449, # CPU blocks: 512").values


def test_prefixes_colours_and_compression_change_nothing(tmp_path: Path) -> None:
    plain = log_of(tmp_path, V1_WORKERS)
    timed = log_of(tmp_path, "".join(f"2026-05-01 21:16:51.743 | {line}\n" for line in V1_WORKERS.splitlines()))
    assert {key: said.value for key, said in timed.values.items()} == {
        k: said.value for k, said in plain.values.items()
    }
    packed = tmp_path / "server.log.gz"
    packed.write_bytes(gzip.compress(V1_WORKERS.encode()))
    assert read_startup_log(packed).values == plain.values


def test_of_several_workers_the_least_kv_memory_counts_and_is_named(tmp_path: Path) -> None:
    assert log_of(tmp_path, V1_WORKERS).notes == (
        "kv_cache: 63.70 GiB and 63.76 GiB in different processes; 63.70 GiB counts",
    )


def test_the_pool_of_a_draft_model_is_named_and_not_counted(tmp_path: Path) -> None:
    assert "k_cache: 27.47 GiB at line 4 and 0.33 GiB at line 6; the first counts" in log_of(tmp_path, SGLANG).notes


def test_of_two_starts_the_last_counts(tmp_path: Path) -> None:
    again = V1_WORKERS.replace("63.76", "50.00").replace("63.70", "50.00").replace("1,043,744", "819,200")
    log = log_of(tmp_path, V1_WORKERS + again)
    assert log.number("tokens") == 819_200
    assert log.notes == ("the server starts again at line 13; what stands before it is left out",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", "no line of a start-up log of vLLM, SGLang or TensorRT-LLM is in it; give the file with what the"),
        ("", "no line of a start-up log"),
        ("LLM(model, gpu_memory_utilization=0.9)\n", "no line of a start-up log"),
        (V0_LINES + SGLANG_LATENT, "lines of vllm (line 2) and sglang (line 9); give the log of one server alone"),
    ],
)
def test_files_that_are_no_log_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        log_of(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'server.log'}: {message}")
    assert "\n" not in str(caught.value)


def capacity(
    tmp_path: Path, text: str, model: str = "llama-3.1-8b", gpus: int = 1, page_size: int | None = 16
) -> Capacity:
    path = tmp_path / "server.log"
    path.write_text(text, encoding="utf-8")
    geometry = resolve_model(Variant("preset", {"preset": model, "tensor_parallel": gpus}))
    return resolve_capacity(Variant("log", {"path": path}), geometry, page_size=page_size)


def test_capacity_is_the_tokens_a_server_counted(tmp_path: Path) -> None:
    found = capacity(tmp_path, V0_SENTENCES)
    assert found.slots == 37_696
    assert found.kv_bytes.low == found.kv_bytes.likely == 37_696 * 131_072
    assert found.terms[0].origin.endswith("server.log:5: 2,356 blocks x 16")


def test_tokens_that_do_not_fit_the_model_leave_the_memory(tmp_path: Path) -> None:
    found = capacity(tmp_path, V0_SENTENCES, model="qwen2.5-7b")
    assert found.slots == int(4.6 * GIB) // 57_344
    assert "the tokens do not fit this model" in found.terms[0].origin


def test_memory_without_tokens_and_blocks_without_memory(tmp_path: Path) -> None:
    assert capacity(tmp_path, V1_GIVEN).slots == int(5.59 * GIB) // 131_072
    found = capacity(tmp_path, "# GPU blocks: 7449, # CPU blocks: 512")
    assert found.slots == 7449 * 16
    assert "the page_size of the scenario: the log does not say it" in found.terms[0].origin


def test_parts_alone_are_added_up(tmp_path: Path) -> None:
    text = "".join(line for line in V0_LINES.splitlines(keepends=True) if "kv_cache" not in line)
    found = capacity(tmp_path, text)
    assert found.kv_bytes.likely / GIB == pytest.approx(79.22 * 0.9 - 14.96 - 1.79 - 1.26, abs=0.001)
    assert found.kv_bytes.likely > found.kv_bytes.low  # the CUDA graphs of an unknown version


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Model loading took 14.26 GiB memory",
            "it says neither the KV cache's memory, tokens nor blocks, nor the GPU's",
        ),
        (
            "Available KV cache memory: -2.14 GiB",
            "the server had -2,297,807,503 bytes for the KV cache, no room at all",
        ),
    ],
)
def test_logs_without_room_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PagedSimError, match=message):
        capacity(tmp_path, text)


def test_estimates_stand_beside_what_the_log_says(tmp_path: Path) -> None:
    geometry = resolve_model(Variant("preset", {"preset": "llama-3.1-8b", "tensor_parallel": 2}))
    rows = {row.key: row for row in beside(log_of(tmp_path, V1_WORKERS), geometry, Batch())}
    kv = rows["kv_cache"]
    assert kv.estimate is not None
    assert kv.low is not None
    assert kv.high is not None
    assert kv.low < 63.70 * GIB < kv.high
    assert kv.estimate == pytest.approx(63.70 * GIB, rel=0.01)
    assert rows["bytes_per_token"].estimate == 65_536
    assert rows["total"].estimate is None
    assert all(row.estimate is None for row in beside(log_of(tmp_path, V1_WORKERS), None, Batch()))


def test_a_scenario_of_other_gpus_than_the_log_is_told(tmp_path: Path) -> None:
    assert "tensor_parallel: 2 in the log, 1 in the scenario" in capacity(tmp_path, V1_WORKERS).notes


def test_explain_shows_a_log_alone_and_in_a_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "server.log"
    path.write_text(V1_WORKERS, encoding="utf-8")
    assert main(["explain", "--log", str(path), "--model", "llama-3.1-8b", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["engine"], shown["version"], shown["model"]) == ("vllm", "0.19.0", "llama-3.1-8b")
    assert {row["key"]: row["said"] for row in shown["numbers"]}["tokens"] == 1_043_744
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "model: {preset: llama-3.1-8b, tensor_parallel: 2}\nmemory: {log: server.log}\n"
        "workload: {requests: 1, prompt: 9, output: 9}\nallocators: [{name: vllm, policy: paged}]\n",
        encoding="utf-8",
    )
    assert main(["explain", str(scenario), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["scenario"]["memory"] == {"log": "server.log"}
    assert shown["capacity"]["slots"] == 1_043_744
    assert shown["capacity"]["kv_bytes"]["likely"] == 1_043_744 * 65_536
    assert main(["explain", str(scenario)]) == 0
    assert "What the start-up log says" in capsys.readouterr().out
    assert main(["explain", str(scenario), "--log", str(path)]) == 2
