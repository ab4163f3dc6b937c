"""KV memory against start-up logs: exact with all parts, an interval without."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from paged_sim.geometry import Batch, Capacity, Geometry, resolve_capacity, resolve_model
from paged_sim.geometry.activations import Card, Model, activations, graphs, non_torch
from paged_sim.geometry.engines import find_engine, parse_engine
from paged_sim.geometry.gpus import find_gpu, preset_gpu
from paged_sim.geometry.presets import preset_shape
from paged_sim.geometry.sizes import config_sizes, typical_sizes
from paged_sim.scenario import load_text
from paged_sim.scenario.models import Variant
from paged_sim.simulation import simulate

GIB = 2**30
DATA = Path(__file__).parent / "data"
LOGS: list[dict[str, Any]] = json.loads((DATA / "server_memory.json").read_text("utf-8"))["logs"]
WHOLE = [row for row in LOGS if row["activations_gib"] is not None and row["id"] != "v14"]
ROUNDED = ("phi4-80gb", "qwen25-05b-a6000")  # their logs print a rounded utilisation
H100 = Card(int(79.15 * GIB), "h100-80gb", 1)


def geometry_of(row: dict[str, Any]) -> Geometry:
    keys = ("layers", "kv_heads", "head_dim", "dtype", "tensor_parallel")
    return resolve_model(Variant("explicit", {key: row[key] for key in keys}))


def memory_of(row: dict[str, Any], gpu: Any, **more: Any) -> Variant:
    weights = int(row["weights_gib"] * row["tensor_parallel"] * GIB)
    return Variant("gpu", {"gpu": gpu, "gpu_memory_utilization": row["utilization"], "weights": weights, **more})


@pytest.mark.parametrize("row", WHOLE, ids=[row["id"] for row in WHOLE])
def test_with_all_five_parts_memory_and_tokens_are_those_of_the_log(row: dict[str, Any]) -> None:
    parts = {key: int(row[f"{key}_gib"] * GIB) for key in ("activations", "non_torch")}
    memory = memory_of(row, {"memory": int(row["total_gib"] * GIB)}, **parts)
    found = resolve_capacity(memory, geometry_of(row))
    assert found.kv_bytes.low == found.kv_bytes.likely == found.kv_bytes.high
    if row["id"] not in ROUNDED:
        assert found.kv_bytes.likely / GIB == pytest.approx(row["kv_gib"], abs=0.02)
    if row["tokens"]:
        close = 0.007 if row["id"] in ROUNDED else 0.005
        assert found.slots // 16 * 16 == pytest.approx(row["tokens"], rel=close)


@pytest.mark.parametrize("row", [row for row in WHOLE if row["tokens"]], ids=lambda row: row["id"])
def test_blocks_follow_from_the_memory_a_log_prints(row: dict[str, Any]) -> None:
    block = 16 * geometry_of(row).bytes_per_slot
    low, high = (int((row["kv_gib"] + error) * GIB) // block for error in (-0.005, 0.005))
    found = resolve_capacity(Variant("kv_cache", {"bytes": int(row["kv_gib"] * GIB)}), geometry_of(row))
    assert low <= found.slots // 16 <= high
    assert low <= row["tokens"] // 16 <= high


@pytest.mark.parametrize("named", [False, True], ids=["any engine", "engine named"])
def test_without_the_parts_the_logged_memory_lies_in_the_interval(named: bool) -> None:
    found: list[tuple[bool, float, float]] = []
    for row in LOGS:
        engine = {"engine": row["engine"]} if named and row["engine"] else {}
        capacity = resolve_capacity(
            memory_of(row, row["gpu"], **engine), geometry_of(row), batch=Batch(max_model_len=row["max_model_len"])
        )
        bounds, logged = capacity.kv_bytes, row["kv_gib"] * GIB
        width = (bounds.high - bounds.low) / bounds.likely
        found.append((bounds.low <= logged <= bounds.high, abs(bounds.likely / logged - 1), width))
    inside, errors, widths = zip(*found, strict=True)
    assert sum(inside) >= 0.9 * len(LOGS)
    assert median(errors) < 0.02
    assert median(widths) < 0.25


PEAKS = [
    ("vllm-0.19", "llama-3.1-8b", {}, 1.89),
    ("vllm-0.19", "qwen2.5-7b", {}, 2.21),
    ("vllm-0.19", "qwen3-8b", {}, 2.21),
    ("vllm-0.19", "gemma-2-9b", {}, 3.65),
    ("vllm-0.11", "llama-3.1-8b", {}, 4.76),
    ("vllm-0.11", "gpt-oss-20b", {}, 7.38),
    ("vllm-0.6.5", "llama-3.1-8b", {"max_model_len": 8192}, 1.26),
]


@pytest.mark.parametrize(("engine", "model", "batch", "logged"), PEAKS)
def test_activation_peaks_of_an_h100_are_those_that_logs_print(
    engine: str, model: str, batch: dict[str, int], logged: float
) -> None:
    sizes = preset_shape(model).sizes
    assert sizes is not None
    found = activations(find_engine(engine), Model(sizes, guessed=False), Batch(**batch), H100)
    assert found.likely / GIB == pytest.approx(logged, abs=0.08)
    assert found.low <= found.likely <= found.high


def test_the_peak_is_the_layers_where_the_vocabulary_is_small() -> None:
    sizes = config_sizes({"hidden_size": 4096, "intermediate_size": 11008, "vocab_size": 32016})
    assert sizes is not None
    found = activations(find_engine("vllm-0.19"), Model(sizes, guessed=False), Batch(), H100)
    assert found.likely == 8192 * 2 * (3 * 11008 + 4 * 4096)
    assert found.likely / GIB == pytest.approx(0.77, abs=0.03)  # CodeLlama-7b


def test_experts_take_a_workspace_from_0_17_on() -> None:
    keys = {"hidden_size": 2048, "moe_intermediate_size": 768, "num_experts_per_tok": 8, "vocab_size": 151936}
    sizes = config_sizes(keys)
    assert sizes is not None
    peaks = [
        activations(find_engine(engine), Model(sizes, guessed=False), Batch(), H100).likely / GIB
        for engine in ("vllm-0.12", "vllm-0.19")
    ]
    assert peaks == [pytest.approx(5.58, abs=0.05), pytest.approx(2.68, abs=0.15)]  # Qwen3-30B-A3B


def test_what_the_scenario_says_of_the_batch_counts() -> None:
    model = Model(typical_sizes(8e9, 32), guessed=True)
    engine = find_engine("vllm-0.11")
    own, few = (activations(engine, model, batch, H100) for batch in (Batch(), Batch(max_num_seqs=128)))
    assert few.likely < own.likely / 2
    assert "max_num_seqs is not said" in own.origin
    assert "max_num_seqs" not in few.origin
    assert few.high - few.low < own.high - own.low


def test_sizes_of_a_typical_model_are_near_those_of_known_ones() -> None:
    assert typical_sizes(8.03e9, 32).hidden == pytest.approx(4096, rel=0.05)
    assert typical_sizes(32.8e9, 64).hidden == pytest.approx(5120, rel=0.2)
    assert config_sizes({"vocab_size": 32000}) is None
    assert config_sizes({"hidden_size": 64, "vocab_size": 100}) == config_sizes({"n_embd": 64, "vocab_size": 100})


def test_versions_and_what_they_set_aside() -> None:
    assert graphs(find_engine("vllm-0.19")).high == 0
    assert graphs(find_engine("vllm-0.28")).likely == GIB // 2
    assert graphs(find_engine(None)).likely == 0
    assert graphs(find_engine(None)).high == GIB
    two = Card(H100.memory_bytes, H100.name, 2)
    assert non_torch(find_engine("vllm-0.19"), two).likely / GIB == pytest.approx(2.1)
    assert non_torch(find_engine("vllm-0.19"), H100).likely == GIB // 4
    assert [find_engine(f"vllm-{version}").likely.utilization for version in ("0.20", "0.21")] == [0.9, 0.92]
    assert find_engine("vllm-0.13").note == "0.13 is not on record; the nearest is 0.12"
    assert find_engine("vllm-0.19.1").note == ""
    assert find_engine("vllm").note == "no version is named: taken as vLLM 0.19, with most logs on record"


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("vllm-0.19", ("vllm", "0.19")),
        ("vLLM 0.6.3.post1", ("vllm", "0.6.3.post1")),
        ("vllm==0.9.2", ("vllm", "0.9.2")),
        ("vllm:v0.11.0", ("vllm", "0.11.0")),
        ("sglang", ("sglang", "")),
        ("TensorRT-LLM 1.0", ("tensorrt-llm", "1.0")),
        ("trtllm-0.20", ("tensorrt-llm", "0.20")),
    ],
)
def test_engines_as_people_write_them(text: str, engine: tuple[str, str]) -> None:
    assert parse_engine(text) == engine


def rest(engine: str) -> Capacity:
    geometry = resolve_model(Variant("preset", {"preset": "llama-3.1-8b"}))
    memory = {"gpu": {"memory": 80 * GIB}, "gpu_memory_utilization": 0.9, "weights": 15 * GIB, "engine": engine}
    return resolve_capacity(Variant("gpu", memory), geometry)


def test_a_fraction_is_of_all_memory_or_of_what_is_free() -> None:
    assert rest("sglang").kv_bytes.likely == int(72 * GIB) - 15 * GIB - int(0.7 * GIB)
    assert rest("tensorrt-llm").kv_bytes.likely == int(0.9 * (80 - 15 - 2) * GIB)
    assert "usable" not in {term.key for term in rest("tensorrt-llm").terms}


def test_all_parts_given_leave_nothing_else_aside_unless_the_engine_does() -> None:
    memory = {"gpu": "h100", "activations": GIB, "non_torch": 0}
    geometry = resolve_model(Variant("preset", {"preset": "llama-3.1-8b"}))
    keys = {term.key for term in resolve_capacity(Variant("gpu", memory), geometry).terms}
    with_graphs = resolve_capacity(Variant("gpu", {**memory, "engine": "vllm-0.28"}), geometry)
    assert "cuda_graphs" not in keys
    assert "cuda_graphs" in {term.key for term in with_graphs.terms}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100-80gb"),
        ("NVIDIA-H100-80GB-HBM3", "h100-80gb"),
        ("H100 SXM", "h100-80gb"),
        ("NVIDIA H100 PCIe", "h100-80gb"),
        ("NVIDIA H100 NVL", "h100-nvl-94gb"),
        ("A100-SXM4-80GB", "a100-80gb"),
        ("NVIDIA A100-PCIE-40GB", "a100-40gb"),
        ("NVIDIA A10G", "a10g-24gb"),
        ("Tesla V100-SXM2-32GB", "v100-32gb"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090-24gb"),
        ("rtx4090", "rtx-4090-24gb"),
        ("L40S", "l40s-48gb"),
        ("AMD Instinct MI300X", "mi300x-192gb"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000-96gb"),
        ("l4-24gb", "l4-24gb"),
        ("a100", None),
        ("RTX 4080", None),
        ("H100 94GB", None),
        ("80GB", None),
        ("", None),
    ],
)
def test_gpus_as_drivers_and_people_name_them(said: str, name: str | None) -> None:
    assert find_gpu(said) == name
    if name:
        assert preset_gpu(said).low <= preset_gpu(said).memory_bytes <= preset_gpu(said).high


def test_a_run_says_that_its_memory_is_an_estimate() -> None:
    text = (
        "model: llama-3.1-8b\nmemory: {gpu: {memory: 24GiB}%s}\nworkload: {requests: 2, prompt: 9, output: 9}\n"
        "allocators: [{name: vllm, policy: paged}]"
    )
    notes = simulate(load_text(text % ""))["vllm"]["notes"]
    assert len(notes) == 1
    assert notes[0].startswith("KV memory is an estimate, ")
    assert notes[0].endswith("; `explain` shows its parts")
    assert simulate(load_text(text % ", activations: 1GiB, non_torch: 0"))["vllm"]["notes"] == []
