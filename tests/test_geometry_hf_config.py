"""Hugging Face config.json: architectures, origins, parameter counts, and files that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paged_sim.errors import EXIT_USAGE, PagedSimError
from paged_sim.geometry import Geometry, heads, plan_rules, resolve_model, states
from paged_sim.geometry.architectures import ARCHITECTURES
from paged_sim.scenario.models import Variant

CONFIGS = Path(__file__).parent / "data" / "hf_configs"
REFERENCE = json.loads((CONFIGS.parent / "kv_bytes_per_token.json").read_text())["models"]


def read(path: Path, **params: Any) -> Geometry:
    return resolve_model(Variant("hf_config", {"path": path, **params}))


def origins(geometry: Geometry) -> dict[str, str]:
    return {term.key: term.origin for term in geometry.terms}


@pytest.mark.parametrize("name", [m["name"] for m in REFERENCE if (CONFIGS / f"{m['name']}.json").exists()])
def test_config_gives_the_reference_bytes(name: str) -> None:
    expected = next(m for m in REFERENCE if m["name"] == name)
    geometry = read(CONFIGS / f"{name}.json")
    below = expected.get("bytes_per_token", expected.get("bytes_per_token_below_window"))
    assert (geometry.name, geometry.attention, geometry.bytes_per_slot) == (name, expected["attention"], below)
    assert geometry.bytes_per_token_above_window == expected.get("bytes_per_token_above_window", below)
    assert geometry.window == expected.get("window")


@pytest.mark.parametrize(
    ("name", "attention", "per_token", "above"),
    [
        ("mistral-7b-v0.1", "gqa+sliding", 131_072, 0),
        ("mixtral-8x7b", "gqa", 131_072, 131_072),
        ("qwen1.5-moe-a2.7b", "mha", 2 * 24 * 16 * 128 * 2, 196_608),
        ("phi-3-mini-4k", "mha+sliding", 2 * 32 * 32 * 96 * 2, 0),
        ("gemma-3-4b", "gqa+sliding", 2 * 34 * 4 * 256 * 2, 2 * 5 * 4 * 256 * 2),
        ("deepseek-v2-lite", "mla", 27 * 576 * 2, 31_104),
        ("deepseek-v3-fp8", "mla", 70_272, 70_272),
        ("falcon-7b", "mqa", 2 * 32 * 1 * 64 * 2, 8_192),
        ("falcon-40b", "gqa", 2 * 60 * 8 * 64 * 2, 122_880),
        ("falcon-rw-1b", "mha", 2 * 24 * 32 * 64 * 2, 196_608),
        ("starcoder", "mqa", 2 * 40 * 1 * 128 * 2, 20_480),
        ("starcoder2-3b", "gqa+sliding", 2 * 30 * 2 * 128 * 2, 0),
        ("pythia-12b", "mha", 2 * 36 * 40 * 128 * 2, 737_280),
    ],
)
def test_other_architectures(name: str, attention: str, per_token: int, above: int) -> None:
    geometry = read(CONFIGS / f"{name}.json")
    assert (geometry.attention, geometry.bytes_per_token) == (attention, per_token)
    assert geometry.bytes_per_token_above_window == above


# Parameters counted from the published sizes, norms and biases included (in millions).
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("opt-13b", 12_853.5),
        ("llama-2-7b", 6_738.4),
        ("llama-3.1-8b", 8_030.3),
        ("mixtral-8x7b", 46_702.8),
        ("qwen2.5-7b", 7_615.6),
        ("qwen3-8b", 8_190.7),
        ("qwen3-235b-a22b", 235_093.6),
        ("qwen1.5-moe-a2.7b", 14_315.8),
        ("phi-3-mini-4k", 3_821.1),
        ("gemma-2-9b", 9_241.7),
        ("gemma-3-27b", 27_009.3),
        ("gpt-oss-120b", 116_829.2),
        ("deepseek-v3", 671_026.4),
        ("deepseek-v2-lite", 15_706.5),
        ("falcon-7b", 6_921.7),
        ("pythia-12b", 11_846.1),
    ],
)
def test_weights_follow_from_the_sizes(name: str, millions: float) -> None:
    assert read(CONFIGS / f"{name}.json").weights_bytes == pytest.approx(2e6 * millions, rel=2e-3)


def test_weights_of_quantized_or_incomplete_files_are_not_known(tmp_path: Path) -> None:
    assert read(CONFIGS / "deepseek-v3-fp8.json").weights_bytes is None
    assert read(CONFIGS / "gpt-oss-20b.json").weights_bytes is None
    assert changed(tmp_path, "llama-3.1-8b", vocab_size=None).weights_bytes is None
    assert changed(tmp_path, "qwen3-235b-a22b", mlp_only_layers=[0]).weights_bytes is None


def changed(tmp_path: Path, name: str, kv_dtype: str | None = None, **values: Any) -> Geometry:
    """The sample `name` with some values replaced."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads((CONFIGS / f"{name}.json").read_text()) | values))
    return read(path, kv_dtype=kv_dtype)


def test_origins_name_file_and_key() -> None:
    path = CONFIGS / "llama-3.1-8b.json"
    found = origins(read(path))
    assert found["model"] == str(path)
    assert found["layers"] == f"{path.name}: num_hidden_layers"
    assert found["kv_heads"] == f"{path.name}: num_key_value_heads"
    assert found["head_dim"] == f"{path.name}: hidden_size / attention heads = 4096 / 32"
    assert found["kv_dtype"] == f"{path.name}: torch_dtype"
    nested = CONFIGS / "gemma-3-4b.json"
    found = origins(read(nested))
    assert found["layers"] == f"{nested.name}: text_config.num_hidden_layers"
    assert found["head_dim"] == f"{nested.name}: text_config.head_dim absent, the architecture's default"
    assert found["sliding_layers"] == "all but every 6th layer of this architecture"


def test_type_is_16_bit_where_the_file_has_another_or_none(tmp_path: Path) -> None:
    path = CONFIGS / "starcoder.json"
    assert origins(read(path))["kv_dtype"] == f"{path.name}: torch_dtype is float32, which engines serve in 16 bit"
    geometry = changed(tmp_path, "opt-13b", torch_dtype=None)
    assert (geometry.dtype, geometry.bytes_per_token) == ("bf16", 819_200)
    assert origins(geometry)["kv_dtype"] == "config.json: no dtype, which engines serve in 16 bit"


def test_name_is_the_folder_of_a_config_json(tmp_path: Path) -> None:
    assert changed(tmp_path, "opt-13b").name == tmp_path.name


def test_kv_dtype_overrules_the_file() -> None:
    geometry = read(CONFIGS / "gpt2.json", kv_dtype="fp8_e5m2")
    assert (geometry.bytes_per_slot, origins(geometry)["kv_dtype"]) == (2 * 12 * 12 * 64, "model.kv_dtype")


def test_new_decoder_falcon_under_its_old_key(tmp_path: Path) -> None:
    geometry = changed(tmp_path, "falcon-40b", num_kv_heads=None, n_head_kv=8)
    assert (geometry.bytes_per_slot, origins(geometry)["kv_heads"]) == (122_880, "config.json: n_head_kv")


@pytest.mark.parametrize(
    ("name", "values", "sliding"),
    [
        ("qwen2.5-7b", {"use_sliding_window": True, "max_window_layers": 21}, 7),
        ("qwen2.5-7b", {"use_sliding_window": True, "max_window_layers": 40}, 0),
        ("qwen3-235b-a22b", {"use_sliding_window": True, "sliding_window": 4096}, 94),
        ("gemma-2-9b", {"layer_types": ["full_attention"] * 42}, 0),
        ("gemma-2-9b", {"layer_types": ["full_attention"] * 40 + ["sliding_attention"] * 2}, 2),
        ("gpt-oss-120b", {"num_hidden_layers": 3}, 2),
        ("gemma-3-27b", {"text_config": None, "sliding_window_pattern": 3}, 4),
    ],
)
def test_sliding_rules(tmp_path: Path, name: str, values: dict[str, Any], sliding: int) -> None:
    if name == "gemma-3-27b":
        values = values | {"model_type": "gemma3_text", "num_hidden_layers": 6, "sliding_window": 512}
        values |= {"hidden_size": 1152, "intermediate_size": 6912}
    geometry = changed(tmp_path, name, **values)
    assert sum(kind.layers for kind in geometry.layer_kinds if kind.kind == "sliding") == sliding
    assert (geometry.window is None) == (sliding == 0)


INSTEAD = "describe the model as {layers, kv_heads, head_dim, dtype} instead"


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("opt-13b", {"model_type": "rwkv"}, "model_type: 'rwkv' has no attention: no KV cache; a state of fixed size"),
        (
            "opt-13b",
            {"model_type": "new", "architectures": ["NewForCausalLM"]},
            f"model_type: 'new' is not a known architecture (architectures: ['NewForCausalLM']); {INSTEAD}",
        ),
        (
            "opt-13b",
            {"model_type": None, "architectures": None},
            "model_type: missing (architectures: None); is this a model's config.json?",
        ),
        ("opt-13b", {"model_type": ["opt"], "architectures": [1]}, "model_type: ['opt'] is not a known architecture"),
        (
            "gemma-3-27b",
            {"text_config": {"model_type": "new"}, "architectures": None},
            "text_config.model_type: 'new' is",
        ),
        ("gemma-3-27b", {"text_config": "gemma3_text"}, "text_config: expected an object, found str"),
        ("opt-13b", {"num_hidden_layers": None}, f"num_hidden_layers: missing; {INSTEAD}"),
        ("opt-13b", {"num_hidden_layers": -1}, f"num_hidden_layers: -1 is not a whole number of at least 1; {INSTEAD}"),
        ("opt-13b", {"num_attention_heads": "40"}, "num_attention_heads: '40' is not a whole number of at least 1"),
        ("opt-13b", {"num_attention_heads": 40.0}, "num_attention_heads: 40.0 is not a whole number of at least 1"),
        ("opt-13b", {"num_attention_heads": True}, "num_attention_heads: True is not a whole number of at least 1"),
        ("opt-13b", {"hidden_size": 5121}, "hidden_size: 5121 is not a multiple of 40 attention heads"),
        ("opt-13b", {"hidden_size": None}, "hidden_size: missing"),
        ("opt-13b", {"torch_dtype": "float64"}, "torch_dtype: the element type 'float64' is unknown; did you mean"),
        ("llama-3.1-8b", {"num_key_value_heads": 5}, "num_key_value_heads: 5 does not divide 32 attention heads"),
        ("llama-3.1-8b", {"num_key_value_heads": 0}, "num_key_value_heads: 0 is not a whole number of at least 1"),
        ("mistral-7b-v0.1", {"sliding_window": 0}, "sliding_window: 0 is not a whole number of at least 1"),
        ("gemma-2-9b", {"head_dim": None}, "head_dim: missing"),
        ("gemma-2-9b", {"sliding_window": None}, "sliding_window: missing"),
        (
            "gpt-oss-20b",
            {"layer_types": ["full_attention"]},
            "layer_types: expected a list of 24 entries, found 1 entr",
        ),
        ("gpt-oss-20b", {"layer_types": "full"}, "layer_types: expected a list with an entry a layer, found str"),
        (
            "gpt-oss-20b",
            {"layer_types": ["linear"] * 24},
            "layer_types[0]: 'linear' is no known kind of layer (known: ",
        ),
        ("gpt-oss-20b", {"layer_types": ["mamba"] * 24}, "layer_types: this architecture is not known to have layers"),
        ("deepseek-v3", {"kv_lora_rank": None}, "kv_lora_rank: null: without multi-head latent attention its K and V"),
        ("llama-3.1-8b", {"num_hidden_layers": 10**7}, "num_hidden_layers: 10,000,000 layers are more than any model"),
        ("llama-3.1-8b", {"num_attention_heads": 10**30}, "num_attention_heads: larger than in any model"),
        ("llama-3.1-8b", {"quantization_config": 3}, "quantization_config: expected an object, found int"),
        (
            "llama-3.1-8b",
            {"quantization_config": {"kv_cache_scheme": {"type": "odd", "num_bits": 8}}},
            "quantization_config.kv_cache_scheme: '?8' is no element type known here; say it as kv_dtype",
        ),
        ("deepseek-v3", {"qk_rope_head_dim": 0}, "qk_rope_head_dim: 0 is not a whole number of at least 1"),
        ("falcon-40b", {"num_kv_heads": None}, "num_kv_heads: missing"),
        ("falcon-40b", {"num_kv_heads": 7}, "num_kv_heads: 7 does not divide 128 attention heads"),
        ("falcon-7b", {"multi_query": 1}, "multi_query: 1 is not true or false"),
        ("qwen2.5-7b", {"use_sliding_window": True, "max_window_layers": None}, "max_window_layers: missing"),
    ],
)
def test_bad_values_name_file_and_key(tmp_path: Path, name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        changed(tmp_path, name, **values)
    assert str(caught.value).startswith(f"{tmp_path}/config.json: {message}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"model_type": "opt",\n "x": }', ":2: not JSON (Expecting value at character 7)"),
        (b"", ":1: not JSON (Expecting value at character 1)"),
        (b"9" * 5000, ": "),
        (b"[" * 200_000, ": not JSON (nested too deep)"),
        (b"[1]", ": expected a JSON object, found list"),
        (b"\xff\xfe{", ": cannot be read: not UTF-8 text"),
        (b"{}", ": model_type: missing (architectures: None); is this a model's config.json?"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(PagedSimError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(
        PagedSimError, match=r"none\.json: no such file; give the path of a local config\.json or of its"
    ):
        read(tmp_path / "none.json")
    with pytest.raises(PagedSimError, match=r": no config\.json in this folder; give the folder of a model"):
        read(tmp_path)


def test_every_rule_of_the_table_is_known() -> None:
    rows = ARCHITECTURES.values()
    assert {row.plan for row in rows} == set(plan_rules.RULES)
    assert {row.heads for row in rows} == set(heads.RULES)
    assert {row.state for row in rows if row.state} == set(states.RULES) - {"mamba2_alone"}
    assert list(ARCHITECTURES) == sorted(ARCHITECTURES)
