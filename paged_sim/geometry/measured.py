"""The capacity of a server as its start-up log measured it, beside what would have been estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.geometry.activations import Batch, Estimate
from paged_sim.geometry.gpu_memory import KvBytes, kv_bytes_of_gpu
from paged_sim.geometry.kv_bytes import Geometry
from paged_sim.geometry.terms import Term
from paged_sim.servers.agreement import UNITS
from paged_sim.servers.startup_log import StartupLog

_CLOSE = 0.02
"""By how much tokens and memory of a log may part: logs print two decimals of a GiB, and round tokens to blocks."""
_PARTS = ("weights", "activations", "non_torch")


@dataclass(frozen=True, slots=True)
class Beside:
    """One number of a server: what its log says and what would have been estimated, None where either is not known.

    `low` and `high` are the bounds of the estimate. `line` is the line of the log, `how` the calculation where the
    number only follows from others.
    """

    key: str
    unit: str
    said: int | float | str | None
    line: int | None
    how: str
    estimate: int | float | None = None
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a log says of the room for KV: bytes, slots if it counts tokens, and the terms that lead there."""

    kv_bytes: KvBytes
    slots: int | None
    terms: tuple[Term, ...]


def measured_capacity(log: StartupLog, geometry: Geometry, batch: Batch, page_size: int | None) -> Measured:
    """The room for KV that the log states: its tokens, else its blocks of `page_size` slots, else its KV memory.

    Where it states none of them but the GPU's memory, what is left of that is worked out as for `memory.gpu`, with the
    parts that the log does state. Tokens that do not fit the model's bytes are not counted; the memory is then.
    Raises PagedSimError where the log says too little.
    """
    kv_cache = log.number("kv_cache")
    if kv_cache is not None and kv_cache <= 0:
        raise PagedSimError(
            f"{log.origin('kv_cache')}: the server had {kv_cache:,} bytes for the KV cache, no room at all"
        )
    tokens, origin = _tokens(log, page_size)
    if tokens and kv_cache and not _fits(kv_cache / tokens, geometry.bytes_per_slot):
        each = f"{kv_cache:,} / {tokens:,} tokens = {kv_cache // tokens:,} bytes, not {geometry.bytes_per_slot:,}"
        origin = f"{log.origin('kv_cache')}; the tokens do not fit this model ({each})"
        tokens = None
    if tokens:
        size = tokens * geometry.bytes_per_slot
        term = Term("kv_cache", size, "bytes", f"{tokens:,} tokens x {geometry.bytes_per_slot:,} bytes", origin)
        return Measured(KvBytes.exactly(size), tokens, (term,))
    if kv_cache is not None:
        term = Term("kv_cache", kv_cache, "bytes", "", origin or log.origin("kv_cache"))
        return Measured(KvBytes.exactly(kv_cache), None, (term,))
    if log.number("total") is None:
        raise PagedSimError(
            f"{log.path}: it says neither the KV cache's memory, tokens nor blocks, nor the GPU's memory; give a "
            "longer log, or memory: {gpu: ...}"
        )
    kv_bytes, _, terms = _worked_out(log, geometry, batch, _PARTS)
    return Measured(kv_bytes, None, terms)


def beside(log: StartupLog, geometry: Geometry | None, batch: Batch) -> tuple[Beside, ...]:
    """Every number that the log says, and beside it what would have been estimated from its GPU and utilisation alone.

    Without a model (`geometry` None) nothing is estimated.
    """
    estimates = {} if geometry is None else _estimates(log, geometry, batch)
    rows = [
        Beside(key, UNITS[key], said.value, said.line, said.how, *estimates.pop(key, ()))
        for key, said in log.values.items()
    ]
    rows += [Beside(key, UNITS[key], None, None, "", *found) for key, found in estimates.items()]
    return tuple(sorted(rows, key=lambda row: list(UNITS).index(row.key)))


def _tokens(log: StartupLog, page_size: int | None) -> tuple[int | None, str]:
    """Tokens that fit, and where that stands."""
    if (tokens := log.number("tokens")) is not None:
        return tokens, log.origin("tokens")
    if (blocks := log.number("blocks")) is not None and "kv_cache" not in log.values and page_size is not None:
        how = f"{blocks:,} blocks x {page_size:,}, the page_size of the scenario: the log does not say it"
        return blocks * page_size, f"{log.origin('blocks')}: {how}"
    return None, ""


def _fits(bytes_per_token: float, bytes_per_slot: int) -> bool:
    return abs(bytes_per_token / bytes_per_slot - 1) < _CLOSE


def _estimates(log: StartupLog, geometry: Geometry, batch: Batch) -> dict[str, tuple[int, int | None, int | None]]:
    """By key the likely value and its bounds, of what can be estimated."""
    found: dict[str, tuple[int, int | None, int | None]] = {"bytes_per_token": (geometry.bytes_per_slot, None, None)}
    if geometry.weights_bytes is not None:
        found["weights"] = (-(-geometry.weights_bytes // geometry.tensor_parallel), None, None)
    if log.number("total") is None or not ("weights" in found or "weights" in log.values):
        return found
    try:
        kv, parts, _ = _worked_out(log, geometry, batch, () if "weights" in found else ("weights",))
    except PagedSimError:  # by this estimate the server could not have started
        return found
    found |= {key: (part.likely, part.low, part.high) for key, part in parts.items()}
    found["kv_cache"] = (kv.likely, kv.low, kv.high)
    slot = geometry.bytes_per_slot
    found["tokens"] = (kv.likely // slot, kv.low // slot, kv.high // slot)
    return found


@dataclass(frozen=True, slots=True)
class _GpuChoice:
    """The memory of a scenario, in words of a log."""

    params: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "gpu"


def _worked_out(
    log: StartupLog, geometry: Geometry, batch: Batch, parts: tuple[str, ...]
) -> tuple[KvBytes, Mapping[str, Estimate], tuple[Term, ...]]:
    """What `memory.gpu` says of the log's total, utilisation and engine, with these parts as the log states them."""
    version = log.text("version")
    params: dict[str, Any] = {
        "gpu": {"memory": log.number("total")},
        "engine": f"{log.engine}-{version}" if version else log.engine,
    }
    if "gpu_memory_utilization" in log.values:
        params["gpu_memory_utilization"] = log.values["gpu_memory_utilization"].value
    for part in parts:
        if (value := log.number(part)) is not None:
            params[part] = value * geometry.tensor_parallel if part == "weights" else value
    return kv_bytes_of_gpu(_GpuChoice(params), geometry, _batch_of(log, batch))


def _batch_of(log: StartupLog, batch: Batch) -> Batch:
    """The batch as the log states it, else as the scenario does."""
    return Batch(
        log.number("max_num_seqs") or batch.max_num_seqs,
        log.number("max_num_batched_tokens") or batch.max_num_batched_tokens,
        log.number("max_model_len") or batch.max_model_len,
    )
