"""Scenarios that must load, shared by the tests of loading, dumping and the JSON Schema."""

from __future__ import annotations

FULL = """\
# The systems of a well-known figure
version: 1
name: vllm-fig2
seed: 42
repeats: 5
model: opt-13b
memory: {kv_cache: 12GiB}
max_model_len: 2048
workload:
  requests: 4000
  prompt: {histogram: sharegpt-prompt}
  output: {histogram: sharegpt-output}
  max_tokens: 2048
  arrival: saturated
  samples: 1
  prefix: {groups: 8, tokens: 200, share: 0.6}
scheduler:
  max_num_seqs: 256
  max_num_batched_tokens: 8192
  prefill: whole
  preemption: recompute
  watermark: 0
  reserve_full_prompt: true
clock: step
allocators:
  - {name: orca-max,    policy: contiguous, reserve: max,    placement: buddy}
  - {name: orca-pow2,   policy: contiguous, reserve: pow2,   placement: buddy}
  - {name: orca-oracle, policy: contiguous, reserve: oracle, placement: buddy}
  - {name: vllm,        policy: paged, page_size: 16, null_page: false}
arena: {device: auto, payload: tag, check: all}
measure: {warmup_requests: 0, samples: 2000}
checks:
  vllm.occupancy.saturated.mean: ">= 0.95"
  orca-max.paper_view.token_state: "0.204 +- 0.02"
"""

MINIMAL = {
    "memory": "memory: {slots: 1000}",
    "workload": "workload: {requests: 4, prompt: 5, output: 3}",
    "allocators": "allocators: [{name: vllm, policy: paged}]",
}

LENGTHS = [
    "7",
    "1e3",
    "1_000",
    "{uniform: [1, 512]}",
    "{normal: {mean: 500, std: 200}}",
    "{normal: {mean: 500, std: 0, min: 200, max: 2048}}",
    "{lognormal: {mean: 160.5, sigma: 1.1}}",
    "{gamma: {mean: 340, cv: .8}}",
    "{histogram: sharegpt-prompt}",
    "{histogram: {first_edge: 1, bin_width: 15.5, counts: [3, 0, 2.5]}}",
    "{quantiles: {p1: 5, p50: 40, p99.9: 900}}",
    "{choice: [16, 64, 256]}",
    "{choice: {16: 0.5, 64: 0.5}}",
    "{values: [3, 1, 4, 1]}",
]

ARRIVALS = [
    "saturated",
    "{poisson: 2/s}",
    "{poisson: 1e1 / h}",
    "{gamma: {rate: 30/min, cv: 3}}",
    "{on_off: {rate: 20/s, on: 10s, off: 38s}}",
    "{every: 100ms}",
    "{users: 32}",
    "{users: 32, think: 2s}",
    "{users: 32, think: 0}",
]

OTHERS = [
    "model: {preset: llama-3-70b, kv_dtype: fp8, tensor_parallel: 8}",
    "model: {layers: 40, kv_heads: 40, head_dim: 128, dtype: float16}",
    "model: {bytes_per_slot: 800KiB}\nmemory: {kv_cache: 1GB}",
    "model: opt-13b\nmemory: {gpu: a100-40gb}",
    "model: opt-13b\nmemory: {gpu: a100-40gb, gpu_memory_utilization: 0.95, weights: 26GB}",
    "model: opt-13b\nmemory: {kv_cache: 12884901888}",
    "memory: {pages: 600}",
    "name: 2024",
    "max_model_len: 1e4",
    "workload: {requests: [{prompt: 7, output: 4, max_tokens: 2041}, {prompt: 1, output: 1}]}",
    "workload: {requests: [{prompt: 7, output: 4, arrival: 1.5s}]}\nclock: {base: 1ms}",
    "workload: {requests: 3, prompt: 5, output: 5, max_tokens: output}",
    "workload: {requests: 3, prompt: 5, output: 5, max_tokens: {factor: 2}}",
    "workload: {prompt: {values: [3, 4]}, output: 5}",
    "clock: {base: 36ms, per_sequence: 0.29ms, per_prefill_token: 250us}",
    "clock: {per_sequence: 0.29ms}",
    "allocators: [{name: a, policy: contiguous, reserve: grow, chunk: 64, placement: next_fit}]",
    "allocators: [{name: a, policy: paged, block_size: 32}, {name: b-2, policy: paged, tokens_per_block: 8}]",
    "arena: {payload: 64, check: finish, poison: true, device: 'cuda:1'}",
    "arena: {payload: none, check: none}",
    "checks: {vllm.steps: 7, vllm.batch.mean: [<= 3, '>=  1', 2 +- 0.5]}",
    "checks: {vllm.batch: p99 < 3, vllm.steps: [{check: '== baseline', level: warn}, {check: <= baseline * 1.02}]}",
    "scheduler: {watermark: 0.01, preemption: none, prefill: chunked, reserve_full_prompt: False}",
    "measure: {warmup_requests: 3}",
]


def minimal(lines: str) -> str:
    """The smallest scenario with some of its lines replaced by `lines`, which come first."""
    changed = [line.partition(":")[0] for line in lines.splitlines()]
    return "\n".join([lines, *(line for key, line in MINIMAL.items() if key not in changed)])


def valid_scenarios() -> list[str]:
    """Scenarios that together use every form of every key."""
    return [
        FULL,
        minimal(""),
        *(minimal(f"workload: {{requests: 4, prompt: {lengths}, output: {lengths}}}") for lengths in LENGTHS),
        *(
            minimal(f"workload: {{requests: 4, prompt: 5, output: 3, arrival: {arrival}}}\nclock: {{base: 1ms}}")
            for arrival in ARRIVALS
        ),
        *(minimal(lines) for lines in OTHERS),
    ]
