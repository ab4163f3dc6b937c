"""Why a `config.json` has no KV bytes a token, each case in its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.geometry.config_file import INSTEAD, LAYERS, ConfigFile
from paged_sim.geometry.layers import Layer, State
from paged_sim.geometry.plan import Plan
from paged_sim.geometry.states import state_of

_ENCODER_DECODERS = """
    bart blenderbot blenderbot-small bigbird_pegasus encoder-decoder fsmt led longt5 m2m_100 marian mbart
    moonshine mt5 mvp nllb-moe pegasus pegasus_x plbart prophetnet seamless_m4t seamless_m4t_v2 speech_to_text
    speecht5 speech-encoder-decoder switch_transformers t5 t5gemma t5gemma2 udop umt5 vision-encoder-decoder
    whisper
"""
_ENCODERS = """
    albert bert big_bird camembert clip convnext deberta deberta-v2 distilbert dinov2 electra esm hubert
    longformer modernbert mpnet nomic_bert roberta siglip siglip2 vit wav2vec2 xlm-roberta
"""
# Attention-free architectures: the state of a layer, by a rule of `states.RULES`, and what its class means.
_ATTENTION_FREE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "falcon_mamba": ("mamba", {"state_size": 16, "conv_kernel": 4, "expand": 2}),
    "mamba": ("mamba", {"state_size": 16, "conv_kernel": 4, "expand": 2}),
    "mamba2": (
        "mamba2_alone",
        {"head_dim": 64, "state_size": 128, "conv_kernel": 4, "expand": 2, "n_groups": 8},
    ),
    "rwkv": ("", {}),
    "rwkv5": ("", {}),
    "rwkv6": ("", {}),
    "rwkv7": ("", {}),
    "xlstm": ("", {}),
}


def refusal_of(config: ConfigFile, model_type: object, dtype: str) -> PagedSimError | None:
    """The error for a model that keeps no KV as attention layers do; None for one that may."""
    outer = config.sections[-1]
    types = {str(section.get("model_type")) for section in config.sections}
    if outer.get("is_encoder_decoder") is True or types & {*_ENCODER_DECODERS.split()}:
        reason = "is an encoder-decoder: its cross-attention keeps KV of the input apart, which is not simulated"
        return _no_kv(config, model_type, f"{reason}; for its decoder's own KV {INSTEAD}")
    if types & {*_ENCODERS.split()}:
        return _no_kv(config, model_type, "is an encoder: it generates no tokens and keeps no KV cache")
    if str(model_type) in _ATTENTION_FREE:
        return _no_kv(config, model_type, f"has no attention: no KV cache; {_state(config, str(model_type), dtype)}")
    if config.get("compress_ratios") is not None:
        reason = "compressed sparse attention keeps a varying number of bytes a token, which are not settled"
        return config.refuse("compress_ratios", reason)
    return None


def no_kv_in(config: ConfigFile, plan: Plan, layers: Sequence[Layer]) -> PagedSimError:
    """The error for a model of an architecture with attention, none of whose layers has any."""
    size = sum(layer.keeps.bytes(1) for layer in layers if isinstance(layer.keeps, State))
    return PagedSimError(
        f"{config.label}: no layer keeps KV ({plan.origin}): no KV cache; state {size:,} bytes a sequence"
    )


def unknown_architecture(config: ConfigFile, model_type: object) -> PagedSimError:
    """The error for a model_type that no line of the table knows."""
    classes = config.sections[-1].get("architectures")
    if model_type is None:
        return config.refuse("model_type", f"missing (architectures: {classes!r}); is this a model's config.json?")
    return config.refuse("model_type", f"{model_type!r} is not a known architecture (architectures: {classes!r})")


def _no_kv(config: ConfigFile, model_type: object, reason: str) -> PagedSimError:
    return PagedSimError(f"{config.where('model_type')}: {model_type!r} {reason}")


def _state(config: ConfigFile, model_type: str, dtype: str) -> str:
    """The state of the whole model in words, with its bytes where the file tells them."""
    rule, defaults = _ATTENTION_FREE[model_type]
    known = replace(config, defaults=defaults)
    try:
        size = known.integer(*LAYERS) * state_of(known, rule, dtype, dtype).bytes(1) if rule else 0
    except PagedSimError:
        size = 0
    return f"state {size:,} bytes a sequence, whatever its length" if size else "a state of fixed size"
