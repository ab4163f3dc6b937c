"""The shape of a model's cache from a local Hugging Face `config.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.geometry.architectures import ARCHITECTURES, Architecture, architecture_of
from paged_sim.geometry.checkpoint import (
    checkpoint_kv_dtype,
    model_dtype,
    quantized_in,
    read_quantization,
    stored_weights,
)
from paged_sim.geometry.config_file import HEADS, LAYERS, NESTINGS, ConfigFile, load_json
from paged_sim.geometry.heads import Attended, heads_of
from paged_sim.geometry.layers import Heads, IndexKeys, Latent, Layer, State
from paged_sim.geometry.parameters import config_weights
from paged_sim.geometry.plan import Plan
from paged_sim.geometry.plans import plan_of
from paged_sim.geometry.refusals import no_kv_in, refusal_of, unknown_architecture
from paged_sim.geometry.shape import Shape
from paged_sim.geometry.sizes import config_sizes
from paged_sim.geometry.states import state_of
from paged_sim.geometry.terms import Facts, Term


def read_hf_config(path: Path, kv_dtype: str | None = None) -> Shape:
    """The shape of the model that the `config.json` at `path`, or in the folder `path`, describes; nothing is fetched.

    `kv_dtype` overrules the checkpoint's. Reads `hf_quant_config.json` and `model.safetensors.index.json` beside it.
    Raises PagedSimError, naming file and key, for an unreadable file, a model that keeps no KV, an architecture that
    is not in `ARCHITECTURES`, or a value that is missing or impossible.
    """
    if path.is_dir():
        path = _file_in(path)
    quantization = read_quantization(path)
    shape = shape_of(str(path), load_json(path), kv_dtype, quantization)
    name = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    named = (replace(fact, origin=fact.origin.replace(str(path), path.name)) for fact in shape.facts)
    facts = (Term("model", name, "", "", str(path)), *named)
    weights = stored_weights(path) or shape.weights
    weights = weights and replace(weights, origin=weights.origin.replace(str(path), path.name))
    return replace(shape, name=name, facts=facts, weights=weights)


def shape_of(
    label: str,
    outer: Mapping[str, Any],
    kv_dtype: str | None = None,
    quantization: Mapping[str, Any] | None = None,
) -> Shape:
    """The shape that the keys `outer` of a config.json describe; `label` names them in messages and origins."""
    config, architecture, facts = _open(label, outer)
    dtype, origin = model_dtype(config)
    quantized = quantized_in(config, quantization)
    kept_dtype, kept_origin = checkpoint_kv_dtype(quantized) or (dtype, origin)
    if kv_dtype is not None:
        kept_dtype, kept_origin = kv_dtype, "model.kv_dtype"
    plan = plan_of(config, architecture.plan)
    facts.add("layers", len(plan.words), "layers", config.origin(*LAYERS) if config.name_of(LAYERS) else plan.origin)
    heads = heads_of(config, architecture.heads, plan.words, facts)
    windows = _windows(config, plan, facts)
    state = state_of(config, architecture.state, dtype, kept_dtype) if _has_states(config, architecture, plan) else None
    layers = tuple(_layers(plan.words, heads, windows, architecture.state, state)) + _index_keys(config, plan, facts)
    if all(isinstance(layer.keeps, State) for layer in layers):
        raise no_kv_in(config, plan, layers)
    facts.add("kv_dtype", kept_dtype, "", kept_origin)
    attention = _attention(layers, config.optional_integer(*HEADS))
    facts.terms.insert(1, replace(facts.terms[0], key="attention", value=attention))
    return Shape(
        name=label,
        attention=attention,
        layers=layers,
        dtype=kept_dtype,
        facts=tuple(facts.terms),
        weights=config_weights(config, architecture, heads, quantized[0] if quantized else None),
        sizes=config_sizes(config.values),
    )


def _file_in(folder: Path) -> Path:
    """The config.json of a model's folder."""
    path = folder / "config.json"
    if not path.is_file():
        raise PagedSimError(f"{folder}: no config.json in this folder; give the folder of a model or its config.json")
    return path


def _open(label: str, outer: Mapping[str, Any]) -> tuple[ConfigFile, Architecture, Facts]:
    """The language model's part of the file and how to read it; refuses what keeps no KV a token."""
    config, model_type = _language_model(label, outer)
    dtype, _ = model_dtype(config)
    refused = refusal_of(config, model_type, dtype)
    if refused is not None:
        raise refused
    name, architecture = model_type, architecture_of(model_type) if isinstance(model_type, str) else None
    key = "model_type"
    if architecture is None:
        name, key = _by_class(config), "architectures"
        architecture = ARCHITECTURES.get(name or "")
    if architecture is None:
        raise unknown_architecture(config, model_type)
    facts = Facts()
    facts.add("architecture", str(name), "", config.where(key))
    return replace(config, defaults=architecture.defaults), architecture, facts


def _language_model(label: str, outer: Mapping[str, Any]) -> tuple[ConfigFile, object]:
    """The innermost section that describes the language model, and its model_type, or else that around it."""
    sections, names = [outer], list[str]()
    while name := next((name for name in NESTINGS if sections[0].get(name) is not None), None):
        inner = sections[0][name]
        names.append(name)
        if not isinstance(inner, dict):
            raise PagedSimError(f"{label}: {'.'.join(names)}: expected an object, found {type(inner).__name__}")
        sections.insert(0, inner)
    model_type = next((section["model_type"] for section in sections if section.get("model_type") is not None), None)
    return ConfigFile(label, tuple(sections), "".join(f"{name}." for name in names), {}), model_type


def _by_class(config: ConfigFile) -> str | None:
    """The architecture whose name an entry of `architectures` has ("Qwen2ForCausalLM" -> qwen2), where one has."""
    named = {name.replace("_", "").replace("-", ""): name for name in ARCHITECTURES}
    for section in config.sections:
        classes = section.get("architectures")
        for entry in classes if isinstance(classes, list) else []:
            found = named.get(str(entry).split("For")[0].lower())
            if found:
                return found
    return None


_WINDOWS = {"sliding": ("sliding_window", "sliding_window_size"), "chunked": ("attention_chunk_size",)}


def _windows(config: ConfigFile, plan: Plan, facts: Facts) -> dict[str, int]:
    """The window or chunk of the layers that have one, by their word; one longer than the context hides nothing."""
    windows = {}
    context = config.optional_integer("max_position_embeddings")
    for word in (word for word in _WINDOWS if word in plan.words):
        window, origin = config.integer(*_WINDOWS[word]), config.origin(*_WINDOWS[word])
        if context is not None and window > context:
            facts.add("window", "none", "", f"{origin} {window:,} is longer than the context of {context:,}")
            continue
        facts.add(f"{word}_layers", plan.words.count(word), "layers", plan.origin)
        facts.add("window" if word == "sliding" else "chunk", window, "tokens", origin)
        windows[word] = window
    return windows


def _layers(
    words: Sequence[str], heads: Sequence[Attended], windows: Mapping[str, int], state_kind: str, state: State | None
) -> list[Layer]:
    """What every layer keeps, in order."""
    layers = []
    for word, kept in zip(words, heads, strict=True):
        if isinstance(kept, Latent) and word in ("full", "both"):
            layers.append(Layer("mla", kept))
        elif word in windows:
            layers.append(Layer(word, kept, windows[word]))
        elif word in ("full", "both", "sliding", "chunked"):
            layers.append(Layer("full", kept))
        if state is not None and word in ("state", "both"):
            layers.append(Layer(state_kind, state))
    return layers


def _has_states(config: ConfigFile, architecture: Architecture, plan: Plan) -> bool:
    """Whether some layer keeps a state; refuses a plan that has such layers where the architecture has none."""
    if not {"state", "both"} & set(plan.words):
        return False
    if not architecture.state:
        raise config.refuse("layer_types", "this architecture is not known to have layers of linear attention")
    return True


def _index_keys(config: ConfigFile, plan: Plan, facts: Facts) -> tuple[Layer, ...]:
    """The keys that the indexers of sparse attention keep beside each layer's KV.

    DeepSeek V3.2, GLM-5: an fp8 key of index_head_dim and 4 bytes of scale for every 128 of them, in the layers whose
    `indexer_types` is full (vLLM: `DeepseekV32IndexerCache`). MiniMax-M3: a 16-bit key in the layers of
    `sparse_attention_freq`, whose layout is not verified.
    """
    sparse = config.get("sparse_attention_config")
    if isinstance(sparse, dict) and sparse.get("use_sparse_attention"):
        key = "sparse_attention_config.sparse_index_dim"
        dim = config.integer(key)
        count = sum(map(bool, config.per_layer("sparse_attention_config.sparse_attention_freq", len(plan.words))))
        facts.add("index_dim", dim, "elements", f"{config.where(key)}; their layout is not verified")
        return (Layer("indexer", IndexKeys(dim, 16, 0)),) * count
    if config.get("index_head_dim") is None:
        return ()
    dim = config.integer("index_head_dim")
    facts.add("index_head_dim", dim, "elements", config.origin("index_head_dim"))
    types = config.get("indexer_types")
    count = len(plan.words) if types is None else config.per_layer("indexer_types", len(plan.words)).count("full")
    return (Layer("indexer", IndexKeys(dim, 8, 4 * -(-dim // 128))),) * count


def _attention(layers: Sequence[Layer], attention_heads: int | None) -> str:
    """The model's attention in a word, with every further kind of layer."""
    first = next((layer.keeps for layer in layers if isinstance(layer.keeps, Heads | Latent)), None)
    if isinstance(first, Heads):
        word = "mha" if first.kv_heads == attention_heads else "mqa" if first.kv_heads == 1 else "gqa"
    else:
        word = "mla"
    return "+".join([word, *dict.fromkeys(layer.kind for layer in layers if layer.kind not in ("full", "mla"))])
