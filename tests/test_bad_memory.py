"""Bad keys, models and memories: each is refused with a line that says what, where and what to do."""

from __future__ import annotations

import pytest
from bad_scenarios import refusal, text_with

BAD_KEYS = [
    # unknown keys, numbers, flags and names
    ("memroy: {slots: 5}", "bad.yaml:1: memroy: unknown key 'memroy'; did you mean memory?"),
    ("seeds: 3", "bad.yaml:1: seeds: unknown key 'seeds'; did you mean seed?"),
    ("version: 2", "bad.yaml:1: version: this version reads scenarios of version 1; write version: 1"),
    ("version: one", "bad.yaml:1: version: 'one' is not an integer; write an integer such as 16 or 1_000_000"),
    ("seed: -1", "bad.yaml:1: seed: -1 is too small; write at least 0"),
    ("seed: 1.5", "bad.yaml:1: seed: '1.5' is no whole number; write an integer such as 16 or 1_000_000"),
    ('seed: "42"', "bad.yaml:1: seed: '42' is quoted text; write an integer without quotes"),
    ("seed: 010", "bad.yaml:1: seed: '010' begins with a zero, which some readers take for octal; leave it out"),
    ("seed: 0x10", "bad.yaml:1: seed: '0x10' is not an integer; write an integer such as 16 or 1_000_000"),
    ("seed: 1e30", "bad.yaml:1: seed: '1e30' is too large; write a smaller number"),
    ("seed: on", "bad.yaml:1: seed: 'on' is not an integer; write an integer such as 16 or 1_000_000"),
    ("seed:", "bad.yaml:1: seed: no value; give an integer >= 0"),
    ("seed: [1, 2]", "bad.yaml:1: seed: expected an integer >= 0, found a list"),
    ("seed: 1:30", "bad.yaml:1: seed: '1:30' is not an integer; write an integer such as 16 or 1_000_000"),
    ("repeats: 0", "bad.yaml:1: repeats: 0 is too small; write at least 1"),
    ("name:", "bad.yaml:1: name: no value; give a name"),
    ("name: ''", "bad.yaml:1: name: '' will not do; write a name"),
    (
        "max_model_len: 2q",
        "bad.yaml:1: max_model_len: '2q' is not an integer; write an integer such as 16 or 1_000_000",
    ),
    ("max_model_len: 0", "bad.yaml:1: max_model_len: 0 is too small; write at least 1"),
    ("layer_groups: true", "bad.yaml:1: layer_groups: 'layer_groups' is not available in this version; remove it"),
    ("max_model_len: 1e10", "bad.yaml:1: max_model_len: 1e10 is too large; write at most 1,000,000,000"),
    # the model
    (
        "model: opt-13",
        "bad.yaml:1: model.preset: unknown model 'opt-13'; did you mean opt-13b? any other model is given",
    ),
    (
        "model: {preset: opt-13b, layers: 3}",
        "bad.yaml:1: model: preset and layers are different ways to say it; give one of them",
    ),
    ("model: {preset: opt-13b, kv_dtype: fp9}", "bad.yaml:1: model.kv_dtype: unknown 'fp9'; did you mean fp8?"),
    ("model: {layers: 40, kv_heads: 40}", "bad.yaml:1: model.head_dim: missing; give it, for example head_dim: 128"),
    ("model: {layres: 40}", "bad.yaml:1: model: unknown key 'layres'; did you mean layers?"),
    ("model: {}", "bad.yaml:1: model: the mapping is empty; give the name of a model or {preset: ...} or {hf_config:"),
    (
        "model: [opt-13b]",
        "bad.yaml:1: model: expected the name of a model or {preset: ...} or {hf_config: ...} or {layers:",
    ),
    (
        "model: {bytes_per_slot: 1.5B}",
        "bad.yaml:1: model.bytes_per_slot: '1.5B' is no whole number of bytes; write bytes as a number, or",
    ),
    ("max_model_len: 1.3333k", "bad.yaml:1: max_model_len: '1.3333k' is no whole number; write an integer such as 16"),
    (
        "memory: {kv_cache: 8GiB, gpu_memory_utilization: 0.9}",
        "bad.yaml:1: memory.gpu_memory_utilization: 'gpu_memory_utilization' goes with gpu, not with kv_cache; leave",
    ),
    (
        "memory: {kv_cache: 8GiB, weights: 15GiB}",
        "bad.yaml:1: memory.weights: 'weights' goes with gpu, not with kv_cache; leave one of them out",
    ),
    (
        "model: {preset: opt-13b, head_dim: 128}",
        "bad.yaml:1: model.head_dim: 'head_dim' goes with layers, not with preset; leave one of them out",
    ),
    (
        "model: {bytes_per_slot: 800kib}",
        "bad.yaml:1: model.bytes_per_slot: '800kib' is not a size; did you mean 800KiB? write bytes as a",
    ),
    (
        "model: {hf_config: no/config.json}",
        "bad.yaml:1: model.hf_config: the file 'no/config.json' is not there; check the path",
    ),
    (
        "model: {hf_config: /}",
        "bad.yaml:1: model.hf_config: the file '/' is a directory without config.json; check the path",
    ),
    (
        "model: {preset: opt-13b, tensor_parallel: 0}",
        "bad.yaml:1: model.tensor_parallel: 0 is too small; write at least 1",
    ),
    (
        "model: {layer_groups: 2}",
        "bad.yaml:1: model.layer_groups: 'layer_groups' is not available in this version; remove it",
    ),
    ('model: {hf_config: "a\\0b"}', "bad.yaml:1: model.hf_config: the file 'a\\x00b' is not there; check the path"),
    # the memory
    (
        "memory: 12GiB",
        "bad.yaml:1: memory: '12GiB' will not do; give {kv_cache: ...} or {slots: ...} or {pages: ...} or",
    ),
    (
        "memory: {kv_cache: 12}",
        "bad.yaml: model: missing; give it, for example model: opt-13b; the memory is in bytes, so the",
    ),
    (
        "memory: {kv_cache: 12G}",
        "bad.yaml:1: memory.kv_cache: '12G' is not a size; write bytes as a number, or a number with B,",
    ),
    (
        "memory: {kv_cache: 12 gib}",
        "bad.yaml:1: memory.kv_cache: '12 gib' is not a size; did you mean 12 GiB? write bytes as a",
    ),
    (
        "memory: {kv_cache: twelve}",
        "bad.yaml:1: memory.kv_cache: 'twelve' is not a size; write bytes as a number, or a number with B,",
    ),
    ("memory: {kv_cache: -1GiB}", "bad.yaml:1: memory.kv_cache: -1GiB is too small; write at least 1"),
    (
        "memory: {slots: 5, pages: 3}",
        "bad.yaml:1: memory: slots and pages are different ways to say it; give one of them",
    ),
    (
        "gpu_memory_utilization: 0.95",
        "bad.yaml:1: gpu_memory_utilization: 'gpu_memory_utilization' belongs to memory; write memory: {gpu: "
        "h100-80gb, gpu_memory_utilization: 0.95}",
    ),
    (
        "max_num_seqs: 64",
        "bad.yaml:1: max_num_seqs: 'max_num_seqs' belongs to scheduler; write scheduler: {max_num_seqs: 64}",
    ),
    (
        "block_size: 32",
        "bad.yaml:1: block_size: 'block_size' belongs to allocators, as page_size; write allocators: [{name: vllm, "
        "policy: paged, page_size: 32}]",
    ),
    (
        "enable_prefix_caching: false",
        "bad.yaml:1: enable_prefix_caching: 'enable_prefix_caching' belongs to allocators, as prefix_cache; write "
        "allocators: [{name: vllm, policy: paged, prefix_cache: none}]",
    ),
    (
        "kv-cache-dtype: fp8",
        "bad.yaml:1: kv-cache-dtype: 'kv-cache-dtype' belongs to model; write model: {preset: llama-3.1-",
    ),
    (
        "model: {preset: opt-13b, tensor_parallel_size: 2}",
        "bad.yaml:1: model.tensor_parallel_size: 'tensor_parallel_size' belongs to model, as tensor_para",
    ),
    (
        "model: {kv_cache_dtype: fp8}",
        "bad.yaml:1: model: 'kv_cache_dtype' belongs to model, as kv_dtype; write model: {preset: llama-",
    ),
    (
        "scheduler: {max_model_len: 4096}",
        "bad.yaml:1: scheduler.max_model_len: 'max_model_len' belongs to the top level; write max_model_len: 4096",
    ),
    (
        "memory: {mem_fraction_static: 0.8}",
        "bad.yaml:1: memory: 'mem_fraction_static' belongs to memory, as gpu_memory_utilization; write m",
    ),
    ("weights: 26GB", "bad.yaml:1: weights: 'weights' belongs to memory; write memory: {weights: 26GB}"),
    ("prompt: 64", "bad.yaml:1: prompt: 'prompt' belongs to workload; write workload: {prompt: 64}"),
    (
        "quantization: fp8",
        "bad.yaml:1: quantization: 'quantization' is not modelled (give the bytes of the quantized weights as",
    ),
    ("memory: {gpu: a100}", "bad.yaml:1: memory.gpu: unknown GPU 'a100'; did you mean a100-40gb or a100-80gb?"),
    (
        "memory: {gpu: a100-40gb, gpu_memory_utilization: 1.2}",
        "bad.yaml:1: memory.gpu_memory_utilization: 1.2 is too large; write at most 1",
    ),
    (
        "memory: {gpu: a100-40gb, engine: tgi-3}",
        "bad.yaml:1: memory.engine: 'tgi-3' is no engine that is known; write an engine with its version, such as vllm",
    ),
    ("memory: {gpu: gtx-9000}", "bad.yaml:1: memory.gpu: unknown GPU 'gtx-9000'; `paged-sim list gpus` shows those"),
    ("memory: {gpu: {size: 94GiB}}", "bad.yaml:1: memory.gpu.size: unknown key 'size'; write memory"),
    (
        "memory: {gpu: a100-40gb, weights: lots}",
        "bad.yaml:1: memory.weights: unknown 'lots'; write auto, or bytes as a number, or a number with B,",
    ),
    ("memory: {weights: auto}", "bad.yaml:1: memory.gpu: missing; give it, for example gpu: a100-40gb"),
    (
        "memory: {kv_cache: 12GiB}",
        "bad.yaml: model: missing; give it, for example model: opt-13b; the memory is in bytes, so the",
    ),
    (
        "memory: {kv_cache: 99999999TiB}",
        "bad.yaml:1: memory.kv_cache: '99999999TiB' is too large; write a smaller number",
    ),
    ("memory:", "bad.yaml:1: memory: no value; give {kv_cache: ...} or {slots: ...} or {pages: ...} or {gpu: ...}"),
    (
        "memory: {pages: 9}\nallocators: [{name: a, policy: contiguous}]",
        "bad.yaml:1: memory.pages: a has no pages; give memory in slots or kv_cache",
    ),
    (
        "memory: {pages: 9}\nallocators: [{name: a, policy: paged}, {name: b, policy: paged, page_size: 8}]",
        "bad.yaml:1: memory.pages: allocators differ in page_size; give memory in slots or kv_cache",
    ),
]


@pytest.mark.parametrize(("lines", "message"), BAD_KEYS)
def test_bad_model_or_memory(lines: str, message: str) -> None:
    assert refusal(text_with(lines)).startswith(message)
