"""Commands that start servers: what they say, what is left over, and the scenario they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from paged_sim.cli import main
from paged_sim.errors import PagedSimError
from paged_sim.scenario import load_scenario, reference
from paged_sim.servers.command import read_command
from paged_sim.servers.settings import SETTINGS


@pytest.mark.parametrize(
    ("text", "engine", "model", "settings"),
    [
        (
            "vllm serve meta-llama/Llama-3.1-8B-Instruct --tensor-parallel-size 4 --max-num-seqs 512",
            "vllm",
            "meta-llama/Llama-3.1-8B-Instruct",
            {"model.tensor_parallel": "4", "scheduler.max_num_seqs": "512"},
        ),
        (
            "CUDA_VISIBLE_DEVICES=0 python3 -m vllm.entrypoints.openai.api_server --model=org/m -tp=2 "
            "--no-enable-prefix-caching --max_model_len 32k > log 2>&1 &",
            "vllm",
            "org/m",
            {"model.tensor_parallel": "2", "allocators[].prefix_cache": "none", "max_model_len": "32k"},
        ),
        (
            "vllm serve \\\n  --enable-prefix-caching \\\n  org/m \\\n  --gpu-memory-utilization 90% --block-size=32",
            "vllm",
            "org/m",
            {
                "allocators[].prefix_cache": "hash",
                "memory.gpu_memory_utilization": "90%",
                "allocators[].page_size": "32",
            },
        ),
        (
            "docker run --gpus all -p 8000:8000 --ipc=host vllm/vllm-openai:v0.9.2 --model org/m -tp 2 --swap-space 4",
            "vllm",
            "org/m",
            {"model.tensor_parallel": "2"},
        ),
        (
            "python -m sglang.launch_server --model-path org/m --tp 2 --mem-fraction-static 0.85 --disable-radix-cache "
            "--max-running-requests 64 --context-length 8192 --chunked-prefill-size -1 --kv-cache-dtype fp8_e5m2",
            "sglang",
            "org/m",
            {
                "model.tensor_parallel": "2",
                "memory.gpu_memory_utilization": "0.85",
                "allocators[].prefix_cache": "none",
                "scheduler.max_num_seqs": "64",
                "max_model_len": "8192",
                "scheduler.prefill": "whole",
                "model.kv_dtype": "fp8_e5m2",
            },
        ),
        (
            "trtllm-serve serve org/m --tp_size 2 --max_batch_size 64 --max_num_tokens 8192 --max_seq_len 4096 "
            "--kv_cache_free_gpu_memory_fraction 0.9",
            "tensorrt-llm",
            "org/m",
            {
                "model.tensor_parallel": "2",
                "scheduler.max_num_seqs": "64",
                "scheduler.max_num_batched_tokens": "8192",
                "max_model_len": "4096",
                "memory.gpu_memory_utilization": "0.9",
            },
        ),
    ],
)
def test_what_commands_say(text: str, engine: str, model: str, settings: dict[str, str]) -> None:
    command = read_command(text)
    assert (command.engine, command.model, dict(command.settings)) == (engine, model, settings)


def test_nothing_is_dropped_without_a_word() -> None:
    command = read_command(
        "HF_TOKEN=secret docker run -e X=1 vllm/vllm-openai:latest --model org/m --quantization awq --port 8000 "
        "--api-key secret --frobnicate 3 --kv-cache-dtype auto --max-num-seqs -O3"
    )
    assert command.notes == (
        "environment variables are not read: HF_TOKEN, X",
        "what docker is told is not read",
        "--quantization awq is not modelled: give the bytes of the quantized weights as memory.weights",
        "--port has nothing to do with memory",
        "--api-key has nothing to do with memory",
        "not understood: --frobnicate",
        "--kv-cache-dtype auto is left to the default",
        "not understood: --max-num-seqs without a value",
        "not understood: -O3",
    )
    assert command.version == ""
    assert "secret" not in repr(command)


def test_the_version_is_that_of_the_image() -> None:
    assert read_command("docker run vllm/vllm-openai:v0.9.2 --model org/m").version == "0.9.2"
    assert read_command(
        "podman run lmsysorg/sglang:v0.4.6.post1-cu124 python3 -m sglang.launch_server --model m"
    ).version


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ls -l", "--from: no server of vLLM, SGLang or TensorRT-LLM is started there; write it as `vllm serve MODEL`"),
        ("", "--from: no server"),
        ("vllm serve --port 80", "--from: the command names no model; write it as you start the server, such as `vllm"),
        ("vllm serve 'org/m", "--from: the command cannot be taken apart: no closing quotation; check its quotes"),
    ],
)
def test_what_is_no_command_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        read_command(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_every_setting_is_a_key_of_a_scenario_and_its_example_is_one() -> None:
    paths = {row.path for row in reference()}
    assert {setting.path for setting in SETTINGS.values()} <= paths
    for name, setting in SETTINGS.items():
        assert setting.path.rpartition(".")[2] in setting.example, name


def written(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, *more: str) -> tuple[Path, str, str]:
    path = tmp_path / "server.yaml"
    assert main(["init", "--from", command, "-o", str(path), *more]) == 0
    return path, path.read_text("utf-8"), capsys.readouterr().out


def test_the_written_scenario_runs_and_says_what_is_to_be_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "vllm serve llama-3.1-8b --tensor-parallel-size 4 --max-num-seqs 512 --frobnicate"
    path, text, out = written(tmp_path, capsys, command)
    scenario = load_scenario(path)
    assert scenario.model.params == {"preset": "llama-3.1-8b", "tensor_parallel": 4}
    assert scenario.scheduler.max_num_seqs == 512
    assert (scenario.allocators[0].page_size, scenario.allocators[0].prefix_cache) == (16, "hash")
    assert "# not understood: --frobnicate" in text
    assert "note: not understood: --frobnicate" in out
    for comment in (
        "A placeholder: put your own requests",
        "does not name the GPU",
        "does not say the longest request",
    ):
        assert comment in text
    assert main(["run", str(path), "--quiet", "--set", "workload.requests=3"]) == 0


def test_the_gpu_and_an_unknown_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "python -m sglang.launch_server --model-path org/None-7B --tp 2 --page-size 8 --context-length 4K"
    path, text, _ = written(tmp_path, capsys, command, "--gpu", "NVIDIA L40S")
    scenario = load_scenario(path)
    assert scenario.memory.params["gpu"] == "l40s-48gb"
    assert scenario.memory.params["engine"] == "sglang"
    assert scenario.max_model_len == 4096
    assert (scenario.allocators[0].page_size, scenario.allocators[0].prefix_cache) == (8, "radix")
    assert "# the model org/None-7B is not built in" in text
    assert "model: {hf_config: config.json, tensor_parallel: 2}" in text
    assert "does not name the GPU" not in text


@pytest.mark.parametrize("length", ["64", "1K", "128k"])
def test_the_placeholder_requests_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str], length: str) -> None:
    path, _, _ = written(tmp_path, capsys, f"vllm serve qwen3-8b --max-model-len {length}")
    workload = load_scenario(path).workload
    assert workload.prompt is not None
    assert workload.output is not None
    assert workload.prompt.params["high"] + workload.output.params["high"] <= load_scenario(path).max_model_len


def test_a_folder_with_a_config_and_a_file_with_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(__file__).parent / "data" / "hf_configs" / "llama-3.1-8b.json"
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "config.json").write_text(config.read_text("utf-8") if config.exists() else _llama_config(), "utf-8")
    script = tmp_path / "serve.sh"
    script.write_text(f"#!/bin/bash\nvllm serve {folder} --kv-cache-memory-bytes 12G\n", "utf-8")
    path, _, _ = written(tmp_path, capsys, str(script))
    scenario = load_scenario(path)
    assert scenario.model.params["path"] == folder / "config.json"
    assert scenario.memory.params == {"bytes": 12 * 2**30}


def _llama_config() -> str:
    return (
        '{"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4, '
        '"num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 100, "torch_dtype": "bfloat16"}'
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["init"], "give the NAME of a built-in scenario, or --from COMMAND"),
        (["init", "grow", "--from", "vllm serve m"], "give the NAME of a built-in scenario, or --from COMMAND"),
        (["init", "grow", "--gpu", "l4"], "--gpu belongs to --from"),
        (
            ["init", "--from", "vllm serve qwen3-8b --gpu-memory-utilization 1.5"],
            "--from: memory.gpu_memory_utilization: 1.5 is too large; write at most 1",
        ),
        (
            ["init", "--from", "vllm serve qwen3-8b -tp three"],
            "--from: model.tensor_parallel: 'three' is not an integer",
        ),
        (["init", "--from", "vllm serve qwen3-8b", "--gpu", "zx81"], "--from: memory.gpu: unknown GPU 'zx81'"),
        (
            ["init", "--from", "vllm serve llama-3.1-405b", "--gpu", "l4"],
            "--from: memory.gpu: 756.0 GiB of weights for",
        ),
        (
            ["init", "--from", "vllm serve qwen3-8b -tp 3"],
            "--from: model.tensor_parallel: 8 KV heads of qwen3-8b cannot",
        ),
    ],
)
def test_mistakes_leave_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([*arguments, "-o", str(tmp_path / "out.yaml")]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
