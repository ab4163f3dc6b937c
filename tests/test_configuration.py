"""What differs between two scenarios, found and told."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from paged_sim.configuration import Difference, differences, serve_the_same
from paged_sim.reports.settings import difference_text
from paged_sim.scenario import load_text, resolved

SCENARIO = """
name: a
seed: 3
model: llama-2-7b
memory: {kv_cache: 2GiB}
max_model_len: 512
workload: {requests: 6, prompt: {uniform: [3, 9]}, output: 3}
allocators:
  - {name: p, policy: paged, page_size: 16}
  - {name: r, policy: contiguous, reserve: max, placement: buddy}
checks:
  p.steps: "> 3"
"""


def scenario(*overrides: str, text: str = SCENARIO) -> dict[str, Any]:
    return resolved(load_text(text, overrides=overrides))


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [difference_text(found) for found in differences(before, after)]


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("allocators.p.page_size=64", "allocators.p.page_size: 16 -> 64"),
        ("allocators.r.placement=best_fit", "allocators.r.placement: buddy -> best_fit"),
        ("memory.kv_cache=4GiB", "memory.kv_cache: 2 GiB -> 4 GiB"),
        ("memory={slots: 4096}", "memory: {kv_cache: 2 GiB} -> {slots: 4096}"),
        ("clock={base: 1s}", "clock: step -> {base: 1, per_sequence: 0, per_prefill_token: 0}"),
        ("workload.prompt={uniform: [3, 12]}", "workload.prompt.uniform: [3, 9] -> [3, 12]"),
        ("workload.prompt=7", "workload.prompt: {uniform: [3, 9]} -> 7"),
        ("scheduler.watermark=0.01", "scheduler.watermark: 0 -> 0.01"),
        ("scheduler.reserve_full_prompt=false", "scheduler.reserve_full_prompt: true -> false"),
        ("seed=4", "seed: 3 -> 4"),
        ("name=b", None),
        ("checks.p.steps=> 9", None),
    ],
)
def test_one_value(override: str, text: str | None) -> None:
    assert told(scenario(), scenario(override)) == ([text] if text else [])


def test_nothing_differs() -> None:
    assert differences(scenario(), scenario()) == []


def test_max_model_len_moves_the_default_that_follows_it() -> None:
    """The limit of the output is max_model_len unless a scenario says otherwise."""
    assert told(scenario(), scenario("max_model_len=1024")) == ["max_model_len: 512 -> 1024"]


def test_another_model_has_another_element_type() -> None:
    found = told(scenario(), scenario("model=llama-3.1-8b"))
    assert found == ["model.preset: llama-2-7b -> llama-3.1-8b", "model.kv_dtype: fp16 -> bf16"]


def test_a_default_that_changed() -> None:
    before, after = scenario(), scenario()
    before["scheduler"]["prefill"], after["scheduler"]["prefill"] = "whole", "chunked"
    assert told(before, after) == ["the default of scheduler.prefill changed: whole -> chunked"]
    after["origins"]["scheduler.prefill"] = "--set"
    assert told(before, after) == ["scheduler.prefill: whole -> chunked"]


def test_a_preset_that_changed() -> None:
    before, after = scenario(), scenario()
    after["model"]["kv_dtype"] = "fp8"
    assert told(before, after) == ["preset llama-2-7b changed: model.kv_dtype: fp16 -> fp8"]


def test_a_key_that_the_other_program_does_not_know() -> None:
    """A default of its own says nothing; what somebody wrote does."""
    before, after = scenario(), scenario()
    del before["scheduler"]["watermark"]
    assert told(before, after) == told(after, before) == []
    after["origins"]["scheduler.watermark"] = "s.yaml:3"
    assert told(before, after) == ["scheduler.watermark: none -> 0"]


def test_allocators_go_by_name() -> None:
    before, after = scenario(), scenario()
    after["allocators"].reverse()
    assert told(before, after) == []
    after["allocators"][1]["name"] = "q"
    assert told(before, after) == ["allocators.p.name: p -> q"]
    after["allocators"][1]["page_size"] = 32
    assert [(found.path, found.after is None) for found in differences(before, after)] == [
        ("allocators.p", True),
        ("allocators.q", False),
    ]


def test_where_a_file_lies_is_no_difference() -> None:
    before, after = scenario(), scenario()
    for each, path in ((before, "a/t.csv"), (after, "/b/t.csv")):
        each["workload"]["trace"] = {"file": path}
    assert told(before, after) == []
    after["workload"]["trace"]["file"] = "a/u.csv"
    assert told(before, after) == ["workload.trace.file: a/t.csv -> a/u.csv"]


def test_of_a_long_list_the_beginning() -> None:
    before, after = scenario(), scenario()
    after["workload"]["requests"] = [{"prompt": number, "output": 3} for number in range(40)]
    (text,) = told(before, after)
    assert text.startswith("workload.requests: 6 -> [{prompt: 0, output: 3}, ")
    assert text.endswith("... 40 in all]")
    assert len(text) < 120


@pytest.mark.parametrize(
    ("path", "same"),
    [("workload.requests", False), ("seed", False), ("max_model_len", False), ("seeds", True), ("memory", True)],
)
def test_what_is_served(path: str, same: bool) -> None:
    assert serve_the_same([Difference(path, 1, 2)]) is same


def test_saved_runs_of_strangers() -> None:
    """A saved run needs no more than a name in its scenario."""
    assert differences({"name": "a"}, {"name": "b"}) == []
    assert differences({"name": "a"}, copy.deepcopy(scenario())) != []
