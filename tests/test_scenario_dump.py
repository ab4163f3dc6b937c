"""The resolved scenario: the file's own keys, base units, origins, and the same on every machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from scenario_samples import FULL, minimal, valid_scenarios

from paged_sim.scenario import load_scenario, load_text, resolved
from paged_sim.scenario.models import Scenario


def test_the_full_scenario_comes_back_as_written() -> None:
    dump = resolved(load_text(FULL, "s.yaml"))
    written = yaml.safe_load(FULL)
    written["model"] = {"preset": "opt-13b", "kv_dtype": "fp16", "tensor_parallel": 1}
    written["memory"] = {"kv_cache": 12 * 2**30}
    written["arena"]["poison"] = False
    written["allocators"][-1] |= {"prefix_cache": "none"}
    origins = dump.pop("origins")
    assert dump == written
    assert origins["model.preset"] == "s.yaml:6"
    assert origins["model.kv_dtype"] == "preset opt-13b"
    assert origins["model.tensor_parallel"] == "default"
    assert origins["workload.prefix.share"] == "s.yaml:16"
    assert origins["allocators.orca-pow2.reserve"] == "s.yaml:27"


@pytest.mark.parametrize("text", valid_scenarios())
def test_dumps_are_json_and_say_where_values_come_from(text: str) -> None:
    dump = resolved(load_text(text, "s.yaml"))
    assert json.loads(json.dumps(dump)) == json.loads(json.dumps(dump))
    for origin in dump["origins"].values():
        assert origin == "default" or origin.startswith(("s.yaml:", "preset "))


def same(left: Scenario, right: Scenario) -> bool:
    parts = ("name", "model", "memory", "max_model_len", "workload", "scheduler", "clock", "allocators", "arena")
    return all(getattr(left, part) == getattr(right, part) for part in parts)


@pytest.mark.parametrize(
    "text", [text for text in valid_scenarios() if "clock: {" not in text and "preset" not in text]
)
def test_a_dump_loads_as_the_same_scenario(text: str) -> None:
    scenario = load_text(text + "\nmodel: {bytes_per_slot: 8}" * ("model" not in text), "s.yaml")
    dump = resolved(scenario)
    del dump["origins"]
    if scenario.model.kind == "preset":
        del dump["model"]["kv_dtype"]
    assert same(load_text(json.dumps(dump), "s.yaml"), scenario)


def test_paths_are_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("folder/t.csv", "above.csv"):
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)

    def trace_file(written: str, trace: str | None = None) -> str:
        (folder / "s.yaml").write_text(minimal(f"workload: {{trace: {written}}}"))
        return str(resolved(load_scenario("folder/s.yaml", trace=trace))["workload"]["trace"]["file"])

    assert trace_file("t.csv") == "t.csv"
    assert trace_file("../above.csv") == "../above.csv"
    assert trace_file(str(tmp_path / "above.csv")) == str(tmp_path / "above.csv")
    assert trace_file("t.csv", "folder/t.csv") == "folder/t.csv"
    assert trace_file("t.csv", "above.csv") == "above.csv"


def test_the_path_of_a_config_is_as_written(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    path = tmp_path / "s.yaml"
    path.write_text(minimal("model: {hf_config: config.json}"))
    scenario = load_scenario(path)
    assert scenario.model.params["path"] == tmp_path / "config.json"
    assert resolved(scenario)["model"] == {"hf_config": "config.json", "tensor_parallel": 1}
