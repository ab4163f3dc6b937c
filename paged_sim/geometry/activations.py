"""The memory that a server takes beside weights and KV, where nobody told it: an interval with its reasons.

vLLM runs the model once on the largest batch it will serve and sets aside what PyTorch held at the peak. Two moments
compete: inside a layer, with the MLP's two projections and their product for every token of the batch, and in the
sampler, with several fp32 copies of the logits of every sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

from paged_sim.geometry.engines import Engine, Overheads, Range
from paged_sim.geometry.gpus import GIB
from paged_sim.geometry.sizes import Sizes

LARGE_CARD = 70 * GIB
_UNMODELLED = 0.4
"""GiB by which logged peaks exceed the model at most: vision towers, quantized weights unpacked on the way."""
_CHUNKED_FROM = 32 * 1024
"""vLLM before 0.8 computed whole prompts, and longer ones than this in chunks of 2048."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the profiling run is sized by; None where the scenario leaves it to the engine."""

    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    max_model_len: int = 2048


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes of one part of the memory: likely, within `low` and `high`; `formula` and `origin` as in a Term."""

    low: int
    likely: int
    high: int
    formula: str
    origin: str


@dataclass(frozen=True, slots=True)
class Card:
    """The GPU that the server runs on, one of `gpus`, as far as its own settings depend on it."""

    memory_bytes: int
    name: str
    gpus: int


@dataclass(frozen=True, slots=True)
class Model:
    """The model's sizes; `guessed` where they are those of a typical one."""

    sizes: Sizes
    guessed: bool


def activations(engine: Engine, model: Model, batch: Batch, card: Card) -> Estimate:
    """The peak that the engine's profiling run is expected to see on each GPU.

    The bounds leave room for another version where none is named, for a server started with fewer sequences where the
    scenario says no max_num_seqs, for another vocabulary where the model's sizes are guessed, and for what the model
    of the run leaves out.
    """
    if engine.likely.batch == "none":
        return _estimate((0, 0, 0), "", f"{engine.title} takes them from what its fraction leaves")
    tokens, seqs = _run(engine.likely, batch, card)
    likely = _peak(engine.likely, model.sizes, (tokens, seqs), card.gpus)
    runs = [(entry, _run(entry, batch, card)) for entry in engine.possible]
    fewer = 1 if batch.max_num_seqs else 8
    least = min(_peak(entry, model.sizes, _divided(run, fewer), card.gpus) for entry, run in runs)
    most = max(_peak(entry, model.sizes, run, card.gpus) for entry, run in runs)
    low, high = (0.5, 1.35) if model.guessed else (1.0, 1.0)
    formula = f"{seqs:,} sequences, {tokens:,} tokens a step"
    bounds = (0.9 * low * least, likely, 1.1 * high * most + _UNMODELLED)
    return _estimate(bounds, formula, _reason(engine, model, batch))


def non_torch(engine: Engine, card: Card) -> Estimate:
    """What lies outside of PyTorch: the context, communication buffers, and on small cards a part not accounted for."""
    ranges = [entry.non_torch if card.gpus == 1 else entry.non_torch_parallel for entry in engine.possible]
    likely = engine.likely.non_torch if card.gpus == 1 else engine.likely.non_torch_parallel
    total = (min(item[0] for item in ranges), likely[1], max(item[2] for item in ranges))
    if card.memory_bytes < LARGE_CARD:
        rest = engine.likely.small_card
        total = (total[0], total[1] + rest[1], total[2] + rest[2])
    number = "one GPU" if card.gpus == 1 else "each of several GPUs"
    return _estimate(total, "", "; ".join(filter(None, (f"logs of {engine.title}, {number}", engine.note))))


def graphs(engine: Engine) -> Estimate:
    """What the engine sets aside for CUDA graphs before it sizes the KV cache."""
    _, likely, _ = engine.likely.graphs
    low, high = min(entry.graphs[0] for entry in engine.possible), max(entry.graphs[2] for entry in engine.possible)
    return _estimate((low, likely, high), "", f"logs of {engine.title}")


def _peak(entry: Overheads, sizes: Sizes, run: tuple[int, int], gpus: int) -> float:
    """GiB at the peak of a profiling run of (tokens, sequences): the larger of a layer's moment and the sampler's."""
    tokens, seqs = run
    hidden = 2 * tokens * sizes.hidden
    routed = 2 * tokens * sizes.experts * (2 * sizes.width / gpus + sizes.hidden)
    layer = 4 * hidden + (routed if sizes.experts else 6 * tokens * sizes.width / gpus)
    sampler = entry.logits * 4 * min(seqs, tokens) * sizes.vocab + entry.tokens * hidden
    return max(layer, sampler + (routed if entry.workspace else 0)) / GIB


def _run(entry: Overheads, batch: Batch, card: Card) -> tuple[int, int]:
    """Tokens and sequences of the profiling run: as said, else as the engine chooses for this card."""
    large = card.memory_bytes >= LARGE_CARD and not card.name.startswith("a100") and entry.batch == "chunk"
    tokens = 8192 if large else 2048
    if entry.batch == "prompt" and batch.max_model_len <= _CHUNKED_FROM:
        tokens = max(tokens, batch.max_model_len)
    return batch.max_num_batched_tokens or tokens, batch.max_num_seqs or (1024 if large else 256)


def _divided(run: tuple[int, int], divisor: int) -> tuple[int, int]:
    tokens, seqs = run
    return -(-tokens // divisor), -(-seqs // divisor)


def _reason(engine: Engine, model: Model, batch: Batch) -> str:
    """Where the estimate comes from, and what of it is assumed."""
    parts = [f"the profiling run of {engine.title}"]
    if engine.note:
        parts.append(engine.note)
    if model.guessed:
        parts.append(f"hidden size {model.sizes.hidden:,} guessed from the weights")
    if not batch.max_num_seqs:
        parts.append("max_num_seqs is not said: the engine's own")
    return "; ".join(parts)


def _estimate(gib: Range, formula: str, origin: str) -> Estimate:
    low, likely, high = (int(value * GIB) for value in gib)
    span = f"{low / GIB:.2f} to {high / GIB:.2f} GiB"
    return Estimate(min(low, likely), likely, max(high, likely), f"{span}{' for ' * bool(formula)}{formula}", origin)
