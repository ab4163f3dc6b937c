"""The same source as plain Python and as machine code: one result; and where the machine code is kept."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_cases import assert_same
from helpers import play, requests_of, scenario_of

from paged_sim import compiled
from paged_sim.compiled.folder import cache_folder
from paged_sim.engine import warm
from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Scenario, Scheduler, Variant
from paged_sim.simulation import COMPILE_FROM, should_compile

SPECS = (
    AllocatorSpec(name="paged", policy="paged", page_size=4),
    AllocatorSpec(name="paged-null", policy="paged", page_size=3, null_page=True),
    *(
        AllocatorSpec(name=f"{cache}-{eviction}", policy="paged", page_size=3, prefix_cache=cache, eviction=eviction)
        for cache, eviction in (("hash", "lru"), ("hash", "belady"), ("radix", "lru"), ("radix", "lfu"))
    ),
    *(
        AllocatorSpec(name=f"{rule}-{placement}", policy="contiguous", reserve=rule, placement=placement, chunk=5)
        for rule, placement in (
            ("grow", "first_fit"),
            ("grow", "buddy"),
            ("oracle", "best_fit"),
            ("pow2", "worst_fit"),
            ("limit", "next_fit"),
            ("oracle", "tlsf"),
            ("grow", "size_classes"),
        )
    ),
)


def workload(spec: AllocatorSpec, seed: int) -> tuple[Scenario, Requests]:
    """A random scheduler over forty random requests, half of the seeds with a clock and arrivals."""
    rng = np.random.default_rng(seed)
    timed = seed % 2 == 1
    clock = Variant("linear", {"base": 0.03, "per_sequence": 0.001, "per_prefill_token": 0.01})
    scenario = scenario_of(
        spec,
        slots=160,
        scheduler=Scheduler(
            max_num_batched_tokens=int(rng.choice([8, 64, 8192])),
            prefill=str(rng.choice(["whole", "chunked"])),
            preemption=str(rng.choice(["recompute", "none"])),
            watermark=float(rng.choice([0.0, 0.1])),
            reserve_full_prompt=bool(rng.integers(2)),
        ),
        clock=clock if timed else Variant("step"),
        arena=ArenaSpec(device="cpu", poison=bool(rng.integers(2))),
    )
    prompt, output = rng.integers(1, 32, (2, 40))
    arrival = np.cumsum(rng.exponential(0.2, 40)) if timed else None
    prefixes = [rng.choice([1, 2], tokens // 2, p=[0.9, 0.1]).tolist() for tokens in prompt]
    alike = {"prefix_block": 2, "prefixes": prefixes}
    return scenario, requests_of(prompt, output, max_tokens=output + 3, arrival=arrival, **alike)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_machine_code_comes_to_the_same_as_plain_python(spec: AllocatorSpec) -> None:
    """Counters, order, ledger, timeline and every byte of the arena; token by token and ahead."""
    for seed in range(6):
        scenario, requests = workload(spec, seed)
        plain = play(scenario, requests)
        assert_same(plain, play(scenario, requests, compiled=True))
        assert_same(plain, play(scenario, requests, compiled=True, eager=True, flush_at=7))
        assert_same(plain, play(scenario, requests, compiled=True, beside=True, flush_at=7))


def requests_with(output: int) -> Requests:
    return requests_of([1], [output])


@pytest.mark.parametrize(
    ("wish", "small", "large"), [("never", False, False), ("always", True, True), ("auto", False, True)]
)
def test_small_simulations_are_not_compiled(
    wish: str, small: bool, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", wish)
    assert should_compile(requests_with(COMPILE_FROM - 1)) == small
    assert should_compile(requests_with(COMPILE_FROM)) == large
    monkeypatch.delenv("PAGED_SIM_COMPILE")
    assert not should_compile(requests_with(10))


def folder_for(version: str) -> Path:
    """The cache folder, as a new process would find it."""
    cache_folder.cache_clear()
    try:
        return cache_folder(version)
    finally:
        cache_folder.cache_clear()


def test_machine_code_is_kept_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_CACHE_DIR", str(tmp_path / "chosen"))
    folder = folder_for("1.0")
    assert folder.parent == tmp_path / "chosen"
    assert folder.is_dir()
    assert folder_for("1.0") == folder
    assert folder_for("1.1") != folder


def test_else_in_the_cache_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAGED_SIM_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder_for("1.0").parent == tmp_path / "paged_sim"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_for("1.0").parent == tmp_path / ".cache" / "paged_sim"


def test_else_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is in the way of both folders."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PAGED_SIM_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = folder_for("1.0")
    assert folder.is_relative_to(tmp_path)
    assert not folder.is_relative_to(tmp_path / "file")
    assert os.environ["PAGED_SIM_CACHE_DIR"] == str(folder.parent), (
        "where the processes that this one starts look first"
    )


def test_a_changed_source_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled depends on more files than the one whose function is asked for."""
    monkeypatch.setenv("PAGED_SIM_CACHE_DIR", str(tmp_path))
    folder = folder_for("1.0")
    read_bytes = Path.read_bytes

    def changed(path: Path) -> bytes:
        return read_bytes(path) + (b"#" if path.name == "buddy.py" else b"")

    monkeypatch.setattr(Path, "read_bytes", changed)
    assert folder_for("1.0") != folder


@pytest.mark.slow
def test_placements_of_a_type_of_their_own_are_compiled_apart() -> None:
    requests = requests_of([4], [4])

    def family_of(placement: str) -> str:
        return warm.family_of(AllocatorSpec(name="a", policy="contiguous", placement=placement), requests)

    assert [family_of(placement) for placement in ("first_fit", "buddy")] == ["contiguous", "contiguous"]
    assert [family_of(placement) for placement in ("tlsf", "tlsf_headerless")] == ["contiguous-tlsf"] * 2
    assert family_of("size_classes") == "contiguous-size_classes"


@pytest.mark.parametrize("family", ["contiguous-tlsf", "contiguous-size_classes"])
def test_what_is_compiled_apart_runs(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_for = []
    monkeypatch.setattr(warm, "drive", lambda machine, arena, compiled: compiled_for.append(machine.allocator) or ())
    warm.run_smallest(family)
    [state] = compiled_for
    assert type(state.space).__name__ in ("SegregatedSpace", "SlabSpace")


def test_warming_up_leaves_nothing_missing(tmp_path: Path) -> None:
    """In a process of its own, with an empty cache: the step loop of a family is compiled and found again."""
    script = (
        "from paged_sim.engine import warm\n"
        "print(warm.missing({'contiguous', 'paged', warm.ARENA}))\n"
        "warm.ensure({'paged', warm.ARENA})\n"
        "print(warm.missing(['paged', 'contiguous', warm.ARENA]))\n"
    )
    environment = {**os.environ, "PAGED_SIM_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['arena', 'contiguous', 'paged']", "['contiguous']"]
    compiled = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbc")}
    assert compiled == {"steps.advance", "kernel.execute_operations"}


def test_nothing_is_missing_where_it_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "machine_code_folder", lambda: tmp_path)
    assert warm.missing({"paged", "contiguous"}) == ["contiguous", "paged"]
    (tmp_path / "paged.compiled").touch()
    assert warm.missing({"paged", "contiguous"}) == ["contiguous"]


def test_kernels_imported_after_the_first_compilation_are_found(tmp_path: Path) -> None:
    script = """
from paged_sim.arena.operations import tag
from paged_sim.compiled import jit
from numpy import uint64
jit(tag)(uint64(1), 1)
from helpers import play, requests_of, scenario_of
from paged_sim.scenario.models import AllocatorSpec
play(scenario_of(AllocatorSpec(name="paged", policy="paged"), slots=64), requests_of([1], [2]), compiled=True)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, check=True, timeout=300)


def test_kernels_do_without_assert_statements() -> None:
    """pytest rewrites the assert statements of packages that bring a plugin, and Numba cannot compile the result."""
    for function in compiled._KERNELS:
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(inspect.getsource(function))))
