"""The bytes of one token's KV and of a sequence's state, from the shape of a model's cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from paged_sim.errors import PagedSimError
from paged_sim.geometry.layers import Heads, Kept, Latent, Layer, State
from paged_sim.geometry.shape import Shape, Weights
from paged_sim.geometry.sizes import Sizes
from paged_sim.geometry.terms import Term


@dataclass(frozen=True, slots=True)
class LayerKind:
    """Layers of a model that keep the same.

    `kind` and `window` as in `Layer` (`window` of `chunked` is the chunk). `bytes_per_slot` is one token in all these
    layers in one GPU's memory, `bytes_per_token` that over all GPUs, copies counted. `state_bytes` is one sequence's
    state in all these layers over all GPUs, `state_bytes_per_gpu` that of one. `formula` is that of one GPU.
    """

    kind: str
    layers: int
    window: int | None
    bytes_per_slot: int
    bytes_per_token: int
    state_bytes_per_gpu: int
    state_bytes: int
    formula: str


@dataclass(frozen=True, slots=True)
class Geometry:
    """Bytes of a model's cache on its GPUs; the sums are those of its `layer_kinds`.

    `bytes_per_slot`: one token's KV in one GPU's arena, every layer in full. `bytes_per_token`: over all
    `tensor_parallel` GPUs, copies counted. `bytes_per_token_above_window`: what a token beyond every window and chunk
    still adds, over all GPUs. `state_bytes`: what a sequence takes whatever its length, over all GPUs.
    Of a model of which only the bytes are known `layer_kinds` is empty and `dtype` None.
    """

    name: str
    attention: str
    layer_kinds: tuple[LayerKind, ...]
    dtype: str | None
    tensor_parallel: int
    bytes_per_slot: int
    bytes_per_token: int
    bytes_per_token_above_window: int
    state_bytes: int
    weights_bytes: int | None
    terms: tuple[Term, ...]
    sizes: Sizes | None = None

    @property
    def layers(self) -> int | None:
        """Layers that keep something, None where only the bytes are known."""
        return sum(kind.layers for kind in self.layer_kinds if kind.kind != "indexer") or None

    @property
    def window(self) -> int | None:
        """The longest window or chunk, None where every layer sees every token."""
        return max((kind.window for kind in self.layer_kinds if kind.window is not None), default=None)


def geometry_of(shape: Shape, tensor_parallel: int) -> Geometry:
    """The bytes of one token's KV and of one sequence's state on each of `tensor_parallel` GPUs.

    MHA, GQA: 2 x layers x kv_heads x head_dim x bytes (K and V). MLA: layers x (kv_lora_rank + qk_rope_head_dim) x
    bytes, the same latent vector on every GPU. KV heads are split over the GPUs and copied when there are more GPUs
    than heads, as vLLM does. A state is depth x rows x bytes, its rows split.
    Raises PagedSimError when heads or rows cannot be split so, or the bytes do not come out whole.
    """
    for keeps in dict.fromkeys(layer.keeps for layer in shape.layers):
        _check_split(keeps, shape.name, tensor_parallel)
    kinds = tuple(_kind(layer, count, shape, tensor_parallel) for layer, count in Counter(shape.layers).items())
    per_slot = sum(kind.bytes_per_slot for kind in kinds)
    geometry = Geometry(
        name=shape.name,
        attention=shape.attention,
        layer_kinds=kinds,
        dtype=shape.dtype,
        tensor_parallel=tensor_parallel,
        bytes_per_slot=per_slot,
        bytes_per_token=per_slot * tensor_parallel,
        bytes_per_token_above_window=sum(kind.bytes_per_token for kind in kinds if kind.window is None),
        state_bytes=sum(kind.state_bytes for kind in kinds),
        weights_bytes=shape.weights.bytes if shape.weights else None,
        terms=(),
        sizes=shape.sizes,
    )
    terms = (*shape.facts, *_split_terms(shape, tensor_parallel), *_byte_terms(geometry, shape.weights))
    return replace(geometry, terms=terms)


def _check_split(keeps: Kept, name: str, gpus: int) -> None:
    """Refuse a number of GPUs that KV heads, or the rows of a state, cannot be split over."""
    if isinstance(keeps, Heads) and keeps.kv_heads % gpus and gpus % keeps.kv_heads:
        raise PagedSimError(
            f"model.tensor_parallel: {keeps.kv_heads} KV heads of {name} cannot be split evenly over {gpus} GPUs; "
            f"take a divisor or a multiple of {keeps.kv_heads}"
        )
    rows = [tensor.rows for tensor in keeps.tensors if tensor.rows % gpus] if isinstance(keeps, State) else []
    if rows:
        raise PagedSimError(
            f"model.tensor_parallel: {rows[0]:,} rows of a state of {name} cannot be split evenly over {gpus} GPUs"
        )


def _kind(layer: Layer, count: int, shape: Shape, gpus: int) -> LayerKind:
    """`count` equal layers on `gpus` GPUs."""
    token = state = 0
    if isinstance(layer.keeps, State):
        state, formula = count * layer.keeps.bytes(gpus), layer.keeps.formula(count, gpus)
    else:
        token = layer.keeps.token_bytes(count, shape.dtype, gpus)
        formula = layer.keeps.formula(count, shape.dtype, gpus)
    return LayerKind(layer.kind, count, layer.window, token, token * gpus, state, state * gpus, formula)


def _split_terms(shape: Shape, gpus: int) -> list[Term]:
    """How many GPUs there are, and what each of several holds of the heads."""
    if gpus == 1:
        return [Term("tensor_parallel", 1, "GPUs", "", "default: one GPU")]
    terms = [Term("tensor_parallel", gpus, "GPUs", "", "model.tensor_parallel")]
    for keeps in dict.fromkeys(layer.keeps for layer in shape.layers):
        if isinstance(keeps, Heads):
            formula = f"max(1, {keeps.kv_heads} / {gpus})"
            origin = "KV heads split over the GPUs, at least one"
            terms.append(Term("kv_heads_per_gpu", keeps.on_one_gpu(gpus), "heads", formula, origin))
        elif isinstance(keeps, Latent):
            terms.append(Term("latent_copies", gpus, "copies", "1 on each GPU", "MLA keeps one latent vector"))
    return terms


_EVERY_TOKEN = {
    "full": "K and V x layers x KV heads x head_dim x bytes",
    "mla": "layers x (latent + rope key) x bytes",
    "indexer": "layers x (elements x bytes + scale), whatever the KV dtype",
}


def _byte_terms(geometry: Geometry, weights: Weights | None) -> list[Term]:
    """The bytes of a token and of a state, from each kind of layer to their sums."""
    kinds, gpus = geometry.layer_kinds, geometry.tensor_parallel
    terms = [_kind_term(kind) for kind in kinds] if len(kinds) > 1 else []
    stored = [kind for kind in kinds if not kind.state_bytes]
    if len(kinds) == 1:
        formula, origin = kinds[0].formula, f"{_EVERY_TOKEN.get(kinds[0].kind, _EVERY_TOKEN['full'])}, in one GPU"
    else:
        formula, origin = _sum(kind.bytes_per_slot for kind in stored), "all layers, in one GPU"
    terms.append(Term("bytes_per_slot", geometry.bytes_per_slot, "bytes", formula, origin))
    times = f"{geometry.bytes_per_slot:,} x {gpus} GPUs" if gpus > 1 else formula
    terms.append(Term("bytes_per_token", geometry.bytes_per_token, "bytes", times, "over all GPUs, copies counted"))
    if geometry.window is not None:
        terms += _window_terms(geometry)
    if geometry.state_bytes:
        formula = _sum(kind.state_bytes for kind in kinds if kind.state_bytes)
        terms.append(
            Term("state_bytes", geometry.state_bytes, "bytes", formula, "a sequence of any length, over all GPUs")
        )
    if weights:
        known = "not known" if weights.bytes is None else weights.bytes
        unit = "" if weights.bytes is None else "bytes"
        terms.append(Term("weights_bytes", known, unit, weights.formula, weights.origin))
    return terms


def _kind_term(kind: LayerKind) -> Term:
    """What the layers of one kind take in one GPU."""
    if kind.state_bytes:
        what = f"{kind.layers} layers: a sequence of any length"
        return Term(kind.kind, kind.state_bytes_per_gpu, "bytes", kind.formula, what)
    what = f"{kind.layers} layers: every token" if kind.window is None else f"{kind.layers} layers: {_seen(kind)}"
    return Term(kind.kind, kind.bytes_per_slot, "bytes", kind.formula, what)


def _seen(kind: LayerKind) -> str:
    return f"the tokens of a chunk of {kind.window:,}" if kind.kind == "chunked" else f"the last {kind.window:,} tokens"


def _window_terms(geometry: Geometry) -> list[Term]:
    """What a token beyond the windows adds, and that every layer is booked in full all the same."""
    growing = [kind.bytes_per_token for kind in geometry.layer_kinds if kind.window is None and not kind.state_bytes]
    above = geometry.bytes_per_token_above_window
    origin = f"a token beyond {geometry.window:,} adds to the layers without a window only, over all GPUs"
    note = "every layer in full: this version books window layers at their size below the window"
    return [
        Term("bytes_per_token_above_window", above, "bytes", _sum(growing), origin),
        Term("booked", geometry.bytes_per_slot, "bytes", "bytes_per_slot for every token", note),
    ]


def _sum(numbers: Iterable[int]) -> str:
    return " + ".join(f"{number:,}" for number in numbers) or "0"
