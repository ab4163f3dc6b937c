"""Bad scenarios and bad flags: each is refused with one line that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_samples import FULL

from paged_sim.errors import PagedSimError
from paged_sim.scenario import load_scenario, load_text, reference

# A row changes these lines (its own come first) and says how the message begins.
GOOD = {
    "memory": "memory: {slots: 1000}",
    "workload": "workload: {requests: 4, prompt: 5, output: 3}",
    "allocators": "allocators: [{name: vllm, policy: paged}]",
}

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
    # the source of requests
    ("workload: {prompt: 5, output: 3}", "bad.yaml:1: workload.requests: missing; give it, for example requests: 4000"),
    (
        "workload: {requests: 4, output: 3}",
        "bad.yaml:1: workload.prompt: missing; give it, for example prompt: {uniform: [1, 512]}",
    ),
    ("workload: {requests: 4, prompt: 5}", "bad.yaml:1: workload.output: missing; give it, for example output: 64"),
    ("workload: [5]", "bad.yaml:1: workload: expected a mapping with requests, prompt, output, max_tokens, arrival,"),
    (
        "workload: {requests: [], prompt: 5}",
        "bad.yaml:1: workload.requests: the list is empty; give a list, each item a mapping with prompt,",
    ),
    (
        "workload: {requests: [{prompt: 5}]}",
        "bad.yaml:1: workload.requests.0.output: missing; give it, for example output: 4",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 2, outptu: 3}]}",
        "bad.yaml:1: workload.requests.0.outptu: unknown key 'outptu'; did you mean output?",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9, max_tokens: 3}]}",
        "bad.yaml:1: workload.requests.0: output 9 is above its max_tokens 3; raise the limit",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9}], prompt: 5}",
        "bad.yaml:1: workload.prompt: given beside a list of requests, which has its own; remove it",
    ),
    (
        "workload: {requests: [5, 6]}",
        "bad.yaml:1: workload.requests.0: expected a mapping with prompt, output, max_tokens and arrival,",
    ),
    (
        "workload: {requests: 0, prompt: 5, output: 3}",
        "bad.yaml:1: workload.requests: 0 is too small; write at least 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, samples: 300}",
        "bad.yaml:1: workload.samples: 300 sequences of one request never run together with max_num_seqs 256; raise",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, beam: 300}",
        "bad.yaml:1: workload.beam.width: 300 sequences of one request never run together with max_num_seqs 256; raise",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, samples: 2, beam: {width: 4}}",
        "bad.yaml:1: workload.beam: ",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, beam: {width: 4, keep: 2}}",
        "bad.yaml:1: workload.beam.keep: 2 is too large; write at most 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, promt: 3}",
        "bad.yaml:1: workload.promt: unknown key 'promt'; did you mean prompt?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, max_tokens: outptu}",
        "bad.yaml:1: workload.max_tokens: 'outptu' will not do; did you mean output?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, max_tokens: {factor: 0.5}}",
        "bad.yaml:1: workload.max_tokens.factor: 0.5 is too small; write at least 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, trace: t.csv}",
        "bad.yaml:1: workload.trace: given beside requests, which it replaces; leave one of them out",
    ),
    (
        "workload: {trace: nowhere.csv}",
        "bad.yaml:1: workload.trace.file: the file 'nowhere.csv' is not there; check the path",
    ),
    (
        "workload: {trace: {limit: 5}}",
        "bad.yaml:1: workload.trace.file: missing; give it, for example file: requests.csv",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, prefix: {groups: 2, tokens: 5, share: 60}}",
        "bad.yaml:1: workload.prefix.share: 60 is too large; write at most 1",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, prefix: 3}",
        "bad.yaml:1: workload.prefix: expected a mapping with groups, tokens and share, found text",
    ),
    (
        "workload: {requests: 4, prompt: 2040, output: 3, prefix: {groups: 2, tokens: 200}}",
        "bad.yaml:1: workload.prompt: a prompt of 2040 after a prefix of 200 leaves no room for the output",
    ),
    (
        "workload: {requests: 4, prompt: 2048, output: 3}",
        "bad.yaml:1: workload.prompt: a prompt of 2048 leaves no room for the output in max_model_len",
    ),
    ("workload: {requests: 4, prompt: 0, output: 3}", "bad.yaml:1: workload.prompt: 0 is too small; write at least 1"),
    (
        "workload: {requests: 4, prompt: five, output: 3}",
        "bad.yaml:1: workload.prompt: 'five' will not do; give an integer >= 1, <= 1,000,000,000 or",
    ),
    (
        "workload: {requests: 1e12, prompt: 5, output: 3}",
        "bad.yaml:1: workload.requests: 1e12 is too large; write at most 100,000,000",
    ),
    (
        "workload: {trace: {file: pyproject.toml, format: azur}}",
        "bad.yaml:1: workload.trace.format: unknown trace format 'azur'; did you mean azure?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: {values: [1, 2]}}",
        "bad.yaml:1: workload.output.values: 2 values for 4 requests; give one for each",
    ),
    # lengths
    (
        "workload: {requests: 4, prompt: {uniform: [9, 3]}, output: 3}",
        "bad.yaml:1: workload.prompt.uniform: low 9 is above high 3; swap them",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: 5}, output: 3}",
        "bad.yaml:1: workload.prompt.uniform: expected [low, high], such as [1, 512]",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: [0, 5]}, output: 3}",
        "bad.yaml:1: workload.prompt.uniform: 0 is too small; write at least 1",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: [3000, 4000]}, output: 3}",
        "bad.yaml:1: workload.prompt: a prompt of 3000 leaves no room for the output in max_model_len",
    ),
    (
        "workload: {requests: 4, prompt: {unifrom: [1, 5]}, output: 3}",
        "bad.yaml:1: workload.prompt: unknown key 'unifrom'; did you mean uniform?",
    ),
    (
        "workload: {requests: 4, prompt: {constant: 40}, output: 3}",
        "bad.yaml:1: workload.prompt: unknown key 'constant'; give an integer >= 1, <= 1,000,000,000 or {uniform: ...}",
    ),
    (
        "workload: {requests: 4, prompt: {uniform: [1, 5], gamma: {mean: 3, cv: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt: uniform and gamma are different ways to say it; give one of them",
    ),
    (
        "workload: {requests: 4, prompt: {normal: {mean: 5}}, output: 3}",
        "bad.yaml:1: workload.prompt.normal.std: missing; give it, for example std: 200",
    ),
    (
        "workload: {requests: 4, prompt: {normal: {mean: 5, std: 3, min: 9, max: 4}}, output: 3}",
        "bad.yaml:1: workload.prompt.normal: min 9 is above max 4; swap them",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 5}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: 1 numbers of it; give mean, median or a quantile such as",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 5, median: 6}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: mean 5 is not above the median 6, as it is in every log-",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {cv: 5, sigma: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: cv and sigma do not tell where and how wide it is; give ",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {p50: 9, p95: 8}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: the values of p50 and p95 do not rise; check both",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {p90: 9, std: 8}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: std and a quantile do not tell one distribution; give mean, median or",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 9, p90: 80}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: mean and a quantile do not tell one distribution; give mean, median or",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {p50: 9, median: 8}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: 'median' is no other quantile; write p1 to p99.9, each once",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {median: 9, sigma: 1e18}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal: its mean is beyond all bounds; check both numbers",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mu: 9, sigma: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal.mu: unknown key 'mu'; give mean, median or a quantile such as p50, and",
    ),
    (
        "workload: {requests: 4, prompt: {lognormal: {mean: 5, sigma: 0}}, output: 3}",
        "bad.yaml:1: workload.prompt.lognormal.sigma: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: {gamma: {mean: 5, cv: 0}}, output: 3}",
        "bad.yaml:1: workload.prompt.gamma.cv: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: {gamma: 5}, output: 3}",
        "bad.yaml:1: workload.prompt.gamma: expected a mapping with mean and cv, found text",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: sharegpt-promt}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram: unknown histogram 'sharegpt-promt'; did you mean",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: {first_edge: 1, bin_width: 0, counts: [1]}}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram.bin_width: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: {first_edge: 1, bin_width: 2, counts: [0, 0]}}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram.counts: all counts are 0; give at least one above 0",
    ),
    (
        "workload: {requests: 4, prompt: {histogram: {first_edge: 1, bin_width: 2}}, output: 3}",
        "bad.yaml:1: workload.prompt.histogram.counts: missing; give it, for example counts: [120, 80, 3]",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p50: 40}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: expected at least two quantiles, such as {p1: 5, p50: 40,",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p50: 40, p99: 30}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: the values fall while the quantiles rise; put them in order",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {median: 40, p99: 50}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: 'median' is no quantile; write p0 to p100, such as p50 or p99.9",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p5: 40, p05: 50}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: p05 is given twice; leave one out",
    ),
    (
        "workload: {requests: 4, prompt: {quantiles: {p5: 40, p101: 50}}, output: 3}",
        "bad.yaml:1: workload.prompt.quantiles: 'p101' is no quantile; write p0 to p100, such as p50 or p99.9",
    ),
    (
        "workload: {requests: 4, prompt: {choice: []}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: the list is empty; give a list, each item an integer >= 1, <=",
    ),
    (
        "workload: {requests: 4, prompt: {choice: {16: 0, 64: 0}}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: the weights sum to 0; give at least one above 0",
    ),
    (
        "workload: {requests: 4, prompt: {choice: {16: -1, 64: 3}}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: -1 is too small; write at least 0",
    ),
    (
        "workload: {requests: 4, prompt: {choice: {short: 1}}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: 'short' is not an integer; write an integer such as 16 or",
    ),
    (
        "workload: {requests: 4, prompt: {choice: 5}, output: 3}",
        "bad.yaml:1: workload.prompt.choice: expected [length, ...] or {length: weight, ...}, found text",
    ),
    (
        "workload: {requests: 4, prompt: {values: [1, 2, 3]}, output: 3}",
        "bad.yaml:1: workload.prompt.values: 3 values for 4 requests; give one for each",
    ),
    (
        "workload: {requests: 4, prompt: {values: 3}, output: 3}",
        "bad.yaml:1: workload.prompt.values: expected a list, each item an integer >= 1, <= 1,000,000,000,",
    ),
    (
        "workload: {requests: 4, prompt: {values: [1, two]}, output: 3}",
        "bad.yaml:1: workload.prompt.values.1: 'two' is not an integer; write an integer such as 16 or",
    ),
    # arrivals
    (
        "workload: {requests: [{prompt: 5, output: 9, arrival: 3}]}",
        "bad.yaml:1: workload.requests.0.arrival: '3' has no unit; write a number with ns, us, ms, s, min",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9, arrival: 3s}]}",
        "bad.yaml:1: workload.requests.0.arrival: requests arrive in time, but clock: step only counts",
    ),
    (
        "workload: {requests: [{prompt: 5, output: 9, arrival: 3s}], arrival: {poisson: 2/s}}\nclock: {base: 1ms}",
        "bad.yaml:1: workload.arrival: given beside the arrival of workload.requests.0; leave one of them out",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: poison}",
        "bad.yaml:1: workload.arrival: 'poison' will not do; did you mean poisson?",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2}}",
        "bad.yaml:1: workload.arrival.poisson: '2' has no unit; write a number per s, min or h, such as 2/s",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 0/s}}",
        "bad.yaml:1: workload.arrival.poisson: 0/s is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2/fortnight}}",
        "bad.yaml:1: workload.arrival.poisson: '2/fortnight' is not a rate; write a number per s, min or",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2/s}}",
        "bad.yaml:1: workload.arrival: requests arrive in time, but clock: step only counts steps; add a",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {gamma: {rate: 2/s, cv: 0}}}",
        "bad.yaml:1: workload.arrival.gamma.cv: 0 is too small; write more than 0",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {on_off: {rate: 20/s, on: 10s}}}",
        "bad.yaml:1: workload.arrival.on_off.off: missing; give it, for example off: 38s",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {every: 100}}",
        "bad.yaml:1: workload.arrival.every: '100' has no unit; write a number with ns, us, ms, s, min or",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {every: 5sec}}",
        "bad.yaml:1: workload.arrival.every: '5sec' is not a duration; write a number with ns, us, ms, s,",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {users: 3, think: 2s}}",
        "bad.yaml:1: workload.arrival: users think in time, but clock: step only counts steps; add a",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {users: 3, think: -2s}}",
        "bad.yaml:1: workload.arrival.think: -2s is too small; write at least 0",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {think: 2s}}",
        "bad.yaml:1: workload.arrival.users: missing; give it, for example users: 32",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: {poisson: 2/s, every: 3s}}",
        "bad.yaml:1: workload.arrival: poisson and every are different ways to say it; give one of them",
    ),
    (
        "workload: {requests: 4, prompt: 5, output: 3, arrival: burst}",
        "bad.yaml:1: workload.arrival: 'burst' will not do; did you mean users?",
    ),
    # the scheduler and the clock
    (
        "scheduler: {max_num_sqs: 3}",
        "bad.yaml:1: scheduler.max_num_sqs: unknown key 'max_num_sqs'; did you mean max_num_seqs?",
    ),
    (
        "scheduler: {max_num_seqs: 64, max_num_batched_tokens: 32}",
        "bad.yaml:1: scheduler.max_num_batched_tokens: max_num_batched_tokens 32 is below max_num_seqs 64;",
    ),
    (
        "scheduler: {max_num_seqs: 10000}",
        "bad.yaml:1: scheduler.max_num_seqs: max_num_batched_tokens 8192 is below max_num_seqs 10000; each",
    ),
    ("scheduler: {prefill: chunky}", "bad.yaml:1: scheduler.prefill: unknown 'chunky'; did you mean chunked?"),
    (
        "scheduler: {preemption: swap}",
        "bad.yaml:1: scheduler.preemption: 'swap' is not available in this version; write recompute or none",
    ),
    ("scheduler: {watermark: 1}", "bad.yaml:1: scheduler.watermark: 1 is too large; write less than 1"),
    ("scheduler: {watermark: 1‰}", "bad.yaml:1: scheduler.watermark: '1‰' is not a number; write a number such as 0.9"),
    ("scheduler: {watermark: 100%}", "bad.yaml:1: scheduler.watermark: 100% is too large; write less than 1"),
    (
        "scheduler: {reserve_full_prompt: yes}",
        "bad.yaml:1: scheduler.reserve_full_prompt: 'yes' is neither true nor false; write true or false",
    ),
    (
        "scheduler: {reserve_full_prompt: 'true'}",
        "bad.yaml:1: scheduler.reserve_full_prompt: 'true' is neither true nor false; write true or false",
    ),
    ("scheduler:", "bad.yaml:1: scheduler: no value; give its keys below it, or leave it out"),
    (
        "clock: {roofline: {gpu: a100-40gb}}",
        "bad.yaml:1: clock.roofline: 'roofline' is not available in this version; remove it",
    ),
    ("clock: {base: 0ms}", "bad.yaml:1: clock: a step would take no time; give base or per_sequence above 0"),
    (
        "clock: {base: 36}",
        "bad.yaml:1: clock.base: '36' has no unit; write a number with ns, us, ms, s, min or h, such as 5ms",
    ),
    ("clock: steps", "bad.yaml:1: clock: 'steps' will not do; did you mean step?"),
    ("clock: {}", "bad.yaml:1: clock: the mapping is empty; give step or {base: ...}"),
    ("clock: roofline", "bad.yaml:1: clock: 'roofline' is not available in this version; remove it"),
    ("clock: {bse: 36ms}", "bad.yaml:1: clock: unknown key 'bse'; did you mean base?"),
    (
        "clock: {base: 1h, per_sequnce: 1ms}",
        "bad.yaml:1: clock.per_sequnce: unknown key 'per_sequnce'; did you mean per_sequence?",
    ),
    # allocators
    ("allocators:", "bad.yaml:1: allocators: expected a list, each item a mapping with name, policy"),
    (
        "allocators: []",
        "bad.yaml:1: allocators: the list is empty; give a list, each item a mapping with name, policy,",
    ),
    (
        "allocators: {name: a, policy: paged}",
        "bad.yaml:1: allocators: expected a list, each item a mapping with name, policy, reserve,",
    ),
    ("allocators: [{policy: paged}]", "bad.yaml:1: allocators.0.name: missing; give it, for example name: vllm"),
    ("allocators: [{name: a}]", "bad.yaml:1: allocators.a.policy: missing; give it, for example policy: paged"),
    (
        "allocators: [{name: a b, policy: paged}]",
        "bad.yaml:1: allocators.0.name: 'a b' will not do; write a name of letters, digits, - and _, with",
    ),
    (
        "allocators: [{name: '7', policy: paged}]",
        "bad.yaml:1: allocators.7.name: '7' will not do; write a name of letters, digits, - and _, with a",
    ),
    ("allocators: [{name: a, policy: pagd}]", "bad.yaml:1: allocators.a.policy: unknown 'pagd'; did you mean paged?"),
    (
        "allocators: [{name: a, policy: vmm}]",
        "bad.yaml:1: allocators.a.policy: 'vmm' is not available in this version; write contiguous or paged",
    ),
    (
        "allocators: [{name: a, policy: vmm}]",
        "bad.yaml:1: allocators.a.policy: 'vmm' is not available in this version; write contiguous or paged",
    ),
    (
        "allocators: [{name: a, policy: paged, reserve: max}]",
        "bad.yaml:1: allocators.a.reserve: only policy: contiguous uses it; remove it",
    ),
    (
        "allocators: [{name: a, policy: contiguous, page_size: 16}]",
        "bad.yaml:1: allocators.a.page_size: only policy: paged uses it; remove it",
    ),
    (
        "allocators: [{name: a, policy: contiguous, chunk: 16}]",
        "bad.yaml:1: allocators.a.chunk: only reserve: grow uses it; remove it",
    ),
    (
        "allocators: [{name: a, policy: contiguous, reserve: most}]",
        "bad.yaml:1: allocators.a.reserve: unknown 'most'; write one of max, limit, pow2, oracle, grow",
    ),
    (
        "allocators: [{name: a, policy: contiguous, placement: worst}]",
        "bad.yaml:1: allocators.a.placement: unknown 'worst'; did you mean worst_fit?",
    ),
    (
        "allocators: [{name: a, policy: paged}, {name: a, policy: paged}]",
        "bad.yaml:1: allocators.1.name: 'a' is the name of two allocators; rename one",
    ),
    (
        "allocators: [{name: a, policy: paged, page_size: 16, block_size: 16}]",
        "bad.yaml:1: allocators.a.page_size: page_size and block_size mean the same; give one of them",
    ),
    (
        "allocators: [{name: a, policy: paged, block_size: 0}]",
        "bad.yaml:1: allocators.a.page_size: 0 is too small; write at least 1",
    ),
    (
        "allocators: [{name: a, policy: paged, vmm: true}]",
        "bad.yaml:1: allocators.a.vmm: 'vmm' is not available in this version; remove it",
    ),
    (
        "allocators: [paged]",
        "bad.yaml:1: allocators.0: expected a mapping with name, policy, reserve, placement, chunk,",
    ),
    (
        "allocators: \n  - name: a\n    policy: paged\n    page_sze: 16",
        "bad.yaml:4: allocators.a.page_sze: unknown key 'page_sze'; did you mean page_size?",
    ),
    (
        "allocators: [{name: a, policy: paged, layer_groups: 2}]",
        "bad.yaml:1: allocators.a.layer_groups: 'layer_groups' is not available in this version; remove it",
    ),
    # the arena, measuring and checks
    ("arena: {device: gpu}", "bad.yaml:1: arena.device: 'gpu' will not do; write auto, cpu, cuda or cuda:N"),
    ("arena: {payload: 12}", "bad.yaml:1: arena.payload: 12 is not a multiple of 8; write one"),
    (
        "arena: {payload: big}",
        "bad.yaml:1: arena.payload: unknown 'big'; write one of tag, full, none, or an integer such as 16",
    ),
    (
        "arena: {payload: full}",
        "bad.yaml: model: missing; give it, for example model: opt-13b; payload: full writes the model's",
    ),
    ("arena: {check: some}", "bad.yaml:1: arena.check: unknown 'some'; did you mean sample?"),
    ("arena: {poison: 1}", "bad.yaml:1: arena.poison: '1' is neither true nor false; write true or false"),
    (
        "measure: {warmup_requests: 4}",
        "bad.yaml:1: measure.warmup_requests: 4 of 4 requests would leave nothing to measure; write less than 4",
    ),
    ("measure: {warmup_requests: -1}", "bad.yaml:1: measure.warmup_requests: -1 is too small; write at least 0"),
    ("measure: {samples: 0}", "bad.yaml:1: measure.samples: 0 is too small; write at least 1"),
    (
        "checks: [1]",
        'bad.yaml:1: checks: expected paths with expressions, such as vllm.batch.mean: ">= 4", found a list',
    ),
    (
        "checks: {vllm: '>= 1'}",
        "bad.yaml:1: checks: 'vllm' is no path; write allocator.key.key, such as vllm.batch.mean",
    ),
    ("checks: {vlm.batch.mean: '>= 1'}", "bad.yaml:1: checks.vlm.batch.mean: no allocator 'vlm'; did you mean vllm?"),
    (
        "checks: {vllm.batch.mean: '=> 1'}",
        'bad.yaml:1: checks.vllm.batch.mean: \'=> 1\' is no expectation; write ">= 0.95", "p99 < 0.06", "0.204 +-',
    ),
    (
        "checks:\n  vllm.batch.mean:\n    - '>= 1'\n    - {check: '!= 1', level: warn}",
        "bad.yaml:4: checks.vllm.batch.mean: '!= 1' is no expectation; write",
    ),
    (
        "checks: {vllm.batch.mean: {check: 3, level: fatal}}",
        "bad.yaml:1: checks.vllm.batch.mean: unknown level 'fatal'; write one of warn, error",
    ),
    (
        "checks: {vllm.batch.mean: {check: 3, levl: warn}}",
        "bad.yaml:1: checks.vllm.batch.mean: unknown key 'levl'; did you mean level?",
    ),
    (
        "checks: {vllm.batch.mean: {level: warn}}",
        'bad.yaml:1: checks.vllm.batch.mean: the check is missing; write {check: ">= 0.95", level: warn}',
    ),
    (
        "checks: {vllm.batch.mean: {check: [3], level: warn}}",
        'bad.yaml:1: checks.vllm.batch.mean: expected an expression such as ">= 0.95", found a list',
    ),
    (
        "checks:\n  vllm.batch.mean: > baseline",
        'bad.yaml:2: YAML reads > as the start of a text block; quote the expression: ">= 0.9"',
    ),
    (
        "checks: {vllm.batch.mean: '1 +- -1'}",
        "bad.yaml:1: checks.vllm.batch.mean: the tolerance in '1 +- -1' is negative; write it without a sign",
    ),
    (
        "checks: {vllm.batch.mean: }",
        'bad.yaml:1: checks.vllm.batch.mean: no value; give an expression such as ">= 0.95"',
    ),
    (
        "checks: {'a b.c': '>= 1'}",
        "bad.yaml:1: checks: 'a b.c' is no path; write allocator.key.key, such as vllm.batch.mean",
    ),
    (
        "checks:\n  vllm.batch.mean: >= 3",
        'bad.yaml:2: YAML reads > as the start of a text block; quote the expression: ">= 0.9"',
    ),
    (
        "checks: {vllm.batch.mean: [ '>= 1', '=2']}",
        "bad.yaml:1: checks.vllm.batch.mean: '=2' is no expectation; write",
    ),
    ("measure: {samples: 1e9}", "bad.yaml:1: measure.samples: 1e9 is too large; write at most 1,000,000"),
    (
        "trace: t.csv",
        "bad.yaml:1: trace: 'trace' belongs to workload; write workload: {trace: t.csv}",
    ),
    (
        "checks: {vllm.batch.mean: '>= high'}",
        'bad.yaml:1: checks.vllm.batch.mean: \'>= high\' is no expectation; write ">= 0.95", "p99 < 0.06",',
    ),
]

BAD_FILES = [
    ("", "bad.yaml: the file holds nothing; `paged-sim init` writes a scenario to start from"),
    ("# nothing\n", "bad.yaml: the file holds nothing; `paged-sim init` writes a scenario to start from"),
    ("- a\n- b\n", "bad.yaml:1: a scenario is a mapping of keys such as memory and workload, not a list"),
    ("hello", "bad.yaml:1: a scenario is a mapping of keys such as memory and workload, not text"),
    ("a: [1", "bad.yaml:1: broken YAML"),
    ("memory: {slots: 5}\nmemory: {slots: 6}", "bad.yaml:2: key 'memory' is given twice (first at bad.yaml:1)"),
    ("memory:\n\tslots: 5", "bad.yaml:2: a tab at the start of the line; indent with spaces"),
    (
        "seed: !!python/object:os.system 3\n",
        "bad.yaml:1: the tag 'tag:yaml.org,2002:python/object:os.system' is not supported; remove it",
    ),
    ("seed: !mine 3", "bad.yaml:1: the tag '!mine' is not supported; remove it"),
    ("a: 1\n---\nb: 1\n", "bad.yaml:2: a second document begins here; a file holds one scenario"),
    ("memory: &a {x: *a}", "bad.yaml:1: nested too deeply, or a value inside itself; a scenario is flat"),
    ("seed: *nope", "bad.yaml:1: broken YAML"),
    ("? [1]\n: 2\n", "bad.yaml:1: a key must be a plain word, not a list or a mapping"),
    ("<<: 5\n", "bad.yaml:1: << takes a mapping or a list of mappings; give it an alias such as *base"),
    ("seed: '1\n", "bad.yaml:1: broken YAML"),
    ("memory: {slots: 5}\x00", "bad.yaml: a character that YAML does not allow in text; remove it"),
]

BAD_FLAGS = [
    ("scheduler.max_num_sqs=3", "--set scheduler.max_num_sqs=3: unknown key 'max_num_sqs'; did you mean max_num_seqs?"),
    ("seed", "--set seed: expected path=value, such as scheduler.max_num_seqs=64"),
    ("=3", "--set =3: expected path=value, such as scheduler.max_num_seqs=64"),
    ("seed=", "--set seed=: no value; give an integer >= 0"),
    ("a..b=3", "--set a..b=3: expected path=value, such as scheduler.max_num_seqs=64"),
    ("name=\udcff", "--set name=\\udcff: a character that YAML does not allow in text; remove it"),
    ("seed=x", "--set seed=x: 'x' is not an integer; write an integer such as 16 or 1_000_000"),
    ("seed.x=1", "--set seed.x=1: expected an integer >= 0, found a mapping"),
    ("allocators.vlm.page_size=3", "--set allocators.vlm.page_size=3: there is no item 'vlm'; did you mean vllm?"),
    ("allocators.3.page_size=3", "--set allocators.3.page_size=3: there is no item '3'; write vllm"),
    ("allocators.vllm.page_sze=3", "--set allocators.vllm.page_sze=3: unknown key 'page_sze'; did you mean page_size?"),
    (
        "workload.requests.0.prompt=3",
        "--set workload.requests.0.prompt=3: there is no list to change; set the whole list",
    ),
    ("memory.slot=3", "--set memory.slot=3: unknown key 'slot'; did you mean slots?"),
    (
        "memory.kv_cache=12GB",
        "bad.yaml: model: missing; give it, for example model: opt-13b; the memory is in bytes, so the",
    ),
    (
        "memory.gpu=a100-41gb",
        "--set memory.gpu=a100-41gb: unknown GPU 'a100-41gb'; did you mean a100-40gb or a100-80gb? Or give its memory",
    ),
    (
        "workload.arrival={poisson: 2}",
        "--set workload.arrival={poisson: 2}: workload.arrival.poisson: '2' has no unit; write a number",
    ),
    (
        "workload.arrival.poisson=2/s",
        "--set workload.arrival.poisson=2/s: requests arrive in time, but clock: step only counts steps;",
    ),
    ("memory={slots: 5", "--set memory={slots: 5: broken YAML"),
    ("checks.vlm.batch.mean=>= 3", "--set checks.vlm.batch.mean=>= 3: no allocator 'vlm'; did you mean vllm?"),
    ("arena.device=gpu", "--set arena.device=gpu: 'gpu' will not do; write auto, cpu, cuda or cuda:N"),
    (
        "scheduler.preemption=swap",
        "--set scheduler.preemption=swap: 'swap' is not available in this version; write recompute or none",
    ),
    (
        "allocators.vllm.policy=vmm",
        "--set allocators.vllm.policy=vmm: 'vmm' is not available in this version; write contiguous or",
    ),
    (
        "workload.trace=none.csv",
        "--set workload.trace=none.csv: workload.trace.file: the file 'none.csv' is not there; check the path",
    ),
    ("schedler.max_num_seqs=3", "--set schedler.max_num_seqs=3: unknown key 'schedler'; did you mean scheduler?"),
    ("allocators.vllm.page_size=0", "--set allocators.vllm.page_size=0: 0 is too small; write at least 1"),
    (
        "workload.prompt={uniform: [5, 1]}",
        "--set workload.prompt={uniform: [5, 1]}: workload.prompt.uniform: low 5 is above high 1; swap them",
    ),
    (
        "clock.roofline={gpu: a100-40gb}",
        "--set clock.roofline={gpu: a100-40gb}: 'roofline' is not available in this version; remove it",
    ),
    ("max_model_len=4", "bad.yaml:3: workload.prompt: a prompt of 5 leaves no room for the output in max_model_len 4;"),
    (
        "measure.warmup_requests=9",
        "--set measure.warmup_requests=9: 9 of 4 requests would leave nothing to measure; write less than 4",
    ),
    ("memory=", "--set memory=: no value; give {kv_cache: ...} or {slots: ...} or {pages: ...} or {gpu: ...}"),
    ("seed=[1", "--set seed=[1: broken YAML"),
]


def text_with(lines: str) -> str:
    """The good scenario with some of its lines replaced."""
    changed = [line.partition(":")[0] for line in lines.splitlines()]
    return "\n".join([lines, *(line for key, line in GOOD.items() if key not in changed)])


def refusal(text: str, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(PagedSimError) as caught:
        load_text(text, "bad.yaml", overrides=overrides)
    assert caught.value.exit_code == 2
    message = str(caught.value)
    assert message.isprintable(), "one line"
    assert len(message) < 320
    return message


def test_the_good_scenario_is_good() -> None:
    assert load_text(text_with("seed: 1"), "bad.yaml").seed == 1


@pytest.mark.parametrize(("lines", "message"), BAD_KEYS)
def test_bad_key(lines: str, message: str) -> None:
    assert refusal(text_with(lines)).startswith(message)


def test_impossible_file_name() -> None:
    lines = f"workload: {{trace: {'x' * 300}}}"
    assert refusal(text_with(lines)).endswith("is no possible file name; check the path")


@pytest.mark.parametrize(("text", "message"), BAD_FILES)
def test_bad_file(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(("assignment", "message"), BAD_FLAGS)
def test_bad_set(assignment: str, message: str) -> None:
    assert refusal(text_with("seed: 1"), (assignment,)).startswith(message)


def test_bad_device_flag_names_the_flag() -> None:
    with pytest.raises(PagedSimError, match=r"^--device gpu: 'gpu' will not do; write auto, cpu, cuda or cuda:N$"):
        load_text(text_with("seed: 1"), device="gpu")


def test_bad_seed_flag_names_the_flag() -> None:
    with pytest.raises(PagedSimError, match=r"^--seed -1: -1 is too small; write at least 0$"):
        load_text(text_with("seed: 1"), seed=-1)


def test_bad_trace_flag_names_the_flag() -> None:
    with pytest.raises(PagedSimError, match=r"^--trace no.csv: the file 'no.csv' is not there; check the path$"):
        load_text(text_with("seed: 1"), trace="no.csv")


def test_deep_nesting_is_refused() -> None:
    assert "bad.yaml:1" in refusal("a: " + "[" * 40 + "]" * 40)


def test_without_the_c_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert refusal("a: " + "[" * 3000) == "bad.yaml: lists or mappings are nested too deeply; a scenario is flat"
    assert refusal("a: [1").startswith("bad.yaml:1: broken YAML: ")
    assert refusal("memory:\n\tslots: 5").startswith("bad.yaml:2: a tab")


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_scenario_loads_or_is_refused_in_one_line(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(FULL)))
    stop = data.draw(st.integers(start, min(start + 12, len(FULL))))
    damage = data.draw(st.one_of(st.text(max_size=4), st.text("{}[]:,-#&*!|>'\"%@\n\t 0123456789.eE+/_~<", max_size=6)))
    try:
        load_text(FULL[:start] + damage + FULL[stop:], "bad.yaml")
    except PagedSimError as error:
        assert str(error).isprintable()


@settings(max_examples=150)
@given(
    st.sampled_from([row.path.replace("[]", ".0") for row in reference()]),
    st.one_of(
        st.text(max_size=6), st.text("{}[]:,-&*!|>'\"019.eE+/", max_size=6), st.sampled_from(["5", "{}", "[1, 2]"])
    ),
)
def test_any_value_of_any_key_loads_or_is_refused_in_one_line(path: str, value: str) -> None:
    try:
        load_text(FULL, "bad.yaml", overrides=[f"{path}={value}"])
    except PagedSimError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such.yaml", "no/such.yaml: no such file; check the path, or see `paged-sim list`"),
        ("no\0name.yaml", "no\\x00name.yaml: cannot be read: no possible file name"),
        ("x" * 300 + ".yaml", "x" * 300 + ".yaml: cannot be read: File name too long"),
    ],
)
def test_bad_path(source: str, message: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        load_scenario(source)
    assert str(caught.value) == message


def test_folder_in_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.yaml").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("folder.yaml", "folder"):
        with pytest.raises(PagedSimError, match=rf"^{name}: a directory; give one scenario file in it$"):
            load_scenario(name)


def test_text_that_is_not_utf8_names_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"seed: 1\n# caf\xe9\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PagedSimError, match=r"^latin.yaml:2: not UTF-8 text; save the file as UTF-8$"):
        load_scenario("latin.yaml")
