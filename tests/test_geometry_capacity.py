"""Slots from bytes, slots, pages and GPUs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paged_sim.errors import EXIT_USAGE, PagedSimError
from paged_sim.geometry import Capacity, Geometry, gpu_presets, resolve_capacity, resolve_model
from paged_sim.scenario.models import Variant

GIB = 2**30


def model(name: str = "opt-13b", **params: Any) -> Geometry:
    return resolve_model(Variant("preset", {"preset": name, **params}))


def given_slot(size: int) -> Geometry:
    return resolve_model(Variant("bytes_per_slot", {"bytes": size}))


def capacity(kind: str, geometry: Geometry, page_size: int | None = None, **params: Any) -> Capacity:
    return resolve_capacity(Variant(kind, params), geometry, page_size=page_size)


def values(found: Capacity) -> dict[str, Any]:
    return {term.key: term.value for term in found.terms}


def test_twelve_gib_of_opt_13b() -> None:
    found = capacity("kv_cache", model(), bytes=12 * GIB)
    assert (found.slots, found.bytes, found.spare_bytes) == (15_728, 15_728 * 819_200, 12 * GIB - 15_728 * 819_200)
    formulas = {term.key: term.formula for term in found.terms}
    assert formulas["slots"] == "floor(12,884,901,888 / 819,200)"
    assert values(found) == {
        "kv_cache": 12 * GIB,
        "slots": 15_728,
        "arena": found.bytes,
        "spare": found.spare_bytes,
    }


def test_slots_and_pages_leave_nothing_over() -> None:
    assert capacity("slots", model(), slots=15_728).bytes == 15_728 * 819_200
    found = capacity("pages", model(), page_size=16, pages=600)
    assert (found.slots, found.bytes, found.spare_bytes) == (9_600, 9_600 * 819_200, 0)
    assert values(found)["pages"] == 600


def gib(size: float) -> int:
    return int(size * GIB)


def own_gpu(memory: float, **params: Any) -> Variant:
    """A GPU of this total in GiB, with nothing that has to be estimated."""
    return Variant("gpu", {"gpu": {"memory": gib(memory)}, "activations": 0, "non_torch": 0, **params})


def test_what_is_left_beside_all_parts_is_exact() -> None:
    memory = own_gpu(40, gpu_memory_utilization=0.9, activations=GIB, non_torch=GIB // 4)
    found = resolve_capacity(memory, model())
    kv_bytes = 38_654_705_664 - 25_706_946_560 - GIB - GIB // 4
    assert (found.slots, found.bytes + found.spare_bytes) == (kv_bytes // 819_200, kv_bytes)
    assert (found.kv_bytes.low, found.kv_bytes.likely, found.kv_bytes.high) == (kv_bytes, kv_bytes, kv_bytes)
    expected = {"usable": 38_654_705_664, "activations": GIB, "non_torch": GIB // 4, "kv_cache": kv_bytes}
    assert values(found) | expected == values(found)


def test_gpu_defaults_are_nine_tenths_and_the_models_weights() -> None:
    said = capacity("gpu", model(), gpu="a100-40gb", gpu_memory_utilization=0.9, weights="auto")
    assert capacity("gpu", model(), gpu="a100-40gb") == said


def test_stated_weights_and_tensor_parallel_are_a_share_for_each_gpu() -> None:
    geometry = model("llama-3-70b", tensor_parallel=4)
    found = resolve_capacity(own_gpu(80, gpu_memory_utilization=1, weights=4 * 40 * GIB + 1), geometry)
    assert values(found)["weights_per_gpu"] == 40 * GIB + 1
    assert values(found)["kv_cache"] == 40 * GIB - 1
    assert found.slots == (40 * GIB - 1) // (327_680 // 4)


def test_gpu_term_is_what_an_engine_sees_and_what_the_driver_prints() -> None:
    memory = {name: capacity("gpu", given_slot(1), gpu=name, weights=1).terms[0] for name in gpu_presets()}
    assert memory["h100-80gb"].value == gib(79.15)
    assert "nvidia-smi prints 79.65 GiB" in memory["h100-80gb"].origin
    assert "nvidia-smi" not in memory["h200-141gb"].origin
    assert all(0.87 < float(term.value) / GIB / int(name.split("-")[-1][:-2]) < 1 for name, term in memory.items())


@given(budget=st.integers(1, 2**45), slot=st.integers(1, 2**23))
def test_arena_and_spare_are_the_budget(budget: int, slot: int) -> None:
    assume(budget >= slot)
    found = capacity("kv_cache", given_slot(slot), bytes=budget)
    assert found.slots * slot == found.bytes
    assert found.bytes + found.spare_bytes == budget
    assert 0 <= found.spare_bytes < slot


@given(
    budget=st.integers(2**23, 2**45), more=st.integers(0, 2**30), slot=st.integers(1, 2**22), wider=st.integers(0, 9)
)
def test_more_memory_or_smaller_slots_never_hold_less(budget: int, more: int, slot: int, wider: int) -> None:
    slots = capacity("kv_cache", given_slot(slot), bytes=budget).slots
    assert capacity("kv_cache", given_slot(slot), bytes=budget + more).slots >= slots
    assert capacity("kv_cache", given_slot(slot + wider), bytes=budget).slots <= slots


@given(percent=st.integers(70, 99))
def test_utilization_is_monotone_and_exact(percent: int) -> None:
    found = [
        resolve_capacity(own_gpu(40, gpu_memory_utilization=share / 100), model()) for share in (percent, percent + 1)
    ]
    assert found[0].slots < found[1].slots
    assert values(found[0])["usable"] == 40 * GIB * percent // 100


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("kv_cache", {"bytes": 1024}, "memory: 1,024 bytes hold not one slot of 819,200 bytes (opt-13b): give more"),
        ("kv_cache", {"bytes": 0}, "memory.kv_cache.bytes: 0 is not a whole number of at least 1"),
        ("slots", {"slots": -5}, "memory.slots: -5 is not a whole number of at least 1"),
        ("slots", {}, "memory.slots is missing: give a whole number of at least 1"),
        ("pages", {"pages": 600}, "memory.pages needs one page size that all paged allocators share: give slots or"),
        (
            "gpu",
            {"gpu": "a100"},
            "memory.gpu: unknown GPU 'a100'; did you mean a100-40gb or a100-80gb? Or give its memory",
        ),
        ("gpu", {"gpu": {"memory": 0}}, "memory.gpu.memory: 0 is not a whole number of at least 1"),
        (
            "gpu",
            {"gpu": "l4", "engine": "tgi"},
            "memory.engine: 'tgi' is no engine that is known; write an engine with",
        ),
        ("gpu", {"gpu": "a100-40gb", "gpu_memory_utilization": 0}, "memory.gpu_memory_utilization: 0 is not a number"),
        ("gpu", {"gpu": "a100-40gb", "gpu_memory_utilization": 1.01}, "memory.gpu_memory_utilization: 1.01 is not a"),
        ("gpu", {"gpu": "a100-40gb", "gpu_memory_utilization": "9"}, "memory.gpu_memory_utilization: '9' is not a"),
        ("gpu", {"gpu": "a100-40gb", "weights": 0}, "memory.weights: 0 is not a whole number of at least 1"),
        ("gpu", {"gpu": "t4-16gb"}, "memory.gpu: 23.9 GiB of weights for each GPU and "),
        ("disk", {}, "memory: 'disk' is none of kv_cache, slots, pages, gpu, log"),
    ],
)
def test_bad_memory_is_refused_in_one_line(kind: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(PagedSimError) as caught:
        capacity(kind, model(), **params)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE


def test_unknown_weights_ask_for_bytes() -> None:
    with pytest.raises(
        PagedSimError, match=r"^memory\.weights: auto: the weights of model 'given' are not known; give"
    ):
        capacity("gpu", given_slot(1024), gpu="h100-80gb")
    assert capacity("gpu", given_slot(1024), gpu="h100-80gb", weights=26_000_000_000).slots > 0


def test_page_size_must_be_a_whole_number() -> None:
    with pytest.raises(PagedSimError, match=r"^allocators\.page_size: 0 is not a whole number"):
        capacity("pages", model(), page_size=0, pages=1)
