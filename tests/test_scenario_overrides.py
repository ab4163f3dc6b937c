"""`--set path=value` and the other flags: what they change, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scenario_samples import FULL, minimal

from paged_sim.errors import PagedSimError
from paged_sim.geometry import resolve_model
from paged_sim.scenario import load_text, resolved
from paged_sim.scenario.models import Scenario


def changed(*overrides: str, text: str = FULL, **flags: Any) -> Scenario:
    return load_text(text, "s.yaml", overrides=overrides, **flags)


@pytest.mark.parametrize(
    ("assignment", "keys", "value"),
    [
        ("seed=7", ["seed"], 7),
        (" seed =7", ["seed"], 7),
        ("scheduler.max_num_seqs=64", ["scheduler", "max_num_seqs"], 64),
        ("allocators.vllm.page_size=32", ["allocators", 3, "page_size"], 32),
        ("allocators.vllm.block_size=32", ["allocators", 3, "page_size"], 32),
        ("allocators.3.page_size=32", ["allocators", 3, "page_size"], 32),
        ("allocators.0.reserve=limit", ["allocators", 0, "reserve"], "limit"),
        ("memory.kv_cache=24GiB", ["memory"], {"kv_cache": 24 * 2**30}),
        ("memory.slots=100", ["memory"], {"slots": 100}),
        ("memory={slots: 100}", ["memory"], {"slots": 100}),
        ("workload.requests=500", ["workload", "requests"], 500),
        ("workload.requests=[{prompt: 3, output: 2}]", ["name"], "vllm-fig2"),
        ("workload.prompt=9", ["workload", "prompt"], 9),
        ("workload.prompt.uniform=[1, 5]", ["workload", "prompt"], {"uniform": [1, 5]}),
        ("workload.max_tokens.factor=2", ["workload", "max_tokens"], {"factor": 2.0}),
        ("workload.prefix.share=1", ["workload", "prefix", "share"], 1.0),
        ("clock.base=36ms", ["clock", "base"], 0.036),
        ("model.tensor_parallel=4", ["model", "tensor_parallel"], 4),
        ("model.tensor_parallel=4", ["model", "preset"], "opt-13b"),
        ("model=llama-2-7b", ["model", "preset"], "llama-2-7b"),
        ("arena.payload=none", ["arena", "payload"], "none"),
        ("checks.vllm.steps=>= 3", ["checks", "vllm.steps"], ">= 3"),
        ("checks.vllm.occupancy.saturated.mean=1 +- 1", ["checks", "vllm.occupancy.saturated.mean"], "1 +- 1"),
    ],
)
def test_set_changes_one_thing(assignment: str, keys: list[Any], value: Any) -> None:
    overrides = [assignment]
    if "requests=[" in assignment:  # a list of requests has lengths of its own
        text = minimal("name: vllm-fig2\nworkload: {requests: [{prompt: 1, output: 1}]}")
        found: Any = resolved(load_text(text, overrides=overrides))
    else:
        found = resolved(changed(*overrides))
    for key in keys:
        found = found[key]
    assert found == value


def test_everything_else_stays() -> None:
    before, after = resolved(load_text(FULL, "s.yaml")), resolved(changed("allocators.vllm.page_size=32"))
    assert after.pop("allocators")[3].pop("page_size") == 32
    del before["allocators"], after["origins"], before["origins"]
    assert before == after


def test_origins_name_the_flag() -> None:
    origins = changed("memory.slots=9", "arena.device=cuda", seed=3, device="cpu").origins
    assert (origins["memory.slots"], origins["seed"], origins["arena.device"]) == ("--set", "--seed", "--device")
    assert origins["allocators.vllm.page_size"] == "s.yaml:29"
    assert "memory.kv_cache" not in origins


def test_the_last_set_wins_and_flags_win_over_set() -> None:
    assert changed("seed=1", "seed=2").seed == 2
    assert changed("seed=1", seed=5).seed == 5
    assert changed("arena.device=cuda", device="cpu").arena.device == "cpu"


def test_sections_that_the_file_leaves_out() -> None:
    scenario = changed("arena.check=none", "scheduler.max_num_seqs=3", "workload.arrival.users=2", text=minimal(""))
    assert (scenario.arena.check, scenario.scheduler.max_num_seqs) == ("none", 3)
    assert scenario.workload.arrival.params == {"users": 2, "think": 0.0}


def test_keys_of_one_way_are_set_one_by_one() -> None:
    scenario = changed("clock.base=1ms", "clock.per_sequence=2ms", "workload.prompt.normal={mean: 9, std: 1}")
    assert scenario.clock.params["base"] == 0.001
    assert scenario.clock.params["per_sequence"] == 0.002
    scenario = changed("workload.prompt.normal.mean=9", "workload.prompt.normal.std=1", text=minimal(""))
    assert scenario.workload.prompt is not None
    assert scenario.workload.prompt.params == {"mean": 9.0, "std": 1.0, "min": 1, "max": 2048}


def test_another_policy_drops_the_keys_of_the_first() -> None:
    text = minimal("allocators: [{name: a, policy: contiguous, reserve: grow, chunk: 8, placement: buddy}]")
    assert changed("allocators.a.policy=paged", text=text).allocators[0].policy == "paged"
    assert changed("allocators.a.reserve=max", text=text).allocators[0].chunk == 256
    assert changed("allocators.a.reserve=grow", text=text).allocators[0].chunk == 8


def test_requests_of_a_list_are_set_by_index() -> None:
    text = minimal("workload: {requests: [{prompt: 1, output: 1}, {prompt: 2, output: 2}]}")
    assert changed("workload.requests.1.prompt=9", text=text).workload.listed[1].prompt == 9


def test_a_trace_given_by_set_replaces_drawn_requests(tmp_path: Any) -> None:
    (tmp_path / "t.csv").write_text("x")
    workload = changed(f"workload.trace={tmp_path / 't.csv'}", "workload.trace.limit=4").workload
    assert workload.trace is not None
    assert (workload.trace.limit, workload.count) == (4, None)


@pytest.mark.parametrize(
    "model",
    [
        "opt-13b",
        "facebook/OPT-13B",
        "{preset: opt-13b, kv_dtype: bf16}",
        "{layers: 40, kv_heads: 40, head_dim: 128}",
        "{layers: 40, kv_heads: 40, head_dim: 128, dtype: fp32}",
    ],
)
def test_the_cache_type_goes_with_every_form_of_model(model: str) -> None:
    scenario = changed("model.kv_dtype=fp8", text=minimal(f"model: {model}"))
    assert resolve_model(scenario.model).bytes_per_slot == 409_600


def test_the_cache_type_of_a_folder(tmp_path: Path) -> None:
    config = {"model_type": "opt", "num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 8}
    (tmp_path / "config.json").write_text(json.dumps(config))
    scenario = changed("model.kv_dtype=fp8", text=minimal(f"model: {{hf_config: {tmp_path}}}"))
    assert resolve_model(scenario.model).bytes_per_slot == 16


def test_a_key_that_the_way_of_saying_it_has_not() -> None:
    with pytest.raises(PagedSimError) as caught:
        changed("model.kv_dtype=fp8", text=minimal("model: {bytes_per_slot: 800KiB}"))
    assert str(caught.value) == (
        "--set model.kv_dtype=fp8: what bytes_per_slot says has no kv_dtype; it goes with preset, hf_config, layers"
    )
