"""Every kind of layer: bytes of published models below and beyond the window, states, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from paged_sim.errors import EXIT_USAGE, PagedSimError
from paged_sim.geometry import Geometry, booking_notes, resolve_model
from paged_sim.scenario.models import Variant

DATA = Path(__file__).parent / "data"
MODELS = [json.loads(line) for line in (DATA / "model_configs.jsonl").read_text().splitlines()[1:]]
LOGGED = json.loads((DATA / "server_kv_memory.json").read_text())["rows"]


def written(folder: Path, config: dict[str, Any], quantization: dict[str, Any] | None = None) -> Path:
    """A model's folder."""
    (folder / "config.json").write_text(json.dumps(config))
    if quantization is not None:
        (folder / "hf_quant_config.json").write_text(json.dumps(quantization))
    return folder


def read(path: Path, **params: Any) -> Geometry:
    return resolve_model(Variant("hf_config", {"path": path, **params}))


def refusal(path: Path) -> str:
    with pytest.raises(PagedSimError) as caught:
        read(path)
    assert caught.value.exit_code == EXIT_USAGE
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("row", [row for row in MODELS if row["below"] is not None], ids=lambda row: row["model"])
def test_published_models_to_the_byte(row: dict[str, Any], tmp_path: Path) -> None:
    geometry = read(written(tmp_path, row["config"], row.get("hf_quant_config")))
    assert (geometry.bytes_per_token, geometry.bytes_per_token_above_window) == (row["below"], row["beyond"])
    assert geometry.state_bytes == row.get("state", geometry.state_bytes)
    assert geometry.bytes_per_token == sum(kind.bytes_per_token for kind in geometry.layer_kinds)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("written--flan-t5-xl", "model_type: 't5' is an encoder-decoder: its cross-attention"),
        ("written--whisper-large-v3", "model_type: 'whisper' is an encoder-decoder"),
        ("written--deepseek-v2-lite-no-mla-keys", "kv_lora_rank: null: without multi-head latent attention"),
        ("deepseek-ai--DeepSeek-V4-Flash", "compress_ratios: compressed sparse attention keeps a varying number"),
        ("sgl-project--DeepSeek-V4-Flash-FP8", "compress_ratios: compressed sparse attention keeps a varying number"),
    ],
)
def test_published_models_that_are_refused(model: str, reason: str, tmp_path: Path) -> None:
    row = next(row for row in MODELS if row["model"] == model)
    assert row["below"] is None
    assert refusal(written(tmp_path, row["config"])).startswith(f"{tmp_path}/config.json: {reason}")


@pytest.mark.parametrize("row", [row for row in LOGGED if "off" not in row], ids=lambda row: row["id"])
def test_bytes_per_slot_are_those_of_real_servers(row: dict[str, Any]) -> None:
    kind = "preset" if "preset" in row["model"] else "explicit"
    geometry = resolve_model(Variant(kind, row["model"]))
    assert geometry.bytes_per_slot == pytest.approx(row["kv_gib"] * 2**30 / row["tokens"], rel=2e-3)


def shared(name: str) -> Path:
    folder = os.environ.get("PAGED_SIM_SHARED")
    if not folder:
        pytest.skip("PAGED_SIM_SHARED does not name the folder with whole config.json files")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"PAGED_SIM_SHARED has no {name}")
    return path


def test_whole_files_give_what_their_trimmed_rows_give() -> None:
    folder = shared("models")
    exact = refused = 0
    for line in (folder / "expected.jsonl").read_text().splitlines():
        row = json.loads(line)
        path = folder / "configs" / row["file"]
        if row["bytes_per_token"] is None:
            assert refusal(path).startswith(f"{path}: ")
            refused += 1
            continue
        geometry = read(path)
        expected = (row["bytes_per_token"], row["bytes_per_token_beyond_window"])
        assert (geometry.bytes_per_token, geometry.bytes_per_token_above_window) == expected, row["file"]
        state = row["state_bytes_per_sequence"]
        assert geometry.state_bytes == state if state >= 0 else geometry.state_bytes > 0, row["file"]
        exact += 1
    assert (exact, refused) == (124, 9)


LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "hidden_size": 1024,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "torch_dtype": "bfloat16",
}


@pytest.mark.parametrize(
    ("config", "per_token", "above"),
    [
        ({"torch_dtype": "float32"}, 8192, 8192),
        ({"quantization_config": {"kv_cache_scheme": {"type": "float", "num_bits": 8}}}, 4096, 4096),
        ({"quantization_config": {"kv_cache_quant_algo": "FP8"}}, 4096, 4096),
        ({"quantization_config": {"quantization": {"kv_cache_quant_algo": "NVFP4"}}}, 2304, 2304),
        ({"quantization_config": {"kv_cache_scheme": None}}, 8192, 8192),
        ({"model_type": "phi3", "sliding_window": 4096, "max_position_embeddings": 2048}, 8192, 8192),
        ({"model_type": "phi3", "sliding_window": 2048, "max_position_embeddings": 4096}, 8192, 0),
        ({"model_type": "mistral"}, 8192, 0),
        ({"model_type": "mistral", "sliding_window": None}, 8192, 8192),
        ({"model_type": "qwen2_5_vl", "use_sliding_window": False, "sliding_window": 32}, 8192, 8192),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 1}, 8192, 4096),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 0}, 8192, 0),
        ({"model_type": "exaone4", "sliding_window_pattern": "LG"}, 8192, 4096),
        ({"model_type": "gemma4_text", "sliding_window": 512, "head_dim": 128, "global_head_dim": 256}, 12288, 8192),
        ({"model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 2}, 2048, 2048),
        ({"model_type": "openelm", "num_key_value_heads": None, "num_kv_heads": [2, 4], "head_dim": 64}, 1536, 1536),
        ({"model_type": "deepseek_v2", "use_mla": False, "kv_lora_rank": None}, 8192, 8192),
        ({"model_type": "made-up", "architectures": ["Qwen3MoeForCausalLM"]}, 8192, 8192),
        ({"model_type": "mimo_v2_flash", "head_dim": 192, "hybrid_layer_pattern": [0, 1]}, 10240, 5120),
        ({"model_type": "nemotron_nas", "block_configs": [{"attention": {"n_heads_in_group": 4}}] * 2}, 2048, 2048),
        ({"model_type": "hunyuan_v1_moe", "use_cla": True, "cla_share_factor": 2}, 4096, 4096),
        ({"model_type": "longcat_flash", "num_hidden_layers": None, "num_layers": 2}, 4 * 576 * 2, 4 * 576 * 2),
    ],
)
def test_one_key_decides(config: dict[str, Any], per_token: int, above: int, tmp_path: Path) -> None:
    geometry = read(written(tmp_path, LLAMA | config))
    assert (geometry.bytes_per_token, geometry.bytes_per_token_above_window) == (per_token, above)


@pytest.mark.parametrize("nesting", ["text_config", "llm_config", "language_config", "thinker_config"])
def test_language_models_in_sections(nesting: str, tmp_path: Path) -> None:
    inner = {key: value for key, value in LLAMA.items() if key != "torch_dtype"}
    config = {"model_type": "something_vl", "torch_dtype": "float16", nesting: inner, "vision_config": {"depth": 3}}
    geometry = read(written(tmp_path, config))
    assert (geometry.bytes_per_token, geometry.dtype) == (8192, "fp16")


def test_a_section_means_its_class_where_it_is_silent(tmp_path: Path) -> None:
    config = {"model_type": "llava", "text_config": {"model_type": "llama", "vocab_size": 32_064}}
    assert read(written(tmp_path, config)).bytes_per_token == 2 * 32 * 32 * 128 * 2
    assert "num_hidden_layers: missing" in refusal(written(tmp_path, {"model_type": "llama"}))


@pytest.mark.parametrize("listed", [{"layer_types": ["full_attention"] * 3}, {"layers_block_type": ["attention"] * 3}])
def test_a_list_of_layers_tells_their_number(listed: dict[str, Any], tmp_path: Path) -> None:
    config = {"model_type": "llava", "text_config": {"model_type": "llama", **listed}}
    geometry = read(written(tmp_path, config))
    assert geometry.bytes_per_token == 2 * 3 * 32 * 128 * 2
    assert next(fact.value for fact in geometry.terms if fact.key == "layers") == 3


def test_a_section_without_a_type_is_the_model_of_the_file_around_it(tmp_path: Path) -> None:
    config = {"model_type": "qwen2_5_vl", "text_config": {"num_hidden_layers": 2, "hidden_size": 8192}}
    assert read(written(tmp_path, config)).bytes_per_token == 2 * 2 * 8 * 128 * 2


def test_states_are_split_over_gpus(tmp_path: Path) -> None:
    row = next(row for row in MODELS if row["model"] == "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16")
    path = written(tmp_path, row["config"])
    one, four, sixteen = (read(path, tensor_parallel=gpus) for gpus in (1, 4, 16))
    assert four.state_bytes == one.state_bytes
    per_gpu = sum(kind.state_bytes_per_gpu for kind in four.layer_kinds)
    assert per_gpu * 4 == four.state_bytes
    # With more GPUs than groups each keeps a group: 16 of them in place of 8.
    assert sixteen.state_bytes - one.state_bytes == 23 * 3 * 8 * 2 * 128 * 2
    with pytest.raises(PagedSimError, match=r"model\.tensor_parallel: 4,096 rows of a state of .* cannot be split"):
        read(path, tensor_parallel=3 * 64)


def test_states_are_kept_in_the_models_type_and_not_in_that_of_the_cache(tmp_path: Path) -> None:
    row = next(row for row in MODELS if row["model"] == "Qwen--Qwen3.5-27B")
    path = written(tmp_path, row["config"])
    fp8 = read(path, kv_dtype="fp8")
    assert (fp8.bytes_per_token, fp8.state_bytes) == (row["below"] // 2, row["state"])
    silent = {key: value for key, value in row["config"]["text_config"].items() if key != "mamba_ssm_dtype"}
    half = read(written(tmp_path, row["config"] | {"text_config": silent}))
    assert row["state"] - half.state_bytes == 48 * 48 * 128 * 128 * 2


def test_index_keys_do_not_follow_the_cache_type(tmp_path: Path) -> None:
    row = next(row for row in MODELS if row["model"] == "deepseek-ai--DeepSeek-V3.2")
    geometry = read(written(tmp_path, row["config"]), kv_dtype="fp8", tensor_parallel=2)
    assert geometry.bytes_per_slot == 61 * 576 + 61 * 132
    assert [(kind.kind, kind.layers) for kind in geometry.layer_kinds] == [("mla", 61), ("indexer", 61)]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            {"model_type": "mamba", "num_hidden_layers": 2, "intermediate_size": 64, "state_size": 8, "conv_kernel": 4},
            "model_type: 'mamba' has no attention: no KV cache; state 2,816 bytes a sequence, whatever its length",
        ),
        (
            {"model_type": "mamba2", "num_hidden_layers": 64, "num_heads": 128, "torch_dtype": "bfloat16"},
            "model_type: 'mamba2' has no attention: no KV cache; state 138,149,888 bytes a sequence",
        ),
        ({"model_type": "rwkv6"}, "model_type: 'rwkv6' has no attention: no KV cache; a state of fixed size"),
        ({"model_type": "bart", "d_model": 8}, "model_type: 'bart' is an encoder-decoder"),
        ({"model_type": "llama", "is_encoder_decoder": True}, "model_type: 'llama' is an encoder-decoder"),
        ({"model_type": "bert"}, "model_type: 'bert' is an encoder: it generates no tokens and keeps no KV cache"),
        (
            {"model_type": "granitemoehybrid", "num_hidden_layers": 2, "hidden_size": 4096, "num_attention_heads": 32},
            "no layer keeps KV (every layer of this architecture): no KV cache; state 8,493,056 bytes a sequence",
        ),
        ({"model_type": "brand_new"}, "model_type: 'brand_new' is not a known architecture (architectures: None)"),
        ({"hidden_size": 3}, "model_type: missing (architectures: None); is this a model's config.json?"),
    ],
)
def test_refusals_fit_the_case(config: dict[str, Any], reason: str, tmp_path: Path) -> None:
    assert refusal(written(tmp_path, config)).startswith(f"{tmp_path}/config.json: {reason}")


def test_weights_are_no_config(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.truncate(2**30)
    assert refusal(path) == f"{path}: more than 64 MiB, so no config.json; check the path"


def test_files_beside_the_config_count(tmp_path: Path) -> None:
    quantization = {"producer": {"name": "modelopt"}, "quantization": {"kv_cache_quant_algo": "FP8"}}
    path = written(tmp_path, LLAMA, quantization)
    geometry = read(path)
    assert (geometry.bytes_per_token, geometry.weights_bytes) == (4096, None)
    found = {term.key: term.origin for term in geometry.terms}
    assert found["kv_dtype"] == "hf_quant_config.json: quantization.kv_cache_quant_algo"
    assert read(path, kv_dtype="bf16").bytes_per_token == 8192
    (tmp_path / "model.safetensors.index.json").write_text('{"metadata": {"total_size": 5000}}')
    assert read(path / "config.json").weights_bytes == 5000
    own = LLAMA | {"quantization_config": {"quant_method": "modelopt"}}
    assert read(written(tmp_path, own)).bytes_per_token == 8192


def test_the_only_weights_file_tells_their_size(tmp_path: Path) -> None:
    path = written(tmp_path, LLAMA)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 777)
    assert read(path).weights_bytes == 777


@pytest.mark.parametrize("index", ["{}", '{"metadata": {"mergekit_version": "0.1"}, "weight_map": {}}'])
def test_an_index_without_a_size_leaves_the_matrices_to_count(index: str, tmp_path: Path) -> None:
    path = written(tmp_path, LLAMA | {"intermediate_size": 4096, "vocab_size": 32_000})
    counted = read(path).weights_bytes
    (tmp_path / "model.safetensors.index.json").write_text(index)
    assert counted is not None
    assert read(path).weights_bytes == counted


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("hf_quant_config.json", '{"quantization": 3}', "quantization: expected an object, found int"),
        ("hf_quant_config.json", "[", ":1: not JSON (Expecting value at character 2)"),
        (
            "model.safetensors.index.json",
            '{"metadata": {"total_size": "x"}}',
            "metadata.total_size: 'x' is not a whole",
        ),
    ],
)
def test_damaged_files_beside_the_config(name: str, content: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, LLAMA)
    (tmp_path / name).write_text(content)
    assert refusal(path).startswith(f"{tmp_path}/{name}")
    assert message in refusal(path)


def test_weights_of_a_quantized_section_are_not_known(tmp_path: Path) -> None:
    inner = LLAMA | {"intermediate_size": 4096, "vocab_size": 32_000}
    assert read(written(tmp_path, {"text_config": inner})).weights_bytes is not None
    inner |= {"quantization_config": {"quant_method": "compressed-tensors"}}
    geometry = read(written(tmp_path, {"text_config": inner}))
    assert geometry.weights_bytes is None
    term = geometry.terms[-1]
    assert (term.key, term.value) == ("weights_bytes", "not known")
    assert term.origin.startswith("config.json: text_config.quantization_config: a quantized checkpoint")


def test_runs_are_told_what_is_booked_in_full() -> None:
    gemma = resolve_model(Variant("preset", {"preset": "gemma-3-27b"}))
    assert booking_notes(gemma, 1024) == ()
    assert booking_notes(gemma, 8192) == (
        "52 layers of gemma-3-27b keep the last 1,024 tokens only, but every layer is booked in full: a sequence of "
        "8,192 tokens takes 3.88 GiB here, 3.8 times the 1.03 GiB it keeps",
    )
    qwen = resolve_model(Variant("preset", {"preset": "qwen3.5-27b"}))
    assert booking_notes(qwen, 8192) == (
        "the state that qwen3.5-27b keeps of each sequence in its gdn layers, 147 MiB on a GPU, is not booked",
    )
    assert booking_notes(resolve_model(Variant("preset", {"preset": "opt-13b"})), 10**6) == ()
