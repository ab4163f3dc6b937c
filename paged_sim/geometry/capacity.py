"""From the scenario's `memory` to the number of slots in one GPU's arena."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from paged_sim.errors import PagedSimError
from paged_sim.geometry.choice import Choice, positive_int
from paged_sim.geometry.kv_bytes import Geometry
from paged_sim.geometry.presets import GIB, preset_gpu
from paged_sim.geometry.terms import Term

_DEFAULT_UTILIZATION = 0.9


@dataclass(frozen=True, slots=True)
class Capacity:
    """Room in one GPU's arena: `bytes` is `slots` x bytes per slot, `spare_bytes` what is left below one slot."""

    slots: int
    bytes: int
    spare_bytes: int
    terms: tuple[Term, ...]


def resolve_capacity(memory: Choice, geometry: Geometry, *, page_size: int | None = None) -> Capacity:
    """Slots of the memory the scenario names, for one of the model's GPUs.

    `memory.kind` is kv_cache {bytes}, slots {slots}, pages {pages} (slots = pages x `page_size`, a null page
    included) or gpu {gpu, gpu_memory_utilization?, weights?}: memory x utilization - weights / tensor_parallel;
    nothing is set aside for activations. Raises PagedSimError when not one slot fits, or a value is missing.
    """
    if memory.kind == "slots":
        slots = positive_int(memory.params, "slots", "memory")
        return _counted(slots, geometry, Term("slots", slots, "slots", "", "scenario"))
    if memory.kind == "pages":
        return _from_pages(positive_int(memory.params, "pages", "memory"), page_size, geometry)
    if memory.kind == "kv_cache":
        budget = positive_int(memory.params, "bytes", "memory.kv_cache")
        return _from_bytes(budget, geometry, (Term("kv_cache", budget, "bytes", "", "scenario"),))
    if memory.kind == "gpu":
        return _from_gpu(memory, geometry)
    raise PagedSimError(f"memory: {memory.kind!r} is none of kv_cache, slots, pages, gpu")


def _counted(slots: int, geometry: Geometry, *given: Term) -> Capacity:
    """A capacity said in slots or pages: nothing is left over."""
    size = slots * geometry.bytes_per_slot
    formula = f"{slots:,} slots x {geometry.bytes_per_slot:,} bytes"
    return Capacity(slots, size, 0, (*given, Term("arena", size, "bytes", formula, "slots x bytes_per_slot")))


def _from_pages(pages: int, page_size: int | None, geometry: Geometry) -> Capacity:
    if page_size is None:
        raise PagedSimError("memory.pages needs one page size that all paged allocators share: give slots or kv_cache")
    size = positive_int({"page_size": page_size}, "page_size", "allocators")
    slots = pages * size
    return _counted(
        slots,
        geometry,
        Term("pages", pages, "pages", "", "scenario"),
        Term("slots", slots, "slots", f"{pages:,} pages x {size:,} slots", "a null page is one of the pages"),
    )


def _from_bytes(budget: int, geometry: Geometry, given: tuple[Term, ...]) -> Capacity:
    """As many whole slots as the budget holds."""
    slot = geometry.bytes_per_slot
    slots, spare = divmod(budget, slot)
    if slots == 0:
        raise PagedSimError(
            f"memory: {budget:,} bytes hold not one slot of {slot:,} bytes ({geometry.name}): give more memory"
        )
    size = slots * slot
    terms = (
        *given,
        Term("slots", slots, "slots", f"floor({budget:,} / {slot:,})", "KV bytes / bytes_per_slot"),
        Term("arena", size, "bytes", f"{slots:,} slots x {slot:,} bytes", "slots x bytes_per_slot"),
        Term("spare", spare, "bytes", f"{budget:,} - {size:,}", "remainder below one slot"),
    )
    return Capacity(slots, size, spare, terms)


def _from_gpu(memory: Choice, geometry: Geometry) -> Capacity:
    """What a server may use of one GPU, less its share of the weights."""
    gpu = preset_gpu(str(memory.params["gpu"]))
    utilization = _utilization(memory)
    usable = math.floor(gpu.memory_bytes * Fraction(str(utilization)))
    weights, weights_term = _weights(memory, geometry)
    gpus = geometry.tensor_parallel
    share = -(-weights // gpus)
    budget = usable - share
    if budget <= 0:
        raise PagedSimError(
            f"memory.gpu: {share / GIB:,.1f} GiB of weights for each GPU leave no room in {usable / GIB:,.1f} GiB "
            f"({gpu.name} x {utilization:g}): raise model.tensor_parallel or take a larger GPU"
        )
    reported = f"; its driver reports {gpu.reported_bytes / GIB:.1f} GiB" if gpu.reported_bytes else ""
    formula = f"floor({gpu.memory_bytes:,} x {utilization:g})"
    terms = (
        Term("gpu_memory", gpu.memory_bytes, "bytes", "", f"preset {gpu.name}: {gpu.source}{reported}"),
        Term("usable", usable, "bytes", formula, "memory x gpu_memory_utilization"),
        weights_term,
        Term("weights_per_gpu", share, "bytes", f"ceil({weights:,} / {gpus})", "weights / tensor_parallel"),
        Term("activations", 0, "bytes", "", "assumed: nothing is set aside; lower gpu_memory_utilization to do so"),
        Term("kv_cache", budget, "bytes", f"{usable:,} - {share:,} - 0", "usable - weights_per_gpu - activations"),
    )
    return _from_bytes(budget, geometry, terms)


def _utilization(memory: Choice) -> float:
    value = memory.params.get("gpu_memory_utilization", _DEFAULT_UTILIZATION)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise PagedSimError(f"memory.gpu_memory_utilization: {value!r} is not a number above 0 and at most 1")
    return value


def _weights(memory: Choice, geometry: Geometry) -> tuple[int, Term]:
    """Bytes of the weights over all GPUs: said, or known of the model."""
    said = memory.params.get("weights", "auto")
    if said != "auto":
        weights = positive_int(memory.params, "weights", "memory")
        return weights, Term("weights", weights, "bytes", "", "scenario")
    if geometry.weights_bytes is None:
        raise PagedSimError(
            f"memory.weights: auto: the weights of model {geometry.name!r} are not known; "
            "give their bytes, as in weights: 26GB"
        )
    term = next(term for term in geometry.terms if term.key == "weights_bytes")
    return geometry.weights_bytes, Term("weights", geometry.weights_bytes, "bytes", term.formula, term.origin)
