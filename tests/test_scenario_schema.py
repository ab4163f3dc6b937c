"""The JSON Schema accepts what loads and refuses what an editor can know to be wrong; the reference has every key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from scenario_samples import minimal, valid_scenarios

from paged_sim.scenario import json_schema, load_text, reference

PAGE = Path(__file__).parent.parent / "docs" / "scenario-reference.md"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


class EditorLoader(yaml.SafeLoader):
    """YAML 1.2, as editors read it: `on` and `off` are words."""


EditorLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if first not in "oOyYnN" or not tag.endswith(":bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_an_editor_reads(text: str) -> Any:
    """The JSON of a YAML text: the keys of mappings are words."""
    return json.loads(json.dumps(yaml.load(text, EditorLoader)))


@pytest.mark.parametrize("text", valid_scenarios())
def test_accepts_what_loads(text: str, validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(as_an_editor_reads(text))


@pytest.mark.parametrize(
    "lines",
    [
        "sede: 3",
        "seed: -1",
        "scheduler: {max_num_sqs: 3}",
        "scheduler: {preemption: swap}",
        "memory: {slots: 5, pages: 3}",
        "memory: {kv_cache: 12G}",
        "memory: {slots: 0}",
        "model: opt-13",
        "workload: {requests: 4, prompt: {unifrom: [1, 5]}, output: 3}",
        "workload: {requests: 4, prompt: {uniform: [1]}, output: 3}",
        "workload: {requests: 4, prompt: 5, output: 3, trace: t.csv}",
        "workload: {requests: 4, prompt: 5, output: 3, samples: 0}",
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2}}",
        "clock: {base: 5}",
        "clock: {roofline: {gpu: a100-40gb}}",
        "allocators: []",
        "allocators: [{name: a, policy: paged, reserve: max}]",
        "allocators: [{name: a, policy: contiguous, reserve: max, chunk: 5}]",
        "allocators: [{name: a, policy: paged, page_size: 16, block_size: 16}]",
        "allocators: [{name: a b, policy: paged}]",
        "arena: {payload: 12}",
        "checks: {vllm.batch.mean: '=> 3'}",
        "checks: {vllm.batch.mean: {check: 3, level: fatal}}",
        "checks: {vllm.batch.mean: {level: warn}}",
        "checks: {vllm: '>= 3'}",
    ],
)
def test_refuses_what_is_wrong(lines: str, validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid(as_an_editor_reads(minimal(lines)))


def test_every_key_is_described() -> None:
    def undescribed(schema: Any, path: str) -> list[str]:
        found = []
        if isinstance(schema, dict):
            for name, part in schema.get("properties", {}).items():
                if "dependentSchemas" not in path and not part.get("description"):
                    found.append(f"{path}.{name}")
            for name, part in schema.items():
                if name != "dependentSchemas":
                    found += undescribed(part, f"{path}.{name}")
        return found

    assert not undescribed(json_schema(), "")


def test_rows_are_complete() -> None:
    rows = reference()
    paths = [row.path for row in rows]
    assert len(paths) == len(set(paths))
    assert {"memory.kv_cache", "workload.prompt.normal.mean", "allocators[].page_size", "clock.base"} <= set(paths)
    for row in rows:
        assert row.type, row.path
        assert row.description.endswith("."), row.path
        assert not row.example.endswith(": "), row.path


def test_the_reference_page_has_every_key() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for row in reference():
        line = f"| `{row.path}` | {row.type} | {row.default} | {row.description} | `{row.example}` |"
        assert line in lines, "docs/scenario-reference.md lacks this row, or has it differently"


def test_the_scenarios_of_the_reference_page_load() -> None:
    blocks = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1:]
    assert len(blocks) == 3
    for block in blocks:
        assert load_text(block.partition("```")[0]).allocators
