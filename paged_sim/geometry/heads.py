"""How many heads of what size each layer stores, from a `config.json`, by its architecture's rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from paged_sim.geometry.config_file import HEADS, HIDDEN, ConfigFile
from paged_sim.geometry.layers import Heads, Latent
from paged_sim.geometry.terms import Facts

KV_HEADS = (
    "num_key_value_heads",
    "num_kv_heads",
    "n_head_kv",
    "multi_query_group_num",
    "num_query_groups",
    "num_attention_groups",
    "num_key_value_heads_per_layer",
    "attn_config.kv_n_heads",
)
_HEAD_DIM = ("head_dim", "attention_head_dim", "kv_channels")

Attended = Heads | Latent
"""What a layer's attention keeps of a token."""


def heads_of(config: ConfigFile, rule: str, words: Sequence[str], facts: Facts) -> list[Attended]:
    """What one layer's attention keeps of a token, for each word of the plan; notes what was read.

    The entries of layers without attention mean nothing. Raises PagedSimError for a value that is missing or
    impossible.
    """
    return RULES[rule](config, words, facts)


def _grouped(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """num_key_value_heads for all layers or one for each, every attention head where it is null."""
    name = config.name_of(KV_HEADS)
    if name is not None and isinstance(config.get(name), list):
        counts = [config.checked(f"{name}[{i}]", n) for i, n in enumerate(config.per_layer(name, len(words)))]
        facts.add("kv_heads", f"{min(counts)} to {max(counts)}", "", config.where(name))
        dim = _head_dim(config, facts)
        return [Heads(count, dim, dim) for count in counts]
    if name is None:
        return _all(config, words, facts)
    return _same(config, config.integer(name), config.origin(name), name, words, facts)


def _all(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """Every attention head keeps K and V."""
    return _same(config, config.integer(*HEADS), f"{config.origin(*HEADS)}: every head keeps K and V", "", words, facts)


def _same(
    config: ConfigFile, kv_heads: int, origin: str, name: str, words: Sequence[str], facts: Facts
) -> list[Attended]:
    """The same heads in every layer."""
    heads = config.optional_integer(*HEADS)
    if heads is not None and heads % kv_heads:
        raise config.refuse(name, f"{kv_heads} does not divide {heads} attention heads")
    facts.add("kv_heads", kv_heads, "heads", origin)
    dim = _head_dim(config, facts)
    return [Heads(kv_heads, dim, dim)] * len(words)


def _head_dim(config: ConfigFile, facts: Facts) -> int:
    """Elements a head: read, or derived where the architecture's class names no size of its own."""
    name = config.name_of(_HEAD_DIM)
    if name is not None or "head_dim" in config.defaults:
        dim = config.integer(*_HEAD_DIM)
        facts.add("head_dim", dim, "elements", config.origin(*_HEAD_DIM))
        return dim
    hidden, heads = config.integer(*HIDDEN), config.integer(*HEADS)
    if hidden % heads:
        key = config.name_of(HIDDEN) or HIDDEN[0]
        raise config.refuse(key, f"{hidden} is not a multiple of {heads} attention heads")
    origin = f"{config.origin(*HIDDEN)} / attention heads = {hidden} / {heads}"
    facts.add("head_dim", hidden // heads, "elements", origin)
    return hidden // heads


def _falcon(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """One head with multi_query, num_kv_heads in the new decoder."""
    if config.flag("new_decoder_architecture", default=False) or config.get("n_head_kv") is not None:
        kv_heads = config.integer("num_kv_heads", "n_head_kv")
        key = config.name_of(("num_kv_heads", "n_head_kv")) or ""
        return _same(config, kv_heads, config.origin("num_kv_heads", "n_head_kv"), key, words, facts)
    return _multi_query(config, words, facts)


def _multi_query(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """One head with multi_query, which is the usual case."""
    if not config.flag("multi_query", default=True):
        return _all(config, words, facts)
    return _same(config, 1, f"{config.where('multi_query')}: one KV head", "multi_query", words, facts)


def _chatglm(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """multi_query_group_num heads with multi_query_attention."""
    if not config.flag("multi_query_attention", default=False):
        return _all(config, words, facts)
    return _grouped(config, words, facts)


def _mla(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """The latent vector: the compressed K and V, and the key part that carries positions; heads with use_mla false."""
    if not config.flag("use_mla", default=True):
        return _grouped(config, words, facts)
    if "kv_lora_rank" in config.values and config.get("kv_lora_rank") is None:
        raise config.refuse("kv_lora_rank", "null: without multi-head latent attention its K and V are not known")
    rank, rope = config.integer("kv_lora_rank"), config.integer("qk_rope_head_dim")
    facts.add("kv_lora_rank", rank, "elements", config.origin("kv_lora_rank"))
    facts.add("qk_rope_head_dim", rope, "elements", config.origin("qk_rope_head_dim"))
    return [Latent(rank, rope)] * len(words)


def _nas(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """Attention heads / n_heads_in_group, a count a layer."""
    heads, dim = config.integer(*HEADS), _head_dim(config, facts)
    kept: list[Attended] = []
    for index, word in enumerate(words):
        group = 1
        if word != "none":
            key = f"block_configs[{index}].attention.n_heads_in_group"
            group = config.checked(key, config.get("block_configs")[index]["attention"].get("n_heads_in_group"))
            if heads % group:
                raise config.refuse(key, f"{group} does not divide {heads} attention heads")
        kept.append(Heads(heads // group, dim, dim))
    facts.add("kv_heads", "a count a layer", "", f"{config.where('block_configs')}: heads / n_heads_in_group")
    return kept


def _gemma4(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """Full layers have heads of global_head_dim, and with attention_k_eq_v num_global_key_value_heads of them.

    K equals V there, one projection for both, but a cache stores both.
    """
    kv_heads, dim = config.integer("num_key_value_heads"), config.integer("head_dim")
    full_dim = config.optional_integer("global_head_dim") or dim
    full_heads = config.optional_integer("num_global_key_value_heads")
    if full_heads is None or not config.flag("attention_k_eq_v", default=False):
        full_heads = kv_heads
    facts.add("kv_heads", kv_heads, "heads", config.origin("num_key_value_heads"))
    facts.add("head_dim", dim, "elements", config.origin("head_dim"))
    facts.add("global_kv_heads", full_heads, "heads", config.origin("num_global_key_value_heads"))
    facts.add("global_head_dim", full_dim, "elements", config.origin("global_head_dim"))
    return [
        _overridden(config, index, *((full_heads, full_dim) if word == "full" else (kv_heads, dim)))
        for index, word in enumerate(words)
    ]


def _overridden(config: ConfigFile, index: int, kv_heads: int, dim: int) -> Heads:
    """One layer's heads; `per_layer_config` overrules them."""
    layers: Any = config.get("per_layer_config")
    own = layers.get(str(index)) if isinstance(layers, dict) else None
    if isinstance(own, dict):
        where = f"per_layer_config.{index}"
        kv_heads = config.checked(f"{where}.num_key_value_heads", own.get("num_key_value_heads", kv_heads))
        dim = config.checked(f"{where}.head_dim", own.get("head_dim", dim))
    return Heads(kv_heads, dim, dim)


def _mimo_v2(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """K and V of different sizes; window layers under keys of their own (swa_…)."""
    full = _sized(config, "", facts)
    window = _sized(config, "swa_", facts) if "sliding" in words else full
    return [window if word == "sliding" else full for word in words]


def _sized(config: ConfigFile, prefix: str, facts: Facts) -> Heads:
    """Heads under keys with a prefix, or without where those are not there."""
    names = {key: (f"{prefix}{key}", key) for key in ("num_key_value_heads", "head_dim", "v_head_dim")}
    values = {key: config.integer(*both) for key, both in names.items()}
    for key, value in values.items():
        facts.add(f"{prefix}{key}", value, "heads" if "heads" in key else "elements", config.origin(*names[key]))
    return Heads(*values.values())


def _zamba2(config: ConfigFile, words: Sequence[str], facts: Facts) -> list[Attended]:
    """The shared block sees the hidden state beside the embedding: heads of twice the size."""
    heads, hidden = config.integer(*HEADS), config.integer(*HIDDEN)
    kv_heads = config.optional_integer("num_key_value_heads") or heads
    dim = config.optional_integer("attention_head_dim") or 2 * hidden // heads
    facts.add("kv_heads", kv_heads, "heads", config.origin("num_key_value_heads"))
    facts.add("head_dim", dim, "elements", f"{config.origin(*HIDDEN)} x 2 / attention heads")
    return [Heads(kv_heads, dim, dim)] * len(words)


RULES: dict[str, Callable[[ConfigFile, Sequence[str], Facts], list[Attended]]] = {
    "all": _all,
    "bigcode": _multi_query,
    "chatglm": _chatglm,
    "falcon": _falcon,
    "gemma4": _gemma4,
    "grouped": _grouped,
    "mimo_v2": _mimo_v2,
    "mla": _mla,
    "nas": _nas,
    "zamba2": _zamba2,
}
