"""The bytes of one token's KV, from the shape of a model's KV cache."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paged_sim.errors import PagedSimError
from paged_sim.geometry.dtypes import BITS, whole_bytes
from paged_sim.geometry.shape import Shape
from paged_sim.geometry.sizes import Sizes
from paged_sim.geometry.terms import Term


@dataclass(frozen=True, slots=True)
class Geometry:
    """Bytes per slot of a model on its GPUs.

    `bytes_per_slot`: bytes of one token's KV in one GPU's arena. `bytes_per_token`: over all `tensor_parallel`
    GPUs, copies counted. `bytes_per_token_above_window`: what a token beyond the window still adds, over all GPUs
    (equal to `bytes_per_token` where no layer slides). `kv_heads` and `head_dim` are the model's, not one GPU's.
    Fields that nobody told (a scenario that gives only `bytes_per_slot`) are None.
    """

    name: str
    attention: str
    layers: int | None
    kv_heads: int | None
    head_dim: int | None
    dtype: str | None
    bytes_per_element: float | None
    tensor_parallel: int
    bytes_per_slot: int
    bytes_per_token: int
    bytes_per_token_above_window: int
    full_layers: int | None
    sliding_layers: int
    window: int | None
    weights_bytes: int | None
    terms: tuple[Term, ...]
    sizes: Sizes | None = None


def geometry_of(shape: Shape, tensor_parallel: int) -> Geometry:
    """The bytes of one token's KV on each of `tensor_parallel` GPUs.

    MHA, GQA: 2 x layers x kv_heads x head_dim x bytes (K and V). MLA: layers x (kv_lora_rank + qk_rope_head_dim) x
    bytes, the same latent vector on every GPU. KV heads are split over the GPUs and copied when there are more GPUs
    than heads, as vLLM does. Every layer of a sliding-window mix is booked in full.
    Raises PagedSimError when the heads cannot be split so, or the bytes do not come out whole.
    """
    heads = _heads_per_gpu(shape, tensor_parallel)
    per_layer = shape.tensors * heads * shape.head_dim
    full_layers = shape.layers - shape.sliding_layers
    per_slot = whole_bytes(shape.layers * per_layer, shape.dtype)
    per_slot_above = whole_bytes(full_layers * per_layer, shape.dtype)
    geometry = Geometry(
        name=shape.name,
        attention=shape.attention,
        layers=shape.layers,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        dtype=shape.dtype,
        bytes_per_element=BITS[shape.dtype] / 8,
        tensor_parallel=tensor_parallel,
        bytes_per_slot=per_slot,
        bytes_per_token=per_slot * tensor_parallel,
        bytes_per_token_above_window=per_slot_above * tensor_parallel,
        full_layers=full_layers,
        sliding_layers=shape.sliding_layers,
        window=shape.window,
        weights_bytes=shape.weights.bytes if shape.weights else None,
        terms=(),
        sizes=shape.sizes,
    )
    terms = (*_given_terms(shape), *_split_terms(shape, tensor_parallel, heads), *_byte_terms(shape, geometry, heads))
    return replace(geometry, terms=terms)


def _heads_per_gpu(shape: Shape, tensor_parallel: int) -> int:
    """KV heads in one GPU's memory."""
    if shape.tensors == 1:
        return shape.kv_heads
    if shape.kv_heads % tensor_parallel and tensor_parallel % shape.kv_heads:
        raise PagedSimError(
            f"model.tensor_parallel: {shape.kv_heads} KV heads of {shape.name} cannot be split evenly over "
            f"{tensor_parallel} GPUs; take a divisor or a multiple of {shape.kv_heads}"
        )
    return max(1, shape.kv_heads // tensor_parallel)


def _given_terms(shape: Shape) -> list[Term]:
    terms = [
        Term("model", shape.name, "", "", shape.source),
        Term("attention", shape.attention, "", "", shape.origin("attention")),
        Term("layers", shape.layers, "layers", "", shape.origin("layers")),
    ]
    if shape.latent is None:
        terms.append(Term("kv_heads", shape.kv_heads, "heads", "", shape.origin("kv_heads")))
        terms.append(Term("head_dim", shape.head_dim, "elements", "", shape.origin("head_dim")))
    else:
        rank, rope = shape.latent
        terms.append(Term("kv_lora_rank", rank, "elements", "", shape.origin("kv_lora_rank")))
        terms.append(Term("qk_rope_head_dim", rope, "elements", "", shape.origin("qk_rope_head_dim")))
    if shape.sliding_layers:
        terms.append(Term("sliding_layers", shape.sliding_layers, "layers", "", shape.origin("sliding_layers")))
    if shape.window is not None:
        terms.append(Term("window", shape.window, "tokens", "", shape.origin("window")))
    terms.append(Term("kv_dtype", shape.dtype, "", "", shape.origin("dtype")))
    bits = BITS[shape.dtype]
    terms.append(Term("bytes_per_element", bits / 8, "bytes", f"{bits} bits / 8", f"size of {shape.dtype}"))
    return terms


def _split_terms(shape: Shape, tensor_parallel: int, heads: int) -> list[Term]:
    origin = "model.tensor_parallel" if tensor_parallel > 1 else "default: one GPU"
    terms = [Term("tensor_parallel", tensor_parallel, "GPUs", "", origin)]
    if tensor_parallel > 1 and shape.tensors == 1:
        terms.append(Term("latent_copies", tensor_parallel, "copies", "1 on each GPU", "MLA keeps one latent vector"))
    elif tensor_parallel > 1:
        formula = f"max(1, {shape.kv_heads} / {tensor_parallel})"
        terms.append(Term("kv_heads_per_gpu", heads, "heads", formula, "KV heads split over the GPUs, at least one"))
    return terms


def _byte_terms(shape: Shape, geometry: Geometry, heads: int) -> list[Term]:
    size = f"{BITS[shape.dtype] / 8:g}"
    if shape.latent is None:
        per_layer, rule = f"{heads} x {shape.head_dim} x {size}", "K and V x layers x KV heads x head_dim x bytes"
        factor = "2 x "
    else:
        per_layer, rule = f"({shape.latent[0]} + {shape.latent[1]}) x {size}", "layers x (latent + rope key) x bytes"
        factor = ""
    gpus = geometry.tensor_parallel
    full = f"{factor}{shape.layers} x {per_layer}"
    terms = [Term("bytes_per_slot", geometry.bytes_per_slot, "bytes", full, f"{rule}, in one GPU")]
    formula = f"{geometry.bytes_per_slot:,} x {gpus} GPUs" if gpus > 1 else full
    terms.append(Term("bytes_per_token", geometry.bytes_per_token, "bytes", formula, "over all GPUs, copies counted"))
    if shape.sliding_layers:
        above = f"{factor}{geometry.full_layers} x {per_layer}" + (f" x {gpus} GPUs" if gpus > 1 else "")
        key, value = "bytes_per_token_above_window", geometry.bytes_per_token_above_window
        terms.append(Term(key, value, "bytes", above, f"a token beyond {shape.window:,} adds to the full layers only"))
        note = "every layer in full: this version books sliding layers at their size below the window"
        terms.append(Term("booked", geometry.bytes_per_slot, "bytes", "bytes_per_slot for every token", note))
    if shape.weights:
        weights = shape.weights
        terms.append(Term("weights_bytes", weights.bytes, "bytes", weights.formula, weights.origin))
    return terms
