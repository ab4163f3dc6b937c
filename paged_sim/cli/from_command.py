"""The scenario of a server, from the command that starts it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paged_sim.errors import PagedSimError
from paged_sim.files import MIB, read_bounded
from paged_sim.scenario.units import INTEGER
from paged_sim.servers.command import Command, read_command
from paged_sim.servers.lines import SGLANG, TENSORRT_LLM, VLLM
from paged_sim.wording import printable

# What each engine does unless told otherwise: slots of a page, and how it finds shared prefixes.
_PAGES = {VLLM: ("16", "hash"), SGLANG: ("1", "radix"), TENSORRT_LLM: ("32", "hash")}
_CARDS = ("h100-80gb", "h200-141gb", "b200-180gb", "b300-288gb")
_DTYPES = {"fp8_ds_mla": "fp8", "fp8_inc": "fp8", "bf16": "bf16"}
_LENGTH = "8192"
_LENGTH_UNSAID = "The command does not say the longest request; the engine takes the model's own."
_GPU_UNSAID = "The command does not name the GPU: write yours (`paged-sim list gpus`), or its {memory: 79.2GiB}."
_CLOCK = "{base: 10ms, per_sequence: 0.1ms, per_prefill_token: 0.02ms}"


@dataclass(frozen=True, slots=True)
class _Model:
    """The `model` of the scenario, what its weights take if the scenario must say it, and what to tell the user."""

    yaml: str
    weights: str
    note: str


def scenario_text(text: str, gpu: str | None) -> tuple[str, Command, list[str]]:
    """The scenario that a command (or the file with it) starts, the command, and what the user should know.

    The scenario runs as it is: what the command does not say is put in and marked. Raises PagedSimError for a command
    that is not understood, or values that no scenario can have.
    """
    command = read_command(_command_in(text))
    model = _model(command)
    notes = [printable(note) for note in (model.note, *command.notes) if note]
    cards = [gpu] if gpu else [*_CARDS]
    for card in cards:
        written = _written(command, model, card, named=gpu is not None, notes=notes)
        try:
            _try(written)
        except PagedSimError as error:
            if card != cards[-1] and "leave no room" in str(error):
                continue
            told = (re.sub(r"^(the command:\d+: )?", "--from: ", message) for message in error.messages)
            raise PagedSimError(*told) from None
        break
    return written, command, notes


def _command_in(text: str) -> str:
    """The command itself, or what a file of that name holds."""
    try:
        return read_bounded(Path(text), MIB, "command").decode("utf-8") if Path(text).is_file() else text
    except (OSError, ValueError):
        return text


def _try(written: str) -> None:
    """Resolve the scenario as far as its memory. Raises PagedSimError where it would not run."""
    from paged_sim.geometry import resolve_model
    from paged_sim.scenario import load_text
    from paged_sim.simulation import capacity_of

    scenario = load_text(written, "the command")
    capacity_of(scenario, resolve_model(scenario.model))


def _model(command: Command) -> _Model:
    """A built-in model, a config.json on this machine, or the numbers of a typical model with what to write instead."""
    from paged_sim.geometry.presets import find_model

    more = "".join(
        f", {key}: {_DTYPES.get(value, value) if key == 'kv_dtype' else value}"
        for key in ("kv_dtype", "tensor_parallel")
        if (value := command.settings.get(f"model.{key}"))
    )
    name = find_model(command.model)
    if name is not None:
        return _Model(f"{{preset: {name}{more}}}", "", "")
    for path in (Path(command.model) / "config.json", Path(command.model)):
        if path.is_file() and path.suffix == ".json":
            return _Model(f"{{hf_config: {_quoted(str(path.resolve()))}{more}}}", "", "")
    dtype = _DTYPES.get(command.settings.get("model.kv_dtype", ""), command.settings.get("model.kv_dtype", "bf16"))
    gpus = command.settings.get("model.tensor_parallel", "1")
    numbers = f"{{layers: 32, kv_heads: 8, head_dim: 128, dtype: {dtype}, tensor_parallel: {gpus}}}"
    note = (
        f"the model {command.model} is not built in, so a typical one of 8 billion parameters stands for it; get its "
        f"config.json and write model: {{hf_config: config.json{more}}}, without memory.weights"
    )
    return _Model(numbers, "16GB", note)


def _written(command: Command, model: _Model, gpu: str, *, named: bool, notes: list[str]) -> str:
    """The scenario as YAML, its comments included."""
    said = command.settings
    page_size, own_cache = _PAGES[command.engine]
    cache = "none" if said.get("allocators[].prefix_cache") == "none" else own_cache
    scheduler = {"prefill": "chunked"}
    scheduler |= {
        path.removeprefix("scheduler."): value for path, value in said.items() if path.startswith("scheduler.")
    }
    allocator = f"policy: paged, page_size: {said.get('allocators[].page_size', page_size)}, prefix_cache: {cache}"
    engine = f"{command.engine}-{command.version}" if command.version else command.engine
    lines = [
        f"# {printable(command.model)} as {engine} serves it",
        *(f"# {note}" for note in notes),
        f"model: {model.yaml}",
        *_memory(said, model, gpu, engine, named),
        *([] if "max_model_len" in said else [f"# {_LENGTH_UNSAID}"]),
        f"max_model_len: {said.get('max_model_len', _LENGTH)}",
        "# A placeholder: put your own requests here, drawn (docs/workloads.md) or recorded (trace: requests.jsonl).",
        f"workload: {_workload(said.get('max_model_len', _LENGTH))}",
        f"scheduler: {{{', '.join(f'{key}: {value}' for key, value in scheduler.items())}}}",
        "# A placeholder, too: how long a step takes on your machine.",
        f"clock: {_CLOCK}",
        "allocators:",
        f"  - {{name: {command.engine}, {allocator}}}",
    ]
    return "\n".join(lines) + "\n"


def _workload(max_model_len: str) -> str:
    """Requests that fit: prompts up to 1,024 tokens and outputs up to 256, or a half and a quarter of the longest."""
    try:
        longest = int(INTEGER.parse(max_model_len))
    except ValueError:  # refused with its place when the scenario is read
        longest = 1
    prompt, output = max(1, min(1024, longest // 2)), max(1, min(256, longest // 4))
    lengths = f"prompt: {{uniform: [{min(64, prompt)}, {prompt}]}}, output: {{uniform: [{min(16, output)}, {output}]}}"
    return f"{{requests: 200, {lengths}, arrival: {{poisson: 2/s}}}}"


def _memory(said: Mapping[str, str], model: _Model, gpu: str, engine: str, named: bool) -> list[str]:
    """The memory: counted by the command, or what a GPU has left."""
    for key in ("kv_cache", "slots", "pages"):
        if value := said.get(f"memory.{key}"):
            return [f"memory: {{{key}: {_size(value) if key == 'kv_cache' else value}}}"]
    share = said.get("memory.gpu_memory_utilization")
    parts = [
        f"gpu: {_quoted(gpu)}",
        *([f"gpu_memory_utilization: {share}"] if share else []),
        *([f"weights: {model.weights}"] if model.weights else []),
        f"engine: {engine}",
    ]
    return [*([] if named else [f"# {_GPU_UNSAID}"]), f"memory: {{{', '.join(parts)}}}"]


def _size(value: str) -> str:
    """A size as engines take it (12G, 500M) in the words of a scenario."""
    return f"{value}iB" if value[-1:] in "KMGT" else f"{value.upper()}B" if value[-1:] in "kmgt" else value


def _quoted(text: str) -> str:
    return text if text.replace("-", "").replace("_", "").isalnum() else json.dumps(text)
