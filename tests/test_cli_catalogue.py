"""`paged-sim list`, `init`, `schema`, `explain`, `trace info` and `doctor`."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paged_sim import doctor as examination
from paged_sim.allocators import WORDS
from paged_sim.cli import main
from paged_sim.cli.catalogue import TOPICS
from paged_sim.cli.demands import demand_of, typical_demands
from paged_sim.geometry import resolve_model
from paged_sim.geometry.presets import canonical_models
from paged_sim.requests import Requests
from paged_sim.scenario import load_scenario
from paged_sim.scenario.models import AllocatorSpec, Variant

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:05.0,3180,8\n"
MOONCAKE = """{"timestamp": 0, "input_length": 1000, "output_length": 5, "hash_ids": [1, 2]}
{"timestamp": 2000, "input_length": 1100, "output_length": 7, "hash_ids": [1, 3, 4]}
"""


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([*map(str, arguments)]) == 0
    return capsys.readouterr().out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    return json.loads(output_of(capsys, *arguments, "--format", "json"))


def test_list_shows_every_topic(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "list")
    for word in ("vllm-fig2", "llama-3.1-8b", "h100-80gb", "sharegpt-prompt", "mooncake", "contiguous", "buddy"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("topic", TOPICS)
def test_list_of_one_topic(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = parsed(capsys, "list", topic)
    assert list(data) == [topic]
    assert len(data[topic]) >= 2
    assert output_of(capsys, "list", topic, "--format", "markdown").startswith("### ")


def test_lists_know_every_name_of_the_tables() -> None:
    listed = {(row["key"], row["policy"]) for row in TOPICS["policies"]()}
    listed |= {("placement", row["placement"]) for row in TOPICS["placements"]()}
    assert listed == {(key, word) for key, words in WORDS.items() for word in words}


def test_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(output_of(capsys, "schema"))["type"] == "object"
    assert output_of(capsys, "schema", "-o", tmp_path / "s.json") == ""
    assert json.loads((tmp_path / "s.json").read_text())


def test_init_copies_and_refuses_to_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "seed-section2.yaml" in output_of(capsys, "init", "seed-section2", "-o", tmp_path)
    copy = tmp_path / "seed-section2.yaml"
    assert load_scenario(copy).name == "seed-section2"
    copy.write_text("mine")
    assert main(["init", "seed-section2", "-o", str(copy)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert copy.read_text() == "mine"
    output_of(capsys, "init", "seed-section2", "-o", copy, "--force")
    assert copy.read_text() != "mine"


def test_init_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    output_of(capsys, "init", "vllm-fig2")
    assert (tmp_path / "vllm-fig2.yaml").is_file()


def test_init_brings_the_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output_of(capsys, "init", "trace-azure", "-o", tmp_path / "mine.yaml")
    scenario = load_scenario(tmp_path / "mine.yaml")
    assert scenario.workload.trace is not None
    assert scenario.workload.trace.path.is_relative_to(tmp_path)
    assert scenario.workload.trace.path.is_file()
    assert main(["init", "trace-azure", "-o", str(tmp_path / "other.yaml")]) == 2


@pytest.mark.parametrize("target", ["missing/", "missing/x.yaml"])
def test_init_into_a_missing_folder(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "vllm-fig2", "-o", f"{tmp_path}/{target}"]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_explain_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "explain", "vllm-fig2", "--set", "scheduler.watermark=0.01", "--seed", "5")
    rows = [line.split() for line in text.splitlines()]
    assert ["seed", "5", "--seed"] in rows
    assert ["scheduler.watermark", "0.01", "--set"] in rows
    assert ["model.kv_dtype", "fp16", "preset", "opt-13b"] in rows
    assert any(row[:4] == ["bytes_per_slot", "819,200", "bytes", "2"] for row in rows)
    assert any(row[:3] == ["slots", "15,728", "slots"] for row in rows)
    assert max(map(len, text.splitlines())) <= 80
    data = parsed(capsys, "explain", "vllm-fig2")
    assert data["policies"][0]["fit"] == 7
    assert list(data) == ["scenario", "model", "capacity", "policies"]


def test_explain_long_values_and_lists(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(output_of(capsys, "explain", "seed-section4-50").split())
    assert "(50 in all)" in text
    assert "Checks" in text
    assert "Checks" not in output_of(capsys, "explain", "seed-section4-50", "--set", "checks={}")
    listed = " ".join(output_of(capsys, "explain", "pagedattention-fig3").split())
    assert "prompt: 7" in listed


def test_explain_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split() for line in output_of(capsys, "explain", "--model", "all").splitlines()]
    for name in canonical_models():
        geometry = resolve_model(Variant("preset", {"preset": name}))
        assert any(row[:2] == [name, f"{geometry.bytes_per_token:,}"] for row in rows)
    assert "131,072 bytes" in output_of(capsys, "explain", "--model", "llama-3.1-8b")
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "model_type": "llama",
                "architectures": ["LlamaForCausalLM"],
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "hidden_size": 64,
                "torch_dtype": "bfloat16",
                "vocab_size": 100,
                "intermediate_size": 128,
            }
        )
    )
    (explained,) = parsed(capsys, "explain", "--model", config)
    assert explained["bytes_per_token"] == 2 * 2 * 2 * 16 * 2
    (folder,) = parsed(capsys, "explain", "--model", tmp_path, "--kv-dtype", "fp8", "--tensor-parallel", "2")
    assert folder["bytes_per_token"] == 2 * 2 * 2 * 16
    assert folder["layer_kinds"][0]["bytes_per_slot"] == 2 * 2 * 16


def test_explain_a_folder_that_is_called_like_a_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("opt-13b").mkdir()
    assert parsed(capsys, "explain", "--model", "opt-13b")[0]["bytes_per_token"] == 819_200
    config = {"model_type": "opt", "num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 8}
    Path("opt-13b", "config.json").write_text(json.dumps(config))
    assert parsed(capsys, "explain", "--model", "opt-13b")[0]["bytes_per_token"] == 2 * 8 * 2


def test_explain_takes_a_path_for_a_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--model", f"{tmp_path}/qwen3-8b"]) == 2
    assert "qwen3-8b: no such file or folder; give a config.json, or the folder" in capsys.readouterr().err


def test_explain_shows_each_kind_of_layer(capsys: pytest.CaptureFixture[str]) -> None:
    (explained,) = parsed(capsys, "explain", "--model", "google/gemma-3-27b-it")
    assert (explained["bytes_per_token"], explained["bytes_per_token_above_window"]) == (507_904, 81_920)
    kinds = [(kind["kind"], kind["layers"], kind["window"]) for kind in explained["layer_kinds"]]
    assert kinds == [("sliding", 52, 1024), ("full", 10, None)]
    (explained,) = parsed(capsys, "explain", "--model", "Qwen/Qwen3.5-27B")
    assert explained["state_bytes"] == sum(kind["state_bytes"] for kind in explained["layer_kinds"]) == 153_944_064
    text = output_of(capsys, "explain", "--model", "qwen3.5-27b")
    assert "48 x (3 x 10,240 x 2" in text


def test_explain_takes_the_cache_type_for_a_scenario_too(capsys: pytest.CaptureFixture[str]) -> None:
    data = parsed(capsys, "explain", "vllm-fig2", "--kv-dtype", "fp8")
    assert next(term for term in data["model"] if term["key"] == "bytes_per_slot")["value"] == 409_600


def one_request(prompt: int, output: int, limit: int) -> Requests:
    def column(value: int) -> Any:
        return np.array([value], np.int64)

    offsets, ids = np.zeros(2, np.int64), np.zeros(0, np.int64)
    return Requests(np.zeros(1), column(prompt), column(output), column(limit), column(1), offsets, ids)


@pytest.mark.parametrize(
    ("spec", "start", "end", "fit", "formula"),
    [
        (AllocatorSpec("a", "contiguous", "max"), 512, 512, 7, "max_model_len = 512"),
        (
            AllocatorSpec("a", "contiguous", "limit"),
            150,
            150,
            26,
            "min(prompt 50 + max_tokens 100, max_model_len 512) = 150",
        ),
        (
            AllocatorSpec("a", "contiguous", "pow2", "buddy"),
            128,
            128,
            31,
            "min(prompt 50 + output 60 up to a power of two, max_model_len 512) = 114; a buddy block of 128",
        ),
        (AllocatorSpec("a", "contiguous", "oracle"), 109, 109, 36, "prompt 50 + output 60 - 1 = 109"),
        (
            AllocatorSpec("a", "contiguous", "grow", chunk=32),
            64,
            128,
            31,
            "109 up to whole chunks of 32, moved if need be = 128",
        ),
        (
            AllocatorSpec("a", "paged", page_size=16, null_page=True),
            64,
            112,
            35,
            "ceil(109 / 16) pages of 16, taken as the sequence grows",
        ),
    ],
)
def test_what_each_policy_takes(spec: AllocatorSpec, start: int, end: int, fit: int, formula: str) -> None:
    demand = demand_of(spec, one_request(50, 60, 100), 512, 4000)
    assert (demand.at_start, demand.at_end, demand.fit, demand.formula) == (start, end, fit, formula)


def test_a_typical_request_has_the_medians() -> None:
    demand = typical_demands(load_scenario("seed-section2"), 8192)[0]
    assert demand.output >= 1
    assert demand.max_tokens >= demand.output


def test_trace_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    azure, mooncake = tmp_path / "a.csv", tmp_path / "m.jsonl"
    azure.write_text(AZURE)
    mooncake.write_text(MOONCAKE)
    text = " ".join(output_of(capsys, "trace", "info", azure).split())
    assert "format azure, for 'ContextTokens' and 'GeneratedTokens' columns arrival: TIMESTAMP" in text
    assert "requests 2 span" in text
    assert "the trace has no ids" in text
    azure.write_text(AZURE.replace(",8\n", ",0\n"))
    assert "Outputs of 0 tokens, read as 1: 1" in output_of(capsys, "trace", "info", azure)
    text = " ".join(output_of(capsys, "trace", "info", mooncake, "--trace-format", "mooncake").split())
    assert "Prefix sharing, for a cache without end" in text
    assert "mean rate 0.500 requests/s" in text
    assert parsed(capsys, "trace", "info", mooncake)["requests"] == 2


def test_trace_info_says_what_was_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "b.csv"
    trace.write_text(
        "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,1,1,ChatGPT,472,18,490,Conversation log\n"
        "9,1,1,ChatGPT,0,0,0,Conversation log\n"
        "4,1,1,ChatGPT,472,18,490,Conversation log\n"
    )
    text = output_of(capsys, "trace", "info", trace)
    assert "Skipped, " in text
    assert "Rows listed after a later one, sorted by time: 1" in text


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    found = {finding["name"]: finding for finding in parsed(capsys, "doctor")}
    for name in ("Python", "numpy", "numba", "memory", "mincore", "GPU: import", "--device auto"):
        assert found[name]["value"]
    assert "This machine" in output_of(capsys, "doctor")


def test_doctor_on_a_poorer_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    def silent(name: str) -> int:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(importlib.metadata, "version", missing)
    monkeypatch.setattr(os, "sysconf", silent)
    monkeypatch.setattr(examination, "resident_bytes", lambda memory: None)
    found = {finding.name: finding for finding in examination.examine()}
    assert found["numpy"] == examination.Finding("numpy", "not installed", False, "pip install numpy")
    assert found["memory"].value == "this system does not say"
    assert "cannot be measured" in found["mincore"].value
