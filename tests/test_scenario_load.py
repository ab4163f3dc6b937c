"""From YAML to the models: every form of every key, defaults, paths and built-in scenarios."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scenario_samples import ARRIVALS, FULL, LENGTHS, minimal, valid_scenarios

import paged_sim.scenario
from paged_sim.errors import PagedSimError
from paged_sim.scenario import builtin_scenarios, load_scenario, load_text
from paged_sim.scenario import load as load_module
from paged_sim.scenario.models import (
    AllocatorSpec,
    ArenaSpec,
    Check,
    ListedRequest,
    Measure,
    Prefix,
    Scenario,
    Scheduler,
    TraceSource,
    Variant,
)

TIMED = "\nclock: {base: 1ms}"


def load(lines: str) -> Scenario:
    return load_text(minimal(lines))


def test_a_scenario_with_every_section() -> None:
    scenario = load_text(FULL, "fig2.yaml")
    assert (scenario.name, scenario.seed, scenario.repeats, scenario.version) == ("vllm-fig2", 42, 5, 1)
    assert scenario.model == Variant("preset", {"preset": "opt-13b", "tensor_parallel": 1})
    assert scenario.memory == Variant("kv_cache", {"bytes": 12 * 2**30})
    assert scenario.workload.count == 4000
    assert scenario.workload.prompt == Variant("histogram", {"preset": "sharegpt-prompt"})
    assert scenario.workload.max_tokens == Variant("constant", {"value": 2048})
    assert scenario.workload.arrival == Variant("saturated")
    assert scenario.workload.prefix == Prefix(8, 200, 0.6)
    assert scenario.scheduler == Scheduler(prefill="whole")
    assert scenario.clock == Variant("step")
    assert scenario.allocators[1] == AllocatorSpec("orca-pow2", "contiguous", reserve="pow2", placement="buddy")
    assert scenario.allocators[3] == AllocatorSpec("vllm", "paged", page_size=16)
    assert scenario.arena == ArenaSpec()
    assert scenario.measure == Measure()
    assert scenario.checks == (
        Check("vllm.occupancy.saturated.mean", ">= 0.95", "fig2.yaml:33"),
        Check("orca-max.paper_view.token_state", "0.204 +- 0.02", "fig2.yaml:34"),
    )


def test_defaults_of_the_smallest_scenario() -> None:
    scenario = load_text(minimal(""), "folder/small.yaml")
    assert (scenario.name, scenario.seed, scenario.repeats, scenario.max_model_len) == ("small", 0, 1, 2048)
    assert scenario.model == Variant("preset", {"preset": "llama-2-7b", "tensor_parallel": 1})
    assert scenario.workload.max_tokens == Variant("constant", {"value": 2048})
    assert (scenario.scheduler, scenario.arena, scenario.measure) == (Scheduler(), ArenaSpec(), Measure())
    assert scenario.clock == Variant("step")
    assert scenario.checks == ()
    assert scenario.workload.trace is None
    assert scenario.workload.prefix is None
    assert scenario.origins["model"] == scenario.origins["scheduler.watermark"] == "default"


@pytest.mark.parametrize("text", valid_scenarios())
def test_every_form_loads(text: str) -> None:
    assert load_text(text).allocators


@pytest.mark.parametrize(
    ("lengths", "variant"),
    list(
        zip(
            LENGTHS,
            [
                Variant("constant", {"value": 7}),
                Variant("constant", {"value": 1000}),
                Variant("constant", {"value": 1000}),
                Variant("uniform", {"low": 1, "high": 512}),
                Variant("normal", {"mean": 500.0, "std": 200.0, "min": 1, "max": 2048}),
                Variant("normal", {"mean": 500.0, "std": 0.0, "min": 200, "max": 2048}),
                Variant("lognormal", {"mean": 160.5, "sigma": 1.1}),
                Variant("gamma", {"mean": 340.0, "cv": 0.8}),
                Variant("histogram", {"preset": "sharegpt-prompt"}),
                Variant("histogram", {"first_edge": 1.0, "bin_width": 15.5, "counts": (3.0, 0.0, 2.5)}),
                Variant("quantiles", {"points": [[0.01, 5], [0.5, 40], [0.999, 900]]}),
                Variant("choice", {"values": (16, 64, 256)}),
                Variant("choice", {"values": (16, 64), "weights": (0.5, 0.5)}),
                Variant("values", {"values": (3, 1, 4, 1)}),
            ],
            strict=True,
        )
    ),
)
def test_lengths(lengths: str, variant: Variant) -> None:
    workload = load(f"workload: {{requests: 4, prompt: {lengths}, output: {lengths}}}").workload
    assert workload.prompt == variant
    assert workload.output == variant


@pytest.mark.parametrize(
    ("arrival", "variant"),
    list(
        zip(
            ARRIVALS,
            [
                Variant("saturated"),
                Variant("poisson", {"rate": 2.0}),
                Variant("poisson", {"rate": 10 / 3600}),
                Variant("gamma", {"rate": 0.5, "cv": 3.0}),
                Variant("on_off", {"rate": 20.0, "on": 10.0, "off": 38.0}),
                Variant("every", {"interval": 0.1}),
                Variant("users", {"users": 32, "think": 0.0}),
                Variant("users", {"users": 32, "think": 2.0}),
                Variant("users", {"users": 32, "think": 0.0}),
            ],
            strict=True,
        )
    ),
)
def test_arrivals(arrival: str, variant: Variant) -> None:
    scenario = load(f"workload: {{requests: 4, prompt: 5, output: 3, arrival: {arrival}}}" + TIMED)
    assert scenario.workload.arrival == variant
    assert scenario.clock == Variant("linear", {"base": 0.001, "per_sequence": 0.0, "per_prefill_token": 0.0})


@pytest.mark.parametrize(
    ("lines", "model", "memory"),
    [
        (
            "model: {preset: llama-3-70b, kv_dtype: fp8, tensor_parallel: 8}\nmemory: {slots: 9}",
            Variant("preset", {"preset": "llama-3-70b", "kv_dtype": "fp8", "tensor_parallel": 8}),
            Variant("slots", {"slots": 9}),
        ),
        (
            "model: {layers: 2, kv_heads: 3, head_dim: 4}\nmemory: {pages: 600}",
            Variant("explicit", {"layers": 2, "kv_heads": 3, "head_dim": 4, "dtype": "fp16", "tensor_parallel": 1}),
            Variant("pages", {"pages": 600}),
        ),
        (
            "model: {bytes_per_slot: 800KiB}\nmemory: {gpu: a100-40gb, weights: 26GB}",
            Variant("bytes_per_slot", {"bytes": 819200}),
            Variant("gpu", {"gpu": "a100-40gb", "weights": 26 * 10**9}),
        ),
    ],
)
def test_model_and_memory(lines: str, model: Variant, memory: Variant) -> None:
    scenario = load(lines)
    assert (scenario.model, scenario.memory) == (model, memory)


def test_listed_requests() -> None:
    workload = load(
        "workload: {requests: [{prompt: 7, output: 4, max_tokens: 9}, {prompt: 1, output: 2, arrival: 2s}]}" + TIMED
    ).workload
    assert workload.listed == (ListedRequest(7, 4, 9), ListedRequest(1, 2, None, 2.0))
    assert (workload.count, workload.prompt, workload.output) == (None, None, None)


def test_the_number_of_values_is_the_number_of_requests() -> None:
    scenario = load("workload: {prompt: {values: [3, 4, 5]}, output: {values: [1, 2]}}")
    assert scenario.workload.count == 2
    assert scenario.origins["workload.requests"] == "default"


@pytest.mark.parametrize(("text", "kind"), [("output", "output"), ("{factor: 2}", "factor"), ("64", "constant")])
def test_max_tokens(text: str, kind: str) -> None:
    assert load(f"workload: {{requests: 4, prompt: 5, output: 3, max_tokens: {text}}}").workload.max_tokens.kind == kind


def test_payload_in_bytes_and_a_quoted_device() -> None:
    assert load("arena: {payload: 64, device: 'cuda:1', poison: true}").arena == ArenaSpec("cuda:1", 64, "all", True)


def test_anchors_and_merge_keys() -> None:
    text = """\
allocators:
  - &base {name: a, policy: contiguous, reserve: oracle, placement: buddy}
  - {<<: *base, name: b}
  - {<<: [{placement: best_fit}, *base], name: c}
"""
    first, second, third = load_text(
        text + "memory: {slots: 9}\nworkload: {requests: 1, prompt: 1, output: 1}"
    ).allocators
    assert first == AllocatorSpec("a", "contiguous", "oracle", "buddy")
    assert second == AllocatorSpec("b", "contiguous", "oracle", "buddy")
    assert third == AllocatorSpec("c", "contiguous", "oracle", "best_fit")


def test_messages_name_the_line_of_the_key() -> None:
    text = "\n".join(["# comment", "", "memory:", "  slots: 5", "workload:", "  requests: 4", "  promt: 3"])
    with pytest.raises(PagedSimError, match=r"(?m)^s\.yaml:7: workload\.promt: unknown key"):
        load_text(text, "s.yaml")


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + minimal("seed: 3").replace("\n", "\r\n").encode())
    assert load_scenario(path).seed == 3


def test_paths_in_a_file_start_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "t.csv").write_text("x")
    (tmp_path / "here.csv").write_text("x")
    (folder / "s.yaml").write_text(minimal("workload: {trace: t.csv}"))
    monkeypatch.chdir(tmp_path)
    assert load_scenario("folder/s.yaml").workload.trace == TraceSource((Path("folder/t.csv"),))
    by_flag = load_scenario("folder/s.yaml", trace="here.csv", overrides=["workload.trace.limit=5"])
    assert by_flag.workload.trace == TraceSource((Path("here.csv"),), limit=5)
    assert by_flag.origins["workload.trace.file"] == "--trace"


def test_a_trace_flag_replaces_drawn_requests(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x")
    workload = load_text(minimal(""), trace=tmp_path / "t.csv").workload
    assert workload.trace == TraceSource((tmp_path / "t.csv",))
    assert (workload.count, workload.prompt, workload.output) == (None, None, None)


def test_paths_of_a_linked_scenario_start_from_the_real_folder(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "t.csv").write_text("x")
    (real / "s.yaml").write_text(minimal("workload: {trace: {file: t.csv, skip: 1, speedup: 2}}"))
    (tmp_path / "link.yaml").symlink_to(real / "s.yaml")
    trace = load_scenario(tmp_path / "link.yaml").workload.trace
    assert trace == TraceSource((real.resolve() / "t.csv",), skip=1, speedup=2.0)


@pytest.fixture
def builtins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data" / "scenarios"
    folder.mkdir(parents=True)
    (folder / "tutorial.yaml").write_text("#\n# What it shows\n# and more\n" + minimal("seed: 9"))
    (folder / "plain.yaml").write_text(minimal("seed: 8"))
    monkeypatch.setattr("paged_sim.scenario.builtin.resources.files", lambda package: tmp_path)
    monkeypatch.chdir(tmp_path)
    return folder


def test_builtin_scenarios(builtins: Path) -> None:
    assert builtin_scenarios() == [
        ("plain", "", builtins / "plain.yaml"),
        ("tutorial", "What it shows", builtins / "tutorial.yaml"),
    ]
    scenario = load_scenario("tutorial")
    assert (scenario.seed, scenario.origins["seed"]) == (9, "tutorial.yaml:4")


def test_a_folder_does_not_hide_a_builtin_but_a_file_does(builtins: Path, tmp_path: Path) -> None:
    (tmp_path / "tutorial").mkdir()
    assert load_scenario("tutorial").seed == 9
    (tmp_path / "plain").write_text(minimal("seed: 1"))
    assert load_scenario("plain").seed == 1


def test_unknown_builtin(builtins: Path) -> None:
    with pytest.raises(
        PagedSimError, match=r"^'tutorail' is no file and no built-in scenario; did you mean tutorial\?$"
    ):
        load_scenario("tutorail")


def test_no_builtins_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "builtin_scenarios", list)
    with pytest.raises(PagedSimError, match=r"`paged-sim list` shows the built-in ones$"):
        load_scenario("tutorial")


def test_importing_the_package_is_cheap() -> None:
    code = "import paged_sim.scenario, sys; assert not {'yaml', 'numpy'} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not hasattr(paged_sim.scenario, "no_such_name")
