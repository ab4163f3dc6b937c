"""Bytes per slot: presets, explicit numbers, element types, tensor parallelism."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paged_sim.errors import EXIT_USAGE, PagedSimError
from paged_sim.geometry import (
    Geometry,
    describe_gpus,
    describe_models,
    find_model,
    gpu_presets,
    hub_ids,
    model_hint,
    model_presets,
    resolve_model,
)
from paged_sim.scenario.models import Variant

DATA = Path(__file__).parent / "data"
DOCS = Path(__file__).parent.parent / "docs"
REFERENCE = {m["name"]: m for m in json.loads((DATA / "kv_bytes_per_token.json").read_text())["models"]}
PRESETS = json.loads((DATA / "preset_bytes.json").read_text())["models"]


def preset(name: str, **params: Any) -> Geometry:
    return resolve_model(Variant("preset", {"preset": name, **params}))


def explicit(**params: Any) -> Geometry:
    return resolve_model(Variant("explicit", {"layers": 2, "kv_heads": 3, "head_dim": 5, **params}))


def term(geometry: Geometry, key: str) -> Any:
    return next(term for term in geometry.terms if term.key == key)


@pytest.mark.parametrize("name", REFERENCE)
def test_preset_matches_reference_to_the_byte(name: str) -> None:
    expected = REFERENCE[name]
    geometry = preset(name)
    below = expected.get("bytes_per_token", expected.get("bytes_per_token_below_window"))
    above = expected.get("bytes_per_token_above_window", below)
    assert (geometry.bytes_per_slot, geometry.bytes_per_token) == (below, below)
    assert geometry.bytes_per_token_above_window == above
    assert (geometry.name, geometry.attention, geometry.window) == (
        name,
        expected["attention"],
        expected.get("window"),
    )
    counts = {kind.kind: kind.layers for kind in geometry.layer_kinds}
    assert sum(counts.values()) == geometry.layers == expected["layers"]
    assert counts.get("sliding", 0) == expected.get("sliding_layers", 0)
    assert term(geometry, "bytes_per_slot").value == below


@pytest.mark.parametrize("row", PRESETS, ids=lambda row: row["name"])
def test_further_presets_have_the_bytes_worked_out_by_hand(row: dict[str, Any]) -> None:
    geometry = preset(row["name"])
    assert (geometry.bytes_per_token, geometry.bytes_per_token_above_window) == (row["below"], row["beyond"])
    assert geometry.state_bytes == row["state"]


def test_every_preset_is_in_the_reference() -> None:
    assert {row["model"] for row in describe_models()} == set(REFERENCE) | {row["name"] for row in PRESETS}


def test_aliases_have_the_numbers_of_their_model() -> None:
    aliases = {alias: row["model"] for row in describe_models() for alias in row["aliases"].split(", ") if alias}
    assert set(model_presets()) == {row["model"] for row in describe_models()} | set(aliases)
    for alias, name in aliases.items():
        assert preset(alias).bytes_per_slot == preset(name).bytes_per_slot
        assert preset(alias).name == alias


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("META-LLAMA/llama-3.1-8b-instruct", "llama-3.1-8b"),
        ("Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("Qwen3 8B", "qwen3-8b"),
        ("qwen3_8b", "qwen3-8b"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("zai-org/GLM-4.6", "glm-4.5"),
        ("unsloth/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("/models/Qwen3-8B", "qwen3-8b"),
        ("mixtral", None),
        ("mistralai/Mistral-7B-Instruct-v0.1", None),
        ("Qwen/Qwen3-8B-FP8", None),
        ("", None),
    ],
)
def test_names_as_people_write_them(name: str, known: str | None) -> None:
    assert find_model(name) == known


def test_every_hub_id_is_its_preset() -> None:
    assert len(hub_ids()) == len({hub.lower() for hub in hub_ids()}) > 100
    for hub in hub_ids():
        known = find_model(hub)
        assert known is not None
        assert preset(hub).bytes_per_token == preset(known).bytes_per_token


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mixtral", "did you mean mixtral-8x22b or mixtral-8x7b? any other"),
        ("mixtral-7b", "of that family mixtral-8x22b, mixtral-8x7b are built in; any other"),
        ("lama-3.1-8b", "did you mean llama-3.1-8b? any other"),
        ("mistrl-7b", "did you mean mistral-7b? any other"),
        ("qwen3-9b", "of that family qwen3-0.6b, qwen3-1.7b, qwen3-14b, qwen3-235b-a22b, qwen3-30b-a3b, qwen3-32b and"),
        ("gemini-7b", "any other model is given by its config.json or folder: model: {hf_config: PATH}, or --model"),
        ("some/config.json", "a file or folder is said as model: {hf_config: some/config.json}"),
    ],
)
def test_an_unknown_name_never_leads_to_another_model(name: str, hint: str) -> None:
    assert model_hint(name).startswith(hint)


# Parameters that the models' publishers state, in thousand millions; the matrices are counted from the sizes.
@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-3.2-1b", 1.236),
        ("llama-3.2-3b", 3.213),
        ("mistral-small-24b", 23.57),
        ("mixtral-8x7b", 46.70),
        ("mixtral-8x22b", 140.6),
        ("qwen2.5-0.5b", 0.494),
        ("qwen3-0.6b", 0.596),
        ("qwen3-32b", 32.76),
        ("qwen3-30b-a3b", 30.53),
        ("qwen3-coder-480b-a35b", 480.2),
        ("gemma-3-12b", 11.77),
        ("phi-4", 14.66),
        ("phi-4-mini", 3.836),
        ("command-a", 111.06),
        ("command-r-plus", 103.8),
    ],
)
def test_weights_of_presets_without_a_stated_number(name: str, billions: float) -> None:
    assert preset(name).weights_bytes == pytest.approx(2e9 * billions, rel=1e-3)


def test_terms_of_gqa_show_the_calculation() -> None:
    geometry = preset("llama-3-70b", kv_dtype="fp8", tensor_parallel=4)
    found = {term.key: (term.value, term.formula, term.origin) for term in geometry.terms}
    assert found["kv_heads"] == (8, "", "preset llama-3-70b: num_key_value_heads")
    assert found["kv_dtype"] == ("fp8", "", "model.kv_dtype")
    assert found["tensor_parallel"] == (4, "", "model.tensor_parallel")
    assert found["kv_heads_per_gpu"][:2] == (2, "max(1, 8 / 4)")
    assert found["bytes_per_slot"][:2] == (40_960, "2 x 80 x 2 x 128 x 1")
    assert found["bytes_per_token"][:2] == (163_840, "40,960 x 4 GPUs")
    assert found["weights_bytes"][:2] == (141_107_412_992, "70,553,706,496 parameters x 2 bytes (16 bit)")


def test_terms_of_mla_show_the_latent_vector() -> None:
    geometry = preset("deepseek-v3")
    assert term(geometry, "bytes_per_slot").formula == "61 x (512 + 64) x 2"
    assert term(geometry, "kv_lora_rank").value == 512
    assert term(geometry, "tensor_parallel").origin == "default: one GPU"


def test_terms_of_a_sliding_mix_say_what_is_booked() -> None:
    geometry = preset("gemma-3-27b", tensor_parallel=2)
    assert term(geometry, "full").formula == "2 x 10 x 8 x 128 x 2"
    assert term(geometry, "sliding").formula == "2 x 52 x 8 x 128 x 2"
    assert term(geometry, "sliding").origin == "52 layers: the last 1,024 tokens"
    assert term(geometry, "bytes_per_slot").formula == "212,992 + 40,960"
    assert geometry.bytes_per_token_above_window == REFERENCE["gemma-3-27b"]["bytes_per_token_above_window"]
    assert term(geometry, "booked").value == geometry.bytes_per_slot == 253_952
    assert "below the window" in term(geometry, "booked").origin


def test_mla_is_copied_to_every_gpu() -> None:
    geometry = preset("deepseek-v3", tensor_parallel=8)
    assert (geometry.bytes_per_slot, geometry.bytes_per_token) == (70_272, 8 * 70_272)
    assert term(geometry, "latent_copies").value == 8


def test_kv_heads_are_copied_when_there_are_more_gpus_than_heads() -> None:
    geometry = preset("qwen2.5-7b", tensor_parallel=8)
    assert geometry.bytes_per_slot == 2 * 28 * 1 * 128 * 2
    assert geometry.bytes_per_token == 8 * geometry.bytes_per_slot == 2 * preset("qwen2.5-7b").bytes_per_token


@pytest.mark.parametrize(
    ("dtype", "per_slot"),
    [
        ("fp32", 240),
        ("float32", 240),
        ("fp16", 120),
        ("torch.float16", 120),
        ("bf16", 120),
        ("bfloat16", 120),
        ("BF16", 120),
        ("fp8", 60),
        ("fp8_e4m3", 60),
        ("float8_e5m2", 60),
        ("int8", 60),
        ("int4", 30),
    ],
)
def test_explicit_numbers_in_every_element_type(dtype: str, per_slot: int) -> None:
    geometry = explicit(dtype=dtype)
    assert geometry.bytes_per_slot == per_slot
    assert (geometry.attention, geometry.weights_bytes) == ("given", None)


def test_explicit_without_dtype_is_fp16_by_default() -> None:
    geometry = explicit()
    assert (geometry.dtype, geometry.bytes_per_slot, term(geometry, "kv_dtype").origin) == ("fp16", 120, "default")
    assert term(geometry, "layers").origin == "scenario"


def test_given_bytes_per_slot() -> None:
    geometry = resolve_model(Variant("bytes_per_slot", {"bytes": 819_200}))
    assert (geometry.bytes_per_slot, geometry.bytes_per_token, geometry.layer_kinds) == (819_200, 819_200, ())
    assert geometry.layers is None
    assert [term.key for term in geometry.terms] == ["bytes_per_slot"]


@given(
    layers=st.integers(1, 200),
    heads=st.integers(1, 128),
    dim=st.integers(1, 512),
    split=st.integers(1, 8),
    copies=st.integers(1, 4),
)
def test_split_heads_add_up_and_copies_are_counted(layers: int, heads: int, dim: int, split: int, copies: int) -> None:
    def per_token(**params: Any) -> Geometry:
        return resolve_model(Variant("explicit", {"layers": layers, "head_dim": dim, "dtype": "bf16", **params}))

    one = per_token(kv_heads=heads * split)
    assert one.bytes_per_slot == 2 * layers * heads * split * dim * 2
    divided = per_token(kv_heads=heads * split, tensor_parallel=split)
    assert divided.bytes_per_slot * split == divided.bytes_per_token == one.bytes_per_token
    copied = per_token(kv_heads=heads, tensor_parallel=heads * copies)
    assert copied.bytes_per_token == copies * per_token(kv_heads=heads).bytes_per_token


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("preset", {"preset": "lama-3.1-8b"}, "model preset 'lama-3.1-8b' is unknown; did you mean llama-3.1-8b"),
        ("preset", {"preset": "???"}, "model preset '???' is unknown; any other model is given by its config.json or"),
        (
            "preset",
            {"preset": "opt-13b", "kv_dtype": "fp17"},
            "model.kv_dtype: the element type 'fp17' is unknown; did",
        ),
        ("preset", {"preset": "opt-13b", "tensor_parallel": 3}, "model.tensor_parallel: 40 KV heads of opt-13b cannot"),
        ("preset", {"preset": "opt-13b", "tensor_parallel": 0}, "model.tensor_parallel: 0 is not a whole number of at"),
        ("preset", {"preset": "opt-13b", "tensor_parallel": True}, "model.tensor_parallel: True is not a whole number"),
        ("explicit", {"layers": 1, "kv_heads": 1}, "model.head_dim is missing: give a whole number of at least 1"),
        (
            "explicit",
            {"layers": -1, "kv_heads": 1, "head_dim": 1},
            "model.layers: -1 is not a whole number of at least",
        ),
        ("explicit", {"layers": 1.5, "kv_heads": 1, "head_dim": 1}, "model.layers: 1.5 is not a whole number of at"),
        ("explicit", {"layers": 1, "kv_heads": 1, "head_dim": 1, "dtype": "float64"}, "model.dtype: the element type"),
        ("bytes_per_slot", {"bytes": 0}, "model.bytes_per_slot.bytes: 0 is not a whole number of at least 1"),
        ("weights", {}, "model: 'weights' is none of preset, hf_config, explicit, bytes_per_slot"),
    ],
)
def test_bad_models_are_refused_in_one_line(kind: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        resolve_model(Variant(kind, params))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE


def test_half_bytes_come_out_whole_or_are_refused(tmp_path: Path) -> None:
    assert preset("gpt-oss-20b", kv_dtype="int4").bytes_per_slot == 12_288
    assert preset("deepseek-v3", kv_dtype="int4").bytes_per_slot == 17_568
    config = json.loads((DATA / "hf_configs" / "deepseek-v3.json").read_text())
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config | {"kv_lora_rank": 511}))
    with pytest.raises(PagedSimError, match=r"^35,075 elements of int4 are no whole number of bytes"):
        resolve_model(Variant("hf_config", {"path": path, "kv_dtype": "int4"}))


@pytest.mark.parametrize(("rows", "page"), [(describe_models, "geometry.md"), (describe_gpus, "geometry.md")])
def test_documented_tables_are_the_data(rows: Any, page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    heads = list(rows()[0])
    lines = [heads, ["---"] * len(heads), *(list(row.values()) for row in rows())]
    assert "\n".join(f"| {' | '.join(line)} |" for line in lines) in text


def test_gpu_presets_are_described() -> None:
    assert [row["GPU"] for row in describe_gpus()] == gpu_presets()
    assert "a100-40gb" in gpu_presets()
