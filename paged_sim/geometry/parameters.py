"""The number of parameters of a model, from its `config.json`: what `weights: auto` needs."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.errors import PagedSimError
from paged_sim.geometry.architectures import Architecture
from paged_sim.geometry.checkpoint import model_dtype
from paged_sim.geometry.config_file import HEADS, HIDDEN, LAYERS, ConfigFile
from paged_sim.geometry.dtypes import BITS, whole_bytes
from paged_sim.geometry.heads import Attended
from paged_sim.geometry.layers import Heads
from paged_sim.geometry.shape import Weights

# MLPs of two matrices: the key of their width, four times the hidden size where absent.
_TWO_MATRICES = {"plain": "intermediate_size", "opt": "ffn_dim", "gpt2": "n_inner", "falcon": "ffn_hidden_size"}


def config_weights(
    config: ConfigFile, architecture: Architecture, kept: Sequence[Attended], quantized: str | None
) -> Weights:
    """Bytes of the language model's weights, or why the file does not tell them.

    Counts the matrices: embeddings, attention, MLP or experts. Norms and biases (below 0.1 %) and a vision part are
    left out. Not told: sizes missing from the file, weights that are `quantized` (says where), an MLP that is not
    known, or layers that differ.
    """
    if quantized is not None:
        return Weights(None, "", f"{quantized}: a quantized checkpoint, whose size no file here tells")
    if not architecture.mlp or len(set(kept)) != 1:
        return Weights(None, "", f"{config.label}: the matrices of this architecture are not counted")
    try:
        dtype, _ = model_dtype(config)
        parameters = _parameters(config, architecture, kept[0])
    except PagedSimError:
        return Weights(None, "", f"{config.label}: sizes of matrices are missing")
    formula = f"{parameters:,} parameters in matrices x {BITS[dtype] / 8:g} bytes ({dtype})"
    return Weights(whole_bytes(parameters, dtype), formula, f"sizes in {config.label}")


def _parameters(config: ConfigFile, architecture: Architecture, kept: Attended) -> int:
    hidden, layers = config.integer(*HIDDEN), config.integer(*LAYERS)
    if isinstance(kept, Heads):
        attention = 2 * hidden * kept.key_dim * (config.integer(*HEADS) + kept.kv_heads)
    else:
        attention = _latent_attention(config, hidden)
    copies = 1 if config.flag("tie_word_embeddings", architecture.tied) else 2
    embeddings = copies * config.integer("vocab_size") * hidden
    if architecture.positions:
        embeddings += config.integer(architecture.positions) * hidden
    return embeddings + layers * attention + _mlp(config, architecture.mlp, hidden, layers)


def _latent_attention(config: ConfigFile, hidden: int) -> int:
    """One MLA layer: query (compressed where q_lora_rank is set), latent, its expansion, output."""
    heads = config.integer(*HEADS)
    rank, rope = config.integer("kv_lora_rank"), config.integer("qk_rope_head_dim")
    nope, value = config.integer("qk_nope_head_dim"), config.integer("v_head_dim")
    query_rank = config.optional_integer("q_lora_rank")
    query_out = heads * (nope + rope)
    query = hidden * query_out if query_rank is None else query_rank * (hidden + query_out)
    return query + hidden * (rank + rope) + rank * heads * (nope + value) + heads * value * hidden


def _mlp(config: ConfigFile, kind: str, hidden: int, layers: int) -> int:
    """All layers' MLPs or experts with their routers."""
    if kind in _TWO_MATRICES:
        return layers * 2 * hidden * (config.optional_integer(_TWO_MATRICES[kind]) or 4 * hidden)
    if kind == "gated":
        return layers * 3 * hidden * config.integer("intermediate_size")
    if kind == "local_experts":
        return layers * _experts(hidden, config.integer("num_local_experts"), config.integer("intermediate_size"))
    if kind == "deepseek":
        return _deepseek_mlp(config, hidden, layers)
    if config.get("mlp_only_layers") or config.get("decoder_sparse_step") not in (None, 1):
        raise config.refuse("mlp_only_layers", "a mix of experts and plain layers is not counted")
    experts = _experts(hidden, config.integer("num_experts"), config.integer("moe_intermediate_size"))
    if kind == "qwen2_moe":
        experts += 3 * hidden * config.integer("shared_expert_intermediate_size") + hidden
    return layers * experts


def _experts(hidden: int, experts: int, width: int) -> int:
    """One layer's experts of three matrices each, and the router."""
    return experts * (3 * hidden * width + hidden)


def _deepseek_mlp(config: ConfigFile, hidden: int, layers: int) -> int:
    """Dense layers first, then layers of routed and shared experts."""
    dense = min(layers, config.integer("first_k_dense_replace"))
    width = config.integer("moe_intermediate_size")
    experts = _experts(hidden, config.integer("n_routed_experts"), width)
    experts += config.integer("n_shared_experts") * 3 * hidden * width
    return dense * 3 * hidden * config.integer("intermediate_size") + (layers - dense) * experts
