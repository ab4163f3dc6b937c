"""From the scenario's `memory` to the number of slots in one GPU's arena."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paged_sim.errors import PagedSimError
from paged_sim.geometry.activations import Batch
from paged_sim.geometry.choice import Choice, positive_int
from paged_sim.geometry.gpu_memory import KvBytes, kv_bytes_of_gpu
from paged_sim.geometry.kv_bytes import Geometry
from paged_sim.geometry.measured import Beside, beside, measured_capacity
from paged_sim.geometry.terms import Term
from paged_sim.servers.startup_log import StartupLog, read_startup_log


@dataclass(frozen=True, slots=True)
class Capacity:
    """Room in one GPU's arena: `bytes` is `slots` x bytes per slot, `spare_bytes` what is left below one slot.

    `kv_bytes` is the memory for the KV cache as an interval; its likely value is what `slots` were made from.
    `log` is what a start-up log says beside what would have been estimated, `notes` what in it does not agree.
    """

    slots: int
    bytes: int
    spare_bytes: int
    kv_bytes: KvBytes
    terms: tuple[Term, ...]
    log: tuple[Beside, ...] = ()
    notes: tuple[str, ...] = ()


def resolve_capacity(
    memory: Choice, geometry: Geometry, *, page_size: int | None = None, batch: Batch | None = None
) -> Capacity:
    """Slots of the memory the scenario names, for one of the model's GPUs.

    `memory.kind` is kv_cache {bytes}, slots {slots}, pages {pages} (slots = pages x `page_size`, a null page
    included), log {path}, which `measured` reads, or gpu {gpu, gpu_memory_utilization?, weights?, activations?,
    non_torch?, engine?}, of which `gpu_memory` says what is left; the server's activations are those of `batch`.
    Raises PagedSimError when not one slot fits, or a value is missing.
    """
    if memory.kind == "slots":
        slots = positive_int(memory.params, "slots", "memory")
        return _counted(slots, geometry, Term("slots", slots, "slots", "", "scenario"))
    if memory.kind == "pages":
        return _from_pages(positive_int(memory.params, "pages", "memory"), page_size, geometry)
    if memory.kind == "kv_cache":
        budget = positive_int(memory.params, "bytes", "memory.kv_cache")
        return _from_bytes(budget, geometry, (Term("kv_cache", budget, "bytes", "", "scenario"),))
    if memory.kind == "log":
        return _from_log(read_startup_log(memory.params["path"]), geometry, batch or Batch(), page_size)
    if memory.kind == "gpu":
        kv_bytes, _, terms = kv_bytes_of_gpu(memory, geometry, batch or Batch())
        return replace(_from_bytes(kv_bytes.likely, geometry, terms), kv_bytes=kv_bytes)
    raise PagedSimError(f"memory: {memory.kind!r} is none of kv_cache, slots, pages, gpu, log")


def _counted(slots: int, geometry: Geometry, *given: Term) -> Capacity:
    """A capacity said in slots or pages: nothing is left over."""
    size = slots * geometry.bytes_per_slot
    formula = f"{slots:,} slots x {geometry.bytes_per_slot:,} bytes"
    return Capacity(
        slots, size, 0, KvBytes.exactly(size), (*given, Term("arena", size, "bytes", formula, "slots x bytes_per_slot"))
    )


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


def _from_log(log: StartupLog, geometry: Geometry, batch: Batch, page_size: int | None) -> Capacity:
    """As many slots as the log counts, or as its memory holds."""
    found = measured_capacity(log, geometry, batch, page_size)
    if found.slots is None:
        capacity = replace(_from_bytes(found.kv_bytes.likely, geometry, found.terms), kv_bytes=found.kv_bytes)
    else:
        capacity = _counted(found.slots, geometry, *found.terms)
    return replace(capacity, log=beside(log, geometry, batch), notes=(*log.notes, *_other_gpus(log, geometry)))


def _other_gpus(log: StartupLog, geometry: Geometry) -> list[str]:
    gpus = log.number("tensor_parallel")
    if gpus is None or gpus == geometry.tensor_parallel:
        return []
    return [f"tensor_parallel: {gpus} in the log, {geometry.tensor_parallel} in the scenario"]


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
    return Capacity(slots, size, spare, KvBytes.exactly(budget), terms)
