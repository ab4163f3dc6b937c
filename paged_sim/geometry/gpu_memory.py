"""What one GPU has left for the KV cache, as an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.geometry.activations import Batch, Card, Estimate, Model, activations, graphs, non_torch
from paged_sim.geometry.choice import Choice, positive_int
from paged_sim.geometry.engines import Engine, find_engine
from paged_sim.geometry.gpus import GIB, preset_gpu
from paged_sim.geometry.kv_bytes import Geometry
from paged_sim.geometry.sizes import typical_sizes
from paged_sim.geometry.terms import Term


@dataclass(frozen=True, slots=True)
class KvBytes:
    """Bytes for the KV cache on one GPU: the likely value, and between which bounds it is expected."""

    low: int
    likely: int
    high: int

    @classmethod
    def exactly(cls, size: int) -> KvBytes:
        """A size that is known."""
        return cls(size, size, size)


def kv_bytes_of_gpu(
    memory: Choice, geometry: Geometry, batch: Batch
) -> tuple[KvBytes, dict[str, Estimate], tuple[Term, ...]]:
    """What a server may use of one GPU less its share of the weights and what it takes beside them; the latter; terms.

    vLLM: total x utilization - weights - activations - non-torch (- CUDA graphs from 0.21 on). SGLang: total x
    fraction - weights - runtime. TensorRT-LLM: (total - weights - runtime) x fraction. What the scenario gives counts
    as it is; the rest is an estimate with its bounds. Raises PagedSimError where nothing is left, or is not known.
    """
    engine = find_engine(memory.params.get("engine"))
    total, card, first = _total(memory, geometry)
    share, weight_terms = _weights_per_gpu(memory, geometry)
    parts = _parts(memory, engine, _model(geometry, share), batch, card)
    sum_of_parts = sum(part.likely for part in parts.values())
    value = Fraction(str(_utilization(memory, engine)))
    after = engine.name == "tensorrt-llm"
    usable = total.likely if after else math.floor(total.likely * value)
    likely = usable - share - sum_of_parts
    if likely <= 0:
        raise _no_room(card.name, share, sum_of_parts, usable, float(value))
    below, above = _spread(total, [*parts.values()], float(value), after)
    factor = value if after else Fraction(1)
    left = KvBytes(*(math.floor(max(bound, 0) * factor) for bound in (likely - below, likely, likely + above)))
    formula = f"{usable:,} - {share:,} - {sum_of_parts:,}"
    terms = (
        *first,
        *(() if after else (_usable_term(usable, total.likely, float(value)),)),
        *weight_terms,
        *(Term(key, part.likely, "bytes", part.formula, part.origin) for key, part in parts.items()),
        *_left_terms(left, f"floor(({formula}) x {float(value):g})" if after else formula),
    )
    return left, parts, terms


def _spread(total: KvBytes, parts: Sequence[Estimate], utilization: float, after: bool) -> tuple[int, int]:
    """By how much the room may fall short of the likely value (independent parts: root of squares), and exceed it."""
    share = 1.0 if after else utilization
    short = [share * (total.likely - total.low), *(part.high - part.likely for part in parts)]
    more = [share * (total.high - total.likely), *(part.likely - part.low for part in parts)]
    return math.ceil(math.hypot(*short)), math.ceil(sum(more))


def _total(memory: Choice, geometry: Geometry) -> tuple[KvBytes, Card, tuple[Term, ...]]:
    """The GPU's memory as an engine sees it."""
    gpu = memory.params["gpu"]
    gpus = geometry.tensor_parallel
    if isinstance(gpu, Mapping):
        size = positive_int(gpu, "memory", "memory.gpu")
        term = Term("gpu_memory", size, "bytes", "", "scenario: the total that an engine prints")
        return KvBytes.exactly(size), Card(size, "the GPU", gpus), (term,)
    found = preset_gpu(str(gpu))
    span = f"{found.low / GIB:.2f} to {found.high / GIB:.2f} GiB" if found.low < found.high else ""
    reported = f"; nvidia-smi prints {found.reported_bytes / GIB:.2f} GiB" if found.reported_bytes else ""
    term = Term("gpu_memory", found.memory_bytes, "bytes", span, f"{found.name}: {found.source}{reported}")
    return KvBytes(found.low, found.memory_bytes, found.high), Card(found.memory_bytes, found.name, gpus), (term,)


def _parts(memory: Choice, engine: Engine, model: Model, batch: Batch, card: Card) -> dict[str, Estimate]:
    """What is set aside beside weights: said, or estimated.

    Who gives both activations and non_torch has them from a start-up log, where nothing else is set aside unless the
    engine named does so.
    """
    said = {key: _given(memory.params, key) for key in ("activations", "non_torch")}
    parts = {
        "activations": said["activations"] or activations(engine, model, batch, card),
        "non_torch": said["non_torch"] or non_torch(engine, card),
    }
    aside = graphs(engine)
    if aside.high and (memory.params.get("engine") is not None or not all(said.values())):
        parts["cuda_graphs"] = aside
    return parts


def _model(geometry: Geometry, weights_per_gpu: int) -> Model:
    if geometry.sizes is not None:
        return Model(geometry.sizes, guessed=False)
    parameters = weights_per_gpu * geometry.tensor_parallel / 2
    layers = sum(kind.layers for kind in geometry.layer_kinds) or None
    return Model(typical_sizes(parameters, layers), guessed=True)


def _given(params: Mapping[str, Any], key: str) -> Estimate | None:
    value = params.get(key)
    return None if value is None else Estimate(value, value, value, "", "scenario")


def _usable_term(usable: int, total: int, utilization: float) -> Term:
    formula = f"floor({total:,} x {utilization:g})"
    return Term("usable", usable, "bytes", formula, "memory x gpu_memory_utilization")


def _left_terms(left: KvBytes, formula: str) -> list[Term]:
    if left.low == left.high:
        return [Term("kv_cache", left.likely, "bytes", formula, "what is left")]
    return [
        Term("kv_cache", left.likely, "bytes", formula, "what is left; the likely value, which counts"),
        Term("kv_cache_low", left.low, "bytes", "", "the parts at their upper bounds, taken as independent"),
        Term("kv_cache_high", left.high, "bytes", "", "the parts at their lower bounds"),
    ]


def _no_room(gpu: str, share: int, taken: int, usable: int, utilization: float) -> PagedSimError:
    return PagedSimError(
        f"memory.gpu: {share / GIB:,.1f} GiB of weights for each GPU and {taken / GIB:,.1f} GiB of activations and the "
        f"like leave no room in {usable / GIB:,.1f} GiB ({gpu} x {utilization:g}): raise model.tensor_parallel or take "
        "a larger GPU"
    )


def _utilization(memory: Choice, engine: Engine) -> float:
    value = memory.params.get("gpu_memory_utilization", engine.likely.utilization)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise PagedSimError(f"memory.gpu_memory_utilization: {value!r} is not a number above 0 and at most 1")
    return value


def _weights_per_gpu(memory: Choice, geometry: Geometry) -> tuple[int, tuple[Term, ...]]:
    """Each GPU's share of the weights."""
    weights, term = _weights(memory, geometry)
    gpus = geometry.tensor_parallel
    share = -(-weights // gpus)
    of_one = Term("weights_per_gpu", share, "bytes", f"ceil({weights:,} / {gpus})", "weights / tensor_parallel")
    return share, (term, of_one)


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
