"""The device arena's dealings with CuPy: probing, choosing, sizing, allocating, failing, and giving everything back."""

from __future__ import annotations

import gc
import importlib.util
import json
import pickle
import sys

import numpy as np
import pytest
from fake_cupy import (
    OPERATIONS,
    CompileException,
    CUDARuntimeError,
    DynamicLibNotFoundError,
    FakeCupy,
    OutOfMemoryError,
)

from paged_sim.arena import choose_device, open_arena, probe
from paged_sim.arena.device_arena import DeviceArena
from paged_sim.arena.epochs import cut_epochs, epoch_bounds, spread_tokens
from paged_sim.arena.failures import DeviceError, remedy_of
from paged_sim.arena.operations import CHECK, COPY, POISON, POISON_TAG, WRITE, tag
from paged_sim.cli import main
from paged_sim.compiled import jit
from paged_sim.errors import PagedSimError
from paged_sim.scenario.models import ArenaSpec

GIB = 1 << 30
STAGES = ["import", "driver", "devices", "memory", "kernel"]


@pytest.fixture
def machine(monkeypatch):
    """Puts a stand-in machine behind `import cupy`, and forgets what the one before said."""

    def install(**properties):
        fake = FakeCupy(**properties)
        monkeypatch.setitem(sys.modules, "cupy", fake)
        probe.cache_clear()
        return fake

    yield install
    probe.cache_clear()


def ops(*rows):
    return np.array(rows, np.int32).reshape(-1, 5)


def test_the_probe_passes_on_a_usable_gpu(machine):
    machine()
    stages = probe(0)
    assert [stage.name for stage in stages] == STAGES
    assert all(stage.ok for stage in stages)
    assert [stage.reason for stage in stages] == [
        "CuPy 14.2.0",
        "the driver supports CUDA 12.9",
        "1 device",
        "8.0 GiB of 8.0 GiB are free",
        "Stand-in GPU runs kernels",
    ]


def test_the_probe_runs_every_operation_once_in_a_process_and_gives_all_back(machine):
    fake = machine()
    probe(0)
    kernels = fake.kernels
    assert kernels > len(OPERATIONS)
    gc.collect()
    assert fake.free == fake.total
    assert choose_device("auto").device == "cuda:0"
    assert fake.kernels == kernels


BROKEN = {
    "no driver": ({"failures": ["driver"]}, "driver", "no NVIDIA driver is installed", "nvidia-smi"),
    "no device": ({"devices": 0}, "driver", "CuPy finds no device that it can use", "nvidia-smi"),
    "busy": ({"failures": ["memory info"]}, "memory", "cudaErrorDevicesUnavailable", "what uses the device"),
    "no compiler": ({"failures": ["nvrtc"]}, "kernel", 'Failure finding "libnvrtc.so"', "run-time compiler NVRTC"),
    "no memory": ({"total": 100}, "kernel", "an arena of 128 bytes does not fit", "arena.payload: tag"),
    "no block": ({"failures": ["malloc"]}, "kernel", "cudaErrorMemoryAllocation", "arena.payload: tag"),
    "nonsense": ({"failures": ["scatter"]}, "kernel", "Stand-in GPU computes wrongly: 85 corrupt", "nvidia-smi -q"),
    "sticky": ({"failures": ["launch"]}, "kernel", "cudaErrorIllegalAddress", "run again"),
    "late": ({"failures": ["late"]}, "kernel", "cudaErrorIllegalAddress", "run again"),
    **{
        f"no {operation}": ({"failures": [f"no {operation}"]}, "kernel", "could not open source file", "headers")
        for operation in OPERATIONS
    },
}


@pytest.mark.parametrize("broken", BROKEN)
def test_each_stage_of_the_probe_has_its_own_message(machine, broken):
    properties, stage, reason, remedy = BROKEN[broken]
    machine(**properties)
    stages = probe(0)
    assert [passed.ok for passed in stages] == [True] * STAGES.index(stage) + [False]
    assert stages[-1].name == stage
    assert reason in stages[-1].reason

    choice = choose_device("auto")
    assert choice.device == "cpu"
    assert reason in choice.reason
    assert choice.fallback == choice.reason

    with pytest.raises(PagedSimError) as caught:
        choose_device("cuda")
    assert caught.value.exit_code == 1
    for part in ("--device cuda: no usable GPU", reason, remedy, "--device cpu"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            CompileException('a.cu(1): error: could not open source file "cuda_fp16.h"'),
            "headers are missing",
        ),
        (CompileException('a.cu(1): catastrophic error: cannot open source file "cuda_fp16.h"'), "headers are missing"),
        (RuntimeError("Failed to auto-detect CUDA root directory. Please specify `CUDA_PATH`"), "headers are missing"),
        (CompileException("a.cu(1): error: expected an expression"), "of one version"),
        (CompileException("nvrtc: error: invalid value for --gpu-architecture (-arch)"), "fits GPU and driver"),
        (CUDARuntimeError("cudaErrorNoKernelImageForDevice: no kernel image is available"), "fits GPU and driver"),
        (DynamicLibNotFoundError('Failure finding "libnvrtc.so.13 or libnvrtc.so.12": No such file'), "compiler NVRTC"),
        (RuntimeError("CuPy failed to load libnvrtc.so.12: OSError: cannot open shared object file"), "compiler NVRTC"),
        (OSError("libcublas.so.12: cannot open shared object file"), "CUDA's libraries"),
        (CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient"), "an NVIDIA driver"),
        (CUDARuntimeError("cudaErrorMemoryAllocation: out of memory"), "arena.payload: tag"),
        (OutOfMemoryError("Out of memory allocating 512 bytes"), "arena.payload: tag"),
        (CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered"), "run again"),
        (CUDARuntimeError("cudaErrorECCUncorrectable: uncorrectable ECC error encountered"), "run again"),
        (CUDARuntimeError("cudaErrorDevicesUnavailable: device(s) is/are busy"), "what uses the device"),
        (AttributeError("module 'cupy' has no attribute 'x'"), "as a last resort"),
    ],
)
def test_the_remedy_fits_the_cause(error, remedy):
    assert remedy in remedy_of(error, "as a last resort")


def test_a_device_beyond_the_last_is_refused(machine):
    machine(devices=2)
    assert choose_device("cuda:1").device == "cuda:1"
    with pytest.raises(PagedSimError, match="there is no cuda:2, CUDA sees 2 devices"):
        choose_device("cuda:2")


def test_without_cupy_the_extra_is_named_and_the_host_is_no_fallback(machine, monkeypatch):
    machine()
    monkeypatch.setitem(sys.modules, "cupy", None)
    choice = choose_device("auto")
    assert (choice.device, choice.fallback) == ("cpu", "")
    assert [stage.name for stage in probe(0)] == ["import"]
    with pytest.raises(PagedSimError, match=r"paged-sim\[cuda12x\]"):
        choose_device("cuda:0")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModuleNotFoundError("No module named 'cupy'", name="cupy"), "CuPy is not installed"),
        (ModuleNotFoundError("No module named 'x'", name="x"), "ModuleNotFoundError: No module named 'x'"),
        (NameError("a plain exception"), "NameError: a plain exception"),
        (ImportError("libcudart.so:\n\n cannot open"), "ImportError: libcudart.so: cannot open"),
    ],
)
def test_a_broken_cupy_gives_its_own_reason_in_one_line(machine, monkeypatch, error, reason):
    machine()

    def refuse(name):
        raise error

    monkeypatch.setattr("paged_sim.arena.device.importlib.import_module", refuse)
    assert [stage.reason for stage in probe(0)] == [reason]


def test_the_host_is_chosen_without_looking_for_a_gpu(monkeypatch):
    monkeypatch.setattr("paged_sim.arena.device.probe", None)
    assert choose_device("cpu").device == "cpu"


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", ""])
def test_another_word_for_a_device_is_a_usage_error(word):
    with pytest.raises(PagedSimError, match=r"unknown device .*: use auto, cpu, cuda or cuda:N") as caught:
        choose_device(word)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("device", "payload", "taken"),
    [
        ("auto", "full", "cuda:0"),
        ("auto", 16, "cuda:0"),
        ("auto", "tag", "cpu"),
        ("auto", 8, "cpu"),
        ("cuda", "tag", "cuda:0"),
        ("cuda:0", "full", "cuda:0"),
    ],
)
def test_open_arena_takes_the_gpu_by_itself_only_where_a_slot_is_more_than_a_tag(machine, device, payload, taken):
    machine()
    with open_arena(ArenaSpec(device=device, payload=payload), 64, 64, compiled=False) as arena:
        stats = arena.stats()
    assert (stats.device, stats.payload, stats.fallback) == (taken, str(payload), "")


def test_with_a_tag_no_gpu_is_looked_for(machine):
    fake = machine()
    open_arena(ArenaSpec(), 64, 64, compiled=False).close()
    assert fake.kernels == 0


def test_an_explicit_gpu_that_is_not_there_is_an_error_even_without_memory(machine):
    machine(failures=["driver"])
    for payload in ("tag", "none"):
        with pytest.raises(PagedSimError, match="no usable GPU"):
            open_arena(ArenaSpec(device="cuda", payload=payload), 64, 8, compiled=False)


# Where 8 GiB are free, 512 MiB stay so; where 80 GiB are, a twentieth.
@pytest.mark.parametrize(("total", "most"), [(8 * GIB, 7.5 * GIB), (80 * GIB, 76 * GIB)])
def test_an_arena_leaves_headroom(machine, total, most):
    fake = machine(total=total)
    slots = int(most) // 8 + 1
    with pytest.raises(PagedSimError) as caught:
        open_arena(ArenaSpec(device="cuda"), slots, 8, compiled=False)
    assert caught.value.exit_code == 1
    for part in ("cuda:0 (Stand-in GPU)", "does not fit", "free", "headroom", "arena.payload: tag", "--device cpu"):
        assert part in str(caught.value)
    assert fake.free == total

    # "auto" passes over a GPU that is too small, and says so.
    with open_arena(ArenaSpec(device="auto", payload=16), slots, 16, compiled=False) as arena:
        assert arena.device == "cpu"
        assert arena.fallback.startswith("the arena is on the host: cuda:0 (Stand-in GPU): an arena of ")


def test_an_allocation_that_fails_all_the_same_is_one_clear_line(machine):
    fake = machine()
    fake.failures.add("malloc")
    with pytest.raises(
        PagedSimError, match=r"cuda:0 .*does not fit.*cudaErrorMemoryAllocation.*arena\.payload"
    ) as caught:
        DeviceArena(fake, 0, "tag", 64, 8, compiled=False)
    assert caught.value.exit_code == 1


def test_fresh_memory_is_zeroed_and_the_right_device_is_used():
    fake = FakeCupy(devices=3)
    with DeviceArena(fake, 2, "tag", 64, 16, compiled=False) as arena:
        assert not arena._memory.host.any()
        assert arena._memory.device == 2
        arena.execute(ops((WRITE, 0, 4, 1, 0), (COPY, 0, 4, 8, 0), (CHECK, 8, 4, 1, 0)))
        assert arena.stats().corrupt == 0
        assert fake.current == 0


def test_closing_gives_every_byte_back():
    fake = FakeCupy()
    arena = DeviceArena(fake, 0, "tag", 4096, 64, compiled=False)
    arena.execute(ops((WRITE, 0, 4000, 1, 0), (CHECK, 0, 4000, 1, 0)))
    assert fake.free < fake.total - 4096 * 64
    arena.close()
    gc.collect()
    assert fake.free == fake.total


def test_nothing_comes_from_the_default_pool():
    fake = FakeCupy()
    with DeviceArena(fake, 0, "tag", 4096, 64, compiled=False) as arena:
        arena.execute(ops((WRITE, 0, 4000, 1, 0), (COPY, 0, 4, 4000, 0), (CHECK, 0, 4000, 1, 0)))
        arena.digest()
        assert fake.default_pool.taken == 0


@pytest.mark.parametrize("stored", [64 << 10, 1 << 20, 64 << 20])
def test_temporaries_stay_within_their_limit_whatever_their_sizes(stored):
    fake = FakeCupy()
    slots = max(2, (96 << 20) // stored)
    with DeviceArena(fake, 0, "full", slots, stored, compiled=False) as arena:
        for length in range(1, slots, max(1, slots // 6)):
            arena.execute(ops((WRITE, 0, length, 1, 0), (CHECK, 0, length, 1, 0)))
        arena.digest()
        assert arena.stats().corrupt == 0
        assert 0 < arena._temporaries.taken <= 256 << 20


def test_an_epoch_costs_a_fixed_number_of_launches_and_transfers():
    fake = FakeCupy()
    with DeviceArena(fake, 0, "tag", 65536, 8, compiled=False) as arena:
        rows = [(WRITE, 16 * i, 16, i, 0) for i in range(2000)] + [(CHECK, 16 * i, 16, i, 0) for i in range(2000)]
        before = fake.kernels, fake.uploads, fake.downloads
        arena.execute(ops(*rows))
        assert fake.uploads - before[1] == 4
        assert fake.downloads - before[2] == 1
        assert fake.kernels - before[0] <= 8


REMEDIES = {
    "launch": "run again",
    "late": "run again",
    "malloc": "what uses the device",
    "driver": "NVIDIA driver",
    "nvrtc": "NVRTC",
    "no scatter": "headers",
    "no any": "headers",
}


@pytest.mark.parametrize("failure", REMEDIES)
def test_a_device_that_fails_at_work_ends_in_one_clear_line_and_no_noise(failure, capsys):
    fake = FakeCupy()
    with (
        pytest.raises(PagedSimError, match=r"cuda:0 failed while \w+ .*--device cpu") as caught,
        DeviceArena(fake, 0, "tag", 64, 8, compiled=False) as arena,
    ):
        fake.failures.add(failure)
        arena.execute(ops((WRITE, 0, 33, 1, 0)))
        arena.execute(ops((CHECK, 0, 33, 1, 0)))
    assert caught.value.exit_code == 1
    assert REMEDIES[failure] in str(caught.value)
    assert "\n" not in str(caught.value)
    caught.value.__traceback__ = None
    del arena
    gc.collect()
    assert capsys.readouterr() == ("", "")
    if not fake.dead and failure != "driver":
        assert fake.free == fake.total


@pytest.mark.parametrize("asked", ["digest", "close"])
def test_an_error_that_comes_late_is_found_at_the_latest_when_the_arena_closes(asked):
    fake = FakeCupy()
    arena = DeviceArena(fake, 0, "tag", 64, 8, compiled=False)
    fake.failures.add("late")
    arena.execute(ops((WRITE, 0, 33, 1, 0)))
    with pytest.raises(PagedSimError, match=r"cuda:0 failed while .*cudaErrorIllegalAddress"):
        getattr(arena, asked)()


def test_a_mistake_in_this_program_is_no_failure_of_the_device():
    fake = FakeCupy()
    with pytest.raises(IndexError), DeviceArena(fake, 0, "tag", 64, 8, compiled=False) as arena:
        arena._contents = lambda tags: tags[np.arange(99)]
        arena.execute(ops((WRITE, 0, 33, 1, 0)))
    gc.collect()
    assert fake.free == fake.total


def test_the_error_of_a_device_travels_between_processes():
    error = DeviceError("cuda:0 failed", "why", "what to do")
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.remedy, copied.exit_code) == (str(error), "what to do", 1)


RUN = {
    "name": "on a GPU",
    "model": {"bytes_per_slot": 64},
    "memory": {"slots": 64},
    "workload": {"requests": 2, "prompt": 3, "output": 3},
    "allocators": [{"name": "paged", "policy": "paged", "page_size": 4}],
    "arena": {"payload": "full"},
}


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(RUN))
    return str(path)


def test_why_the_host_stands_in_for_a_gpu_is_in_the_report_and_the_json(machine, scenario, capsys):
    machine(failures=["no add"])
    reason = "the arena is on the host: no usable GPU: CompileException: /tmp/kernel.cubin.cu(12)"
    assert main(["run", scenario]) == 0
    assert reason in " ".join(capsys.readouterr().out.split())
    assert main(["run", scenario, "--format", "json"]) == 0
    (policy,) = json.loads(capsys.readouterr().out)["runs"]
    assert policy["arena"]["device"] == "cpu"
    assert [note for note in policy["notes"] if reason in note]


def test_a_kernel_that_does_not_compile_ends_an_explicit_run_and_shows_in_doctor(machine, scenario, capsys):
    fake = machine(failures=["no take"])
    assert main(["run", scenario, "--device", "cuda"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "no usable GPU: CompileException" in said.err
    assert main(["doctor", "--format", "json"]) == 0
    findings = {found["name"]: found for found in json.loads(capsys.readouterr().out)}
    assert "CUDA's headers are missing" in findings["GPU: kernel"]["remedy"]

    # Later in a run, after a probe that passed.
    fake.failures.clear()
    probe.cache_clear()
    assert choose_device("cuda").device == "cuda:0"
    fake.failures.add("no any")
    assert main(["run", scenario, "--device", "cuda"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "cuda:0 failed while executing memory operations: CompileException" in said.err


def test_the_stand_in_shows_what_happens_without_epochs():
    rows = ops((WRITE, 0, 4, 1, 0), (CHECK, 0, 4, 1, 0), (POISON, 0, 4, 0, 0), (WRITE, 0, 4, 2, 0), (CHECK, 0, 4, 2, 0))
    with DeviceArena(FakeCupy(), 0, "tag", 4, 8, compiled=False) as arena:
        arena._cut_epochs = lambda ops, stamps, previous, epochs: epochs.fill(1)
        arena.execute(rows)
        assert arena.stats().corrupt > 0


@pytest.mark.parametrize("cut", [cut_epochs, jit(cut_epochs)], ids=["plain", "compiled"])
def test_epochs_are_cut_where_order_matters(cut):
    rows = [
        ((WRITE, 0, 4, 1, 0), 8),
        ((WRITE, 4, 4, 1, 4), 8),
        ((CHECK, 0, 8, 1, 0), 8),  # written in the same epoch: writes come first anyway
        ((CHECK, 0, 8, 1, 0), 8),
        ((WRITE, 8, 0, 1, 0), 8),
        ((WRITE, 3, 0, 1, 0), 8),  # no slot, no conflict
        ((POISON, 7, 2, 0, 0), 9),  # slot 7 was checked
        ((WRITE, 0, 4, 2, 0), 9),
        ((WRITE, 8, 1, 2, 4), 10),  # poisoned
        ((COPY, 0, 4, 12, 0), 11),  # copies stay among themselves
        ((COPY, 12, 2, 14, 0), 11),
        ((CHECK, 12, 2, 2, 0), 12),
        ((WRITE, 12, 1, 3, 0), 13),  # checked
    ]
    stamps = np.zeros(16, np.int32)
    epochs = np.zeros(len(rows), np.int32)
    cut(ops(*(row for row, _ in rows)), stamps, 7, epochs)
    assert epochs.tolist() == [epoch for _, epoch in rows]
    assert stamps.max() == 13
    assert epoch_bounds(epochs) == [(0, 6), (6, 8), (8, 9), (9, 11), (11, 12), (12, 13)]
    cut(ops(), stamps, 13, epochs[:0])
    assert epoch_bounds(np.zeros(0, np.int32)) == []


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_runs_are_spread_into_tokens(at_once):
    runs = ops((WRITE, 5, 3, 1, 10), (POISON, 20, 0, 0, 0), (POISON, 30, 2, -1, -1), (CHECK, 9, 1, 2, 0))
    parts = list(spread_tokens(runs, at_once))
    assert max(len(part.slots) for part in parts) <= at_once
    assert np.concatenate([part.slots for part in parts]).tolist() == [5, 6, 7, 30, 31, 9]
    expected = [tag(1, 10), tag(1, 11), tag(1, 12), POISON_TAG, POISON_TAG, tag(2, 0)]
    assert np.concatenate([part.tags for part in parts]).tolist() == expected
    assert np.concatenate([part.positions for part in parts]).tolist()[:3] == [10, 11, 12]
    assert list(spread_tokens(ops(), at_once)) == []


def test_the_real_cupy_is_probed_to_an_answer():
    """With CuPy installed, with or without a driver: the probe ends in an answer and the choice follows it."""
    if importlib.util.find_spec("cupy") is None:
        pytest.skip("CuPy is not installed")
    last = probe(0)[-1]
    assert last.name != "import"
    assert last.reason
    assert choose_device("auto").device == ("cuda:0" if last.ok else "cpu")
    if not last.ok:
        with pytest.raises(PagedSimError, match="no usable GPU") as caught:
            choose_device("cuda")
        assert caught.value.exit_code == 1
        assert last.reason in str(caught.value)


@pytest.mark.gpu
def test_a_real_gpu_gives_its_memory_back():
    last = probe(0)[-1]
    if not last.ok:
        pytest.skip(f"no usable GPU: {last.reason}")
    import cupy

    free = cupy.cuda.runtime.memGetInfo()[0]
    with open_arena(ArenaSpec(device="cuda"), 128 << 20, 8, compiled=False) as arena:
        arena.execute(ops((WRITE, 0, 3_000_000, 1, 0), (CHECK, 0, 3_000_000, 1, 0), (CHECK, 7, 1, 1, 8)))
        assert (arena.stats().corrupt, arena.stats().first_corrupt) == (1, (7, 1, 8))
        assert cupy.cuda.runtime.memGetInfo()[0] <= free - (1 << 30)
    assert cupy.cuda.runtime.memGetInfo()[0] > free - (256 << 20)
