"""The Hugging Face architectures whose `config.json` is understood: one line each, keyed by `model_type`.

An architecture that is not here is refused: how many heads, layers and windows it stores cannot be guessed from
its keys. The rules follow the configuration classes of the `transformers` library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to read one architecture.

    kv_heads: `given` num_key_value_heads must be there | `given_or_all` absent or null means every attention head
              stores K and V | `all` | `falcon` and `bigcode` one head with multi_query | `mla` one latent vector
    head_dim: `given` head_dim must be there | `derived` head_dim, else hidden_size / attention heads
    sliding:  `never` | `every` layer, where sliding_window is set | `switched` every layer, where use_sliding_window
              is true | `switched_tail` only layers from max_window_layers on, likewise | `alternate` layers 0, 2, 4 …
              | `pattern` all but every sliding_window_pattern-th (6 where absent). A `layer_types` list overrules.
    mlp:      `gated` three matrices | `plain`, `opt`, `gpt2`, `falcon` two, their width under different keys
              | `local_experts`, `qwen2_moe`, `qwen3_moe`, `deepseek` experts, likewise
    tied:     whether the output matrix is the embedding where tie_word_embeddings is absent
    positions: key of the number of learned position vectors, "" for none
    defaults: published files of this architecture leave these keys out and mean these values
    """

    kv_heads: str
    head_dim: str
    sliding: str
    mlp: str
    tied: bool = False
    positions: str = ""
    defaults: Mapping[str, int] = field(default_factory=dict)


ARCHITECTURES: dict[str, Architecture] = {
    "cohere": Architecture("given_or_all", "derived", "never", "gated", tied=True),
    "deepseek_v2": Architecture("mla", "given", "never", "deepseek"),
    "deepseek_v3": Architecture("mla", "given", "never", "deepseek"),
    "falcon": Architecture("falcon", "derived", "never", "falcon", tied=True),
    "gemma": Architecture("given", "given", "never", "gated", tied=True),
    "gemma2": Architecture("given", "given", "alternate", "gated", tied=True),
    "gemma3_text": Architecture(
        "given",
        "given",
        "pattern",
        "gated",
        tied=True,
        defaults={"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208},
    ),
    "gpt2": Architecture("all", "derived", "never", "gpt2", tied=True, positions="n_positions"),
    "gpt_bigcode": Architecture("bigcode", "derived", "never", "gpt2", tied=True, positions="n_positions"),
    "gpt_neox": Architecture("all", "derived", "never", "plain"),
    "gpt_oss": Architecture("given", "given", "alternate", "local_experts"),
    "gptj": Architecture("all", "derived", "never", "gpt2"),
    "kimi_k2": Architecture("mla", "given", "never", "deepseek"),
    "llama": Architecture("given_or_all", "derived", "never", "gated"),
    "mistral": Architecture("given", "derived", "every", "gated"),
    "mixtral": Architecture("given", "derived", "every", "local_experts"),
    "olmo2": Architecture("given_or_all", "derived", "never", "gated"),
    "opt": Architecture("all", "derived", "never", "opt", tied=True, positions="max_position_embeddings"),
    "phi": Architecture("given_or_all", "derived", "never", "plain"),
    "phi3": Architecture("given_or_all", "derived", "every", "gated"),
    "qwen2": Architecture("given", "derived", "switched_tail", "gated"),
    "qwen2_moe": Architecture("given", "derived", "switched_tail", "qwen2_moe"),
    "qwen3": Architecture("given", "given", "switched_tail", "gated"),
    "qwen3_moe": Architecture("given", "given", "switched", "qwen3_moe"),
    "starcoder2": Architecture("given", "derived", "every", "plain", tied=True),
}
