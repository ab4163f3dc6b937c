"""The scenario as frozen data: what a file says once its units, defaults and presets are resolved.

Quantities are plain numbers in base units: tokens or slots, bytes, seconds, requests per second. Where the file offers
several ways of saying one thing, the field is a `Variant`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several ways to say a thing: `kind` names the way, `params` holds its values.

    model:      preset {preset, kv_dtype?, tensor_parallel?} | hf_config {path, kv_dtype?, tensor_parallel?}
                | explicit {layers, kv_heads, head_dim, dtype, kv_dtype?, tensor_parallel?} | bytes_per_slot {bytes}
    memory:     kv_cache {bytes} | slots {slots} | pages {pages} | gpu {gpu, gpu_memory_utilization, weights,
                activations?, non_torch?, engine?} (gpu: a name or {memory}; weights: "auto" or bytes) | log {path}
    lengths:    constant {value} | uniform {low, high} | normal {mean, std, min, max} | lognormal {mean, sigma}
                | gamma {mean, cv} | histogram {preset} or {first_edge, bin_width, counts} | quantiles {points}
                (list of [probability, value]) | choice {values, weights?} | values {values} (taken in order)
    max_tokens: constant {value} | output {} | factor {factor}
    arrival:    saturated {} | poisson {rate} | gamma {rate, cv} | on_off {rate, on, off} | every {interval}
                | users {users, think}
    clock:      step {} | linear {base, per_sequence, per_prefill_token}
    """

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListedRequest:
    """One request written out in the scenario."""

    prompt: int
    output: int
    max_tokens: int | None = None
    arrival: float = 0.0


@dataclass(frozen=True, slots=True)
class Prefix:
    """Shared system prompts: `share` of the requests begin with one of `groups` prompts of `tokens` tokens."""

    groups: int
    tokens: int
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class TraceSource:
    """Recorded requests in place of generated ones, from one file or several."""

    paths: tuple[Path, ...]
    format: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    block_size: int | None = None
    tokenizer: Path | None = None
    limit: int | None = None
    skip: int = 0
    speedup: float = 1.0
    answers: bool = True

    @property
    def path(self) -> Path:
        """The first file."""
        return self.paths[0]


@dataclass(frozen=True, slots=True)
class Beam:
    """Beam search: `width` beams a request, each of which continues itself with probability `keep`, else any."""

    width: int
    keep: float = 0.0


@dataclass(frozen=True, slots=True)
class Workload:
    """Where the requests come from: `trace`, `listed` or `count` of them drawn from `prompt` and `output`."""

    count: int | None
    prompt: Variant | None
    output: Variant | None
    max_tokens: Variant
    arrival: Variant
    listed: tuple[ListedRequest, ...] = ()
    samples: int = 1
    beam: Beam | None = None
    prefix: Prefix | None = None
    trace: TraceSource | None = None


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Limits and rules of continuous batching."""

    max_num_seqs: int = 256
    max_num_batched_tokens: int = 8192
    prefill: str = "chunked"
    preemption: str = "recompute"
    watermark: float = 0.0
    reserve_full_prompt: bool = True


@dataclass(frozen=True, slots=True)
class AllocatorSpec:
    """One allocation policy to run. Fields a policy does not use keep their defaults."""

    name: str
    policy: str
    reserve: str = "max"
    placement: str = "first_fit"
    chunk: int = 256
    page_size: int = 16
    null_page: bool = False
    prefix_cache: str = "none"
    eviction: str = "lru"


@dataclass(frozen=True, slots=True)
class ArenaSpec:
    """The memory: `payload` is "tag", "full", "none" or a number of bytes a slot (a multiple of 8)."""

    device: str = "auto"
    payload: str | int = "tag"
    check: str = "all"
    poison: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """When measuring starts and how many rows of the timeline are kept."""

    warmup_requests: int = 0
    samples: int = 2000


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation on a number of the JSON: `path` names it, `expression` is as written, `where` is file:line.

    `level` says what a failure is: "error" fails `paged-sim check`, "warn" is only shown.
    """

    path: str
    expression: str
    where: str
    level: str = "error"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario. `origins` says for each key path where its value came from (flag, file, preset, default)."""

    name: str
    seed: int
    repeats: int
    model: Variant
    memory: Variant
    max_model_len: int
    workload: Workload
    scheduler: Scheduler
    clock: Variant
    allocators: tuple[AllocatorSpec, ...]
    arena: ArenaSpec
    measure: Measure
    checks: tuple[Check, ...]
    origins: Mapping[str, str]
    source: Path | None = None
    version: int = 1
