"""The architectures whose `config.json` is understood: one line each, keyed by `model_type`.

An architecture that is not here is refused: how many heads, layers and windows it stores cannot be guessed from
its keys. The rules and class defaults follow the configuration classes of the `transformers` library (5.24), and
what is stored follows vLLM (0.33). `NAME_text` means `NAME` where it has no line of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to read one architecture.

    plan:     what each layer is, by a rule of `plan_rules.RULES`; a list in the file (`layer_types`) overrules it
    mlp:      for the number of parameters: `gated` three matrices | `plain`, `opt`, `gpt2`, `falcon` two, their width
              under different keys | `local_experts`, `qwen2_moe`, `qwen3_moe`, `deepseek` experts, likewise
              | "" not known
    heads:    what an attention layer keeps, by a rule of `heads.RULES`
    state:    what a layer of linear attention keeps, by a rule of `states.RULES`
    tied:     whether the output matrix is the embedding where tie_word_embeddings is absent
    positions: key of the number of learned position vectors, "" for none
    defaults: what the architecture means by a key that is not there
    """

    plan: str
    mlp: str = ""
    heads: str = "grouped"
    state: str = ""
    tied: bool = False
    positions: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)


def _size(
    layers: int, heads: int, kv_heads: int | None, hidden: int, head_dim: int | None = None, **others: Any
) -> dict[str, Any]:
    """Class defaults under their keys; None where the class has none."""
    keys = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_size", "head_dim")
    given = dict(zip(keys, (layers, heads, kv_heads, hidden, head_dim), strict=True)) | others
    return {key: value for key, value in given.items() if value is not None}


_A = Architecture
_MLA = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
_GDN = {
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
}
_MAMBA2 = {
    "mamba_n_heads": 128,
    "mamba_n_groups": 1,
    "mamba_d_state": 256,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
}
_JAMBA = {
    "attn_layer_period": 8,
    "attn_layer_offset": 4,
    "mamba_d_state": 16,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
}
_NEMOTRON_H = {
    "ssm_state_size": 128,
    "mamba_num_heads": 128,
    "mamba_head_dim": 64,
    "n_groups": 8,
    "conv_kernel": 4,
    "mamba_ssm_cache_dtype": "float32",
}
_ZAMBA2 = {
    "n_mamba_heads": 8,
    "mamba_ngroups": 1,
    "mamba_d_state": 64,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
}
_QWEN2 = {"sliding_window": 4096, "max_window_layers": 28}

ARCHITECTURES: dict[str, Architecture] = {
    "afmoe": _A("every_4th_full", defaults=_size(32, 16, None, 2048, 128, sliding_window=1024)),
    "apertus": _A("full", "plain", defaults=_size(32, 32, None, 4096)),
    "apertus1p5": _A("full", defaults=_size(32, 32, None, 4096)),
    "aquila": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "arcee": _A("full", "plain", defaults=_size(32, 32, None, 2560)),
    "arctic": _A("full", defaults=_size(32, 32, None, 4096)),
    "aria_text": _A("full", defaults=_size(32, 32, None, 4096)),
    "axk1": _A("full", "deepseek", "mla", defaults=_size(61, 64, 64, 7168, **_MLA)),
    "baichuan": _A("full", "gated", "all", defaults=_size(32, 32, None, 4096)),
    "bailing_hybrid": _A("layer_group_size", "", "mla", state="lightning", defaults=_size(42, 32, 32, 2560, **_MLA)),
    "bailing_moe": _A("full"),
    "bailing_moe_linear": _A("layer_group_size", state="lightning"),
    "bailing_moe_v2": _A("full"),
    "bamba": _A("attn_layer_indices", "", state="mamba2", defaults=_size(32, 32, 8, 4096, **_MAMBA2)),
    "bitnet": _A("full", "gated", defaults=_size(30, 20, 5, 2560)),
    "bloom": _A("full", "", "all", tied=True),
    "chameleon": _A("full", "gated", defaults=_size(32, 32, 32, 4096)),
    "chatglm": _A("full", "", "chatglm"),
    "codegen": _A("full", "", "all"),
    "codeshell": _A("full", ""),
    "cohere": _A("full", "gated", tied=True, defaults=_size(40, 64, None, 8192)),
    "cohere2": _A("every_4th_full", "gated", tied=True, defaults=_size(40, 64, None, 8192, sliding_window=4096)),
    "cohere2_moe": _A("every_4th_full", tied=True, defaults=_size(40, 64, None, 8192, 128, sliding_window=4096)),
    "cohere_compass": _A("full", defaults=_size(40, 64, None, 8192, sliding_window=4096)),
    "cosmos3_edge": _A("full", defaults=_size(28, 16, 8, 2048, 128)),
    "cwm": _A("first_of_4_full", "gated", defaults=_size(64, 48, 8, 6144, 128, sliding_window=8192)),
    "dbrx": _A("full"),
    "deci": _A("full", "gated"),
    "deepseek": _A("full", defaults=_size(28, 16, 16, 2048)),
    "deepseek_ocr2": _A("full", defaults=_size(32, 32, None, 4096)),
    "deepseek_v2": _A("full", "deepseek", "mla", defaults=_size(32, 32, None, 4096, **_MLA)),
    "deepseek_v3": _A("full", "deepseek", "mla", defaults=_size(61, 128, 128, 7168, **_MLA)),
    "deepseek_v32": _A("full", "deepseek", "mla", defaults=_size(61, 128, 128, 7168, **_MLA, index_head_dim=128)),
    "diffllama": _A("full", "gated", defaults=_size(16, 32, None, 2048)),
    "dots1": _A("tail", defaults=_size(62, 32, 32, 4608, sliding_window=4096, max_window_layers=62)),
    "emu3_text_model": _A("full", "gated", defaults=_size(32, 32, 8, 4096)),
    "ernie4_5": _A("full", "gated", tied=True, defaults=_size(18, 16, 2, 1024, 128)),
    "ernie4_5_moe": _A("full", defaults=_size(28, 20, 4, 2560)),
    "ernie4_5_moe_vl": _A("full", defaults=_size(28, 20, 4, 2560)),
    "ernie4_5_vl_moe": _A("full", defaults=_size(28, 20, 4, 2560)),
    "exaone": _A("full", "gated", defaults=_size(32, 32, 8, 4096)),
    "exaone4": _A("every_4th_full", "gated", defaults=_size(32, 32, 32, 4096, sliding_window=4096)),
    "exaone_moe": _A("every_4th_full", defaults=_size(32, 32, 32, 4096, sliding_window=4096)),
    "falcon": _A("full", "falcon", "falcon", tied=True, defaults=_size(32, 71, None, 4544)),
    "falcon_h1": _A("both", "", state="mamba2", defaults=_size(32, 32, 8, 4096, mamba_d_ssm=1024, **_MAMBA2)),
    "flex_olmo": _A("full", defaults=_size(32, 32, None, 4096)),
    "gemma": _A("full", "gated", tied=True, defaults=_size(28, 16, 16, 3072, 256)),
    "gemma2": _A("alternate", "gated", tied=True, defaults=_size(26, 8, 4, 2304, 256, sliding_window=4096)),
    "gemma3_text": _A(
        "every_6th_full",
        "gated",
        tied=True,
        defaults=_size(26, 8, 4, 2304, 256, sliding_window=4096, vocab_size=262_208),
    ),
    "gemma3n_text": _A("every_5th_full", tied=True, defaults=_size(35, 8, 2, 2048, 256, sliding_window=512)),
    "gemma4_text": _A(
        "gemma4", "", "gemma4", tied=True, defaults=_size(30, 8, 4, 2304, 256, sliding_window=512, global_head_dim=512)
    ),
    "gemma4_unified_text": _A(
        "gemma4", "", "gemma4", tied=True, defaults=_size(30, 8, 4, 2304, 256, sliding_window=1024, global_head_dim=512)
    ),
    "glm": _A("full", "gated", defaults=_size(40, 32, 2, 4096, 128)),
    "glm4": _A("full", "gated", defaults=_size(40, 32, 2, 4096, 128)),
    "glm4_moe": _A("full", defaults=_size(46, 96, 8, 4096)),
    "glm4_moe_lite": _A("full", "deepseek", "mla", defaults=_size(47, 20, 20, 2048, **_MLA)),
    "glm4v": _A("full", "gated", defaults=_size(40, 32, 2, 4096)),
    "glm4v_moe": _A("full", defaults=_size(46, 96, 8, 4096)),
    "glm_image": _A("full", defaults=_size(40, 32, 2, 4096)),
    "glm_moe_dsa": _A("full", "deepseek", "mla", defaults=_size(78, 64, 64, 6144, **_MLA, index_head_dim=128)),
    "glm_ocr": _A("full", "gated", defaults=_size(16, 16, 8, 1024)),
    "gpt2": _A("full", "gpt2", "all", tied=True, positions="n_positions", defaults={"n_layer": 12, "n_head": 12}),
    "gpt_bigcode": _A("full", "gpt2", "bigcode", tied=True, positions="n_positions"),
    "gpt_neox": _A("full", "plain", "all"),
    "gpt_neox_japanese": _A("full", "", "all"),
    "gpt_oss": _A("alternate", "local_experts", defaults=_size(36, 64, 8, 2880, 64, sliding_window=128)),
    "gptj": _A("full", "gpt2", "all"),
    "granite": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "granite4_vision": _A("full", defaults=_size(32, 32, None, 4096)),
    "granite_docling": _A("full", defaults=_size(28, 16, 4, 1024)),
    "granite_swa": _A("first_of_4_full", defaults=_size(24, 20, 4, 2560, sliding_window=128)),
    "granitemoe": _A("full", defaults=_size(32, 32, None, 4096)),
    "granitemoe_swa": _A("first_of_4_full", defaults=_size(32, 32, None, 4096, sliding_window=128)),
    "granitemoehybrid": _A("states", "", state="mamba2", defaults=_size(32, 32, None, 4096, **_MAMBA2)),
    "granitemoeshared": _A("full", defaults=_size(32, 32, None, 4096)),
    "grok-1": _A("full"),
    "helium": _A("full", "gated", defaults=_size(24, 20, 20, 2560, 128)),
    "hunyuan": _A("cross_layer", defaults=_size(32, 32, None, 4096)),
    "hunyuan_v1_dense": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "hunyuan_v1_moe": _A("cross_layer", defaults=_size(32, 32, None, 4096)),
    "hunyuan_vl": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "hy_v3": _A("full", defaults=_size(80, 64, 8, 4096, 128)),
    "hyperclovax": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "internlm": _A("full", "gated", "all"),
    "internlm2": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "internlm3": _A("full", "gated", defaults=_size(48, 32, 2, 4096, 128)),
    "iquestcoder": _A("full", "gated", defaults=_size(80, 40, 8, 5120, 128)),
    "jais": _A("full", "", "all"),
    "jais2": _A("full", defaults=_size(32, 26, None, 3328)),
    "jamba": _A("attn_layer_period", "", state="mamba", defaults=_size(32, 32, 8, 4096, **_JAMBA)),
    "kimi_k2": _A("full", "deepseek", "mla", defaults=_size(61, 64, 64, 7168, **_MLA)),
    "kimi_linear": _A("kimi_linear", "", "mla", state="kda", defaults=_size(27, 32, 32, 2304, **_MLA)),
    "kolibri1": _A("every_5th_full", defaults=_size(50, 48, 4, 2560, 128, sliding_window=513)),
    "laguna": _A("full", defaults=_size(40, 48, 8, 2048, 128, sliding_window=512)),
    "lfm2": _A("full_attn_idxs", "", state="conv", defaults=_size(32, 32, 8, 2560, conv_L_cache=3)),
    "lfm2_moe": _A("full_attn_idxs", "", state="conv", defaults=_size(32, 32, 8, 2048, conv_L_cache=3)),
    "llama": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "llama4_text": _A("no_rope_layers", defaults=_size(48, 40, 8, 5120, 128, attention_chunk_size=8192)),
    "longcat_flash": _A("double", "", "mla", defaults=_MLA),
    "mellum": _A("full", defaults=_size(28, 32, 4, 2304, 128, sliding_window=1024)),
    "mimo": _A("tail", "gated", defaults=_size(36, 32, 8, 4096, **_QWEN2)),
    "mimo_v2_flash": _A("mimo_v2", "", "mimo_v2", defaults={"sliding_window": 128, "v_head_dim": 128}),
    "minicpm": _A("full", "gated", tied=True, defaults=_size(32, 32, None, 4096)),
    "minimax": _A("alternate_states", "", state="lightning", defaults=_size(32, 32, 8, 4096)),
    "minimax_m1": _A("alternate_states", "", state="lightning"),
    "minimax_m2": _A("full", "local_experts", defaults=_size(62, 48, 8, 3072, 128)),
    "minimax_m3": _A("full", "", defaults=_size(60, 64, 4, 6144, 128)),
    "minimax_text_01": _A("alternate_states", "", state="lightning"),
    "ministral": _A("window", "gated", defaults=_size(32, 32, 8, 4096, sliding_window=4096)),
    "ministral3": _A("window", "gated", defaults=_size(34, 32, 8, 4096, 128)),
    "mistral": _A("window", "gated", defaults=_size(32, 32, 8, 4096, sliding_window=4096)),
    "mistral4": _A("full", "", "mla", defaults=_size(36, 32, 32, 4096, kv_lora_rank=256, qk_rope_head_dim=64)),
    "mixtral": _A("window", "local_experts", defaults=_size(32, 32, 8, 4096)),
    "mllama_text_model": _A("mllama", "", state="cross", defaults=_size(40, 32, 8, 4096)),
    "molmo": _A("full"),
    "molmo2": _A("full", defaults=_size(36, 32, 8, 4096, 128)),
    "mpt": _A("full"),
    "nanochat": _A("full", defaults=_size(12, 6, None, 768)),
    "nemotron": _A("full", "plain", defaults=_size(32, 48, None, 6144)),
    "nemotron-nas": _A("nas", "", "nas"),
    "nemotron_h": _A("nemotron_h", "", state="mamba2", defaults=_size(52, 32, 8, 4096, 128, **_NEMOTRON_H)),
    "olmo": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "olmo2": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "olmo3": _A("every_4th_full", "gated", defaults=_size(32, 32, None, 4096, sliding_window=4096)),
    "olmo_hybrid": _A("every_4th_states", "", state="gdn"),
    "olmoe": _A("full", defaults=_size(16, 16, None, 2048)),
    "openelm": _A("full"),
    "opt": _A("full", "opt", "all", tied=True, positions="max_position_embeddings"),
    "orion": _A("full", "gated", defaults=_size(40, 40, None, 5120)),
    "paddleocr_vl": _A("full", "gated", defaults=_size(18, 16, 2, 1024, 128)),
    "persimmon": _A("full", "plain", "all"),
    "phi": _A("full", "plain", defaults=_size(24, 32, None, 2048)),
    "phi-msft": _A("full", "", "all"),
    "phi3": _A("window", "gated", defaults=_size(32, 32, None, 3072)),
    "phi3_v": _A("window", "gated", defaults=_size(32, 32, None, 3072)),
    "phi4_multimodal": _A("window", "gated", defaults=_size(32, 32, 8, 3072)),
    "phi4flash": _A(
        "phi4flash", "", state="mamba", defaults={"mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2}
    ),
    "phi4mm": _A("window", "gated", defaults=_size(32, 32, None, 3072)),
    "phimoe": _A("window", defaults=_size(32, 32, 8, 4096)),
    "plamo": _A("full", ""),
    "qwen": _A("full", "", "all"),
    "qwen2": _A("tail", "gated", defaults=_size(32, 32, 32, 4096, **_QWEN2)),
    "qwen2_5_omni": _A("tail", "gated", defaults=_size(28, 28, 4, 3584, **_QWEN2)),
    "qwen2_5_vl": _A("tail", "gated", defaults=_size(80, 64, 8, 8192, sliding_window=4096, max_window_layers=80)),
    "qwen2_moe": _A("tail", "qwen2_moe", defaults=_size(24, 16, 16, 2048, **_QWEN2)),
    "qwen2_vl": _A("tail", "gated", defaults=_size(80, 64, 8, 8192, sliding_window=4096, max_window_layers=80)),
    "qwen3": _A("tail", "gated", defaults=_size(32, 32, 32, 4096, 128, **_QWEN2)),
    "qwen3_5": _A("every_4th_states", "", state="gdn", defaults=_size(32, 16, 4, 4096, 256, **_GDN)),
    "qwen3_5_moe": _A("every_4th_states", "", state="gdn", defaults=_size(40, 16, 2, 2048, 256, **_GDN)),
    "qwen3_moe": _A("switched", "qwen3_moe", defaults=_size(24, 32, 4, 2048, sliding_window=4096)),
    "qwen3_next": _A("every_4th_states", "", state="gdn", defaults=_size(48, 16, 2, 2048, 256, **_GDN)),
    "qwen3_omni_moe": _A("full", "qwen3_moe", defaults=_size(28, 28, 4, 2048)),
    "qwen3_vl": _A("full", "gated", defaults=_size(32, 32, 32, 4096, 128)),
    "qwen3_vl_moe": _A("full", "qwen3_moe", defaults=_size(24, 16, 16, 2048)),
    "sarvam_mla": _A("full", "", "mla", defaults=_size(32, 64, None, 4096, **_MLA)),
    "sarvam_moe": _A("full", defaults=_size(19, 64, 4, 4096, 64)),
    "seed_oss": _A("full", "gated", defaults=_size(64, 80, 8, 4096, 128)),
    "smollm3": _A("full", "gated", defaults=_size(36, 16, 4, 2048)),
    "solar": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "solar_open": _A("full", defaults=_size(48, 64, 8, 4096, 128)),
    "stablelm": _A("full", "gated", defaults=_size(32, 32, 32, 2560)),
    "stablelm_epoch": _A("full", "gated", defaults=_size(32, 32, 32, 2560)),
    "starcoder2": _A("window", "plain", tied=True, defaults=_size(30, 24, 2, 3072)),
    "step3": _A("full", defaults={"num_attention_groups": 1, "head_dim": 256}),
    "step3p5": _A("full", defaults=_size(45, 64, 8, 4096, 128)),
    "step3p7": _A("full", defaults=_size(45, 64, 8, 4096, 128)),
    "telechat": _A("full"),
    "vaultgemma": _A("alternate", "gated", tied=True, defaults=_size(26, 8, 4, 2304, 256, sliding_window=4096)),
    "voxtral_realtime": _A("window", "gated", defaults=_size(32, 32, 8, 4096, sliding_window=4096)),
    "xverse": _A("full", "gated", defaults=_size(32, 32, None, 4096)),
    "youtu": _A("full", "", "mla", defaults=_size(32, 16, 16, 2048, **_MLA)),
    "zamba2": _A("zamba2", "", "zamba2", state="mamba2", defaults=_size(54, 32, None, 2560, **_ZAMBA2)),
}

# Other names of an architecture: those of older files, and of multimodal files whose language model is not named.
_OTHER_NAMES = {
    "Keye": "qwen3",
    "KeyeVL1_5": "qwen3",
    "RefinedWeb": "falcon",
    "RefinedWebModel": "falcon",
    "Yi": "llama",
    "aya_vision": "cohere2",
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text",
    "gemma4": "gemma4_text",
    "gemma4_unified": "gemma4_unified_text",
    "idefics3": "llama",
    "kimi_k25": "kimi_k2",
    "kimi_vl": "deepseek_v3",
    "llama4": "llama4_text",
    "llava": "llama",
    "llava_next": "llama",
    "mimo_v2": "mimo_v2_flash",
    "minicpmo": "qwen2",
    "minicpmv": "qwen2",
    "minimax_m3_vl": "minimax_m3",
    "minimax_m3_vl_text": "minimax_m3",
    "mistral3": "mistral",
    "mixformer-sequential": "phi-msft",
    "mllama": "mllama_text_model",
    "nemotron_nas": "nemotron-nas",
    "paligemma": "gemma",
    "pixtral": "mistral",
    "smolvlm": "llama",
    "vipllava": "llama",
    "voxtral": "llama",
}


def architecture_of(model_type: str) -> Architecture | None:
    """The line for a `model_type`, under another of its names, or without "_text"; None where there is none."""
    name = _OTHER_NAMES.get(model_type, model_type)
    return ARCHITECTURES.get(name) or ARCHITECTURES.get(name.removesuffix("_text"))
