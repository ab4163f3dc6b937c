"""`--jobs`: the same results from any number of processes, and a clean end whatever ends them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import heed_interrupts

import paged_sim
from paged_sim.cli import main
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.processes import in_processes, python_command
from paged_sim.run import Run
from paged_sim.scenario import load_scenario, load_text
from paged_sim.scenario.models import Scenario
from paged_sim.simulation import simulate, simulate_in_processes

CONSOLE_SCRIPT = "import sys; del sys.path[0]; from paged_sim.cli import main; sys.exit(main())"

LONG = """
version: 1
name: long
model: {bytes_per_slot: 8}
memory: {slots: 4096}
max_model_len: 2048
repeats: 4
workload: {requests: 100000, prompt: 100, output: 400, arrival: saturated}
allocators: [{name: paged, policy: paged}]
arena: {device: cpu}
"""


def children_of(pid: int) -> list[int]:
    """The processes that one started; none where there is no /proc to find them through."""
    if not Path("/proc/self/task").exists():
        return []
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def scenarios() -> list[Scenario]:
    overrides = ("repeats=2", "workload.requests=30")
    return [load_scenario("watermark", overrides=overrides), load_scenario("preemption", overrides=overrides)]


def same(one: Run, other: Run) -> bool:
    """Whether two runs agree in every number, timelines and memory maps included."""
    if one.to_json() != other.to_json():
        return False
    for left, right in zip(one.policies, other.policies, strict=True):
        for name, column in left.timeline.columns.items():
            np.testing.assert_array_equal(column, right.timeline.columns[name])
        np.testing.assert_array_equal(left.timeline.memory_map, right.timeline.memory_map)
        np.testing.assert_array_equal(left.timeline.map_steps, right.timeline.map_steps)
        np.testing.assert_array_equal(left.timeline.map_times, right.timeline.map_times)
        assert left.timeline.map_accounts == right.timeline.map_accounts
    return True


def test_several_jobs_give_the_same_runs() -> None:
    given = scenarios()
    expected = [simulate(scenario, maps=True, at_step=3) for scenario in given]
    runs = simulate_in_processes(given, 3, maps=True, at_step=3)
    assert [run.scenario["name"] for run in runs] == ["watermark", "preemption"]
    assert all(same(one, other) for one, other in zip(expected, runs, strict=True))
    assert runs[0].policies[0].timeline.memory_map.size > 0
    assert not children_of(os.getpid())


def test_the_command_line_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for jobs in ("1", "2"):
        assert main(["run", "refusals", "seed-section2", "--format", "json", "--jobs", jobs]) == 0
        outputs.append(capsys.readouterr())
    assert outputs[0] == outputs[1]
    assert '"refusals"' in outputs[0].out


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_a_number_of_jobs_that_is_none(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "seed-section2", "--jobs", jobs]) == 2
    assert "--jobs" in capsys.readouterr().err


def test_a_refused_scenario_is_the_same_error() -> None:
    tiny = load_scenario("seed-section2", overrides=("memory={slots: 16}",))
    messages = []
    for run in (lambda: simulate(tiny), lambda: simulate_in_processes([*scenarios(), tiny], 2)):
        with pytest.raises(PagedSimError, match="no request could be served") as error:
            run()
        messages.append((str(error.value), error.value.exit_code))
    assert messages[0] == messages[1]
    assert not children_of(os.getpid())


class Listener:
    """Keeps what it hears of the progress."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, int]] = []

    def update(self, name: str, done: int, total: int) -> None:
        self.heard.append((name, done, total))

    def announce(self, text: str) -> None:
        raise AssertionError(text)


def test_progress_counts_the_requests_of_all_simulations() -> None:
    listener = Listener()
    scenario = load_scenario("seed-section2", overrides=("repeats=3",))
    simulate_in_processes([scenario], 2, progress=listener)
    names, done, totals = zip(*listener.heard, strict=True)
    number = 3 * len(scenario.allocators)
    assert set(names) == {f"{number} simulations"}
    assert set(totals) == {done[-1]}
    assert list(done) == sorted(done)


def double(number: int) -> int:
    return 2 * number


def work(seconds: float, message: str | None = None) -> str:
    time.sleep(seconds)
    if message == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if message:
        raise PagedSimError(message, exit_code=EXIT_ERROR)
    return "worked"


def test_results_come_in_order() -> None:
    heard: list[list[int]] = []
    assert list(in_processes(double, [(number,) for number in range(20)], 3, heard.append)) == list(range(0, 40, 2))
    assert heard[-1] == list(range(20))
    assert not children_of(os.getpid())


def test_the_first_error_in_order_ends_everything() -> None:
    started = time.monotonic()
    tasks: list[tuple[Any, ...]] = [(0.0,), (1.0, "first"), (0.0, "second"), (600.0,)]
    results = in_processes(work, tasks, 4, lambda ended: None)
    assert next(results) == "worked"
    with pytest.raises(PagedSimError, match="first") as error:
        next(results)
    assert error.value.exit_code == EXIT_ERROR
    assert time.monotonic() - started < 300
    assert not children_of(os.getpid())


def test_closing_early_ends_the_processes() -> None:
    started = time.monotonic()
    results = in_processes(work, [(0.0,), (600.0,)], 2, lambda ended: None)
    assert next(results) == "worked"
    results.close()
    assert time.monotonic() - started < 300
    assert not children_of(os.getpid())


def test_a_process_that_is_killed_is_one_clear_error() -> None:
    with pytest.raises(PagedSimError, match=r"one of 2 processes was ended from outside.*--jobs") as error:
        list(in_processes(work, [(0.0, "die"), (0.0,)], 2, lambda ended: None))
    assert error.value.exit_code == EXIT_ERROR
    assert not children_of(os.getpid())


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes through /proc")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone_within(seconds: float, pids: list[int]) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_alive, pids))


@pytest.fixture
def long_run(tmp_path: Path) -> Any:
    """A run of minutes in two processes, already under way, in a process group of its own, and those processes."""
    file = tmp_path / "long.yaml"
    file.write_text(LONG)
    command = [sys.executable, "-m", "paged_sim", "run", str(file), "--jobs", "2"]
    environment = {**os.environ, "PAGED_SIM_COMPILE": "never"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    ) as process:
        deadline = time.monotonic() + 60
        while len(children_of(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield process, children_of(process.pid)
        process.kill()


@linux
@pytest.mark.parametrize("to_all", [True, False], ids=["to the whole terminal", "to the parent alone"])
@pytest.mark.parametrize("after", [0.0, 0.3], ids=["while processes start", "in the middle"])
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"ended by SIGTERM")]
)
def test_a_signal_ends_all_processes_quietly(
    long_run: Any, number: signal.Signals, code: int, said: bytes, to_all: bool, after: float
) -> None:
    process, children = long_run
    time.sleep(after)
    (os.killpg if to_all else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, b"")
    assert err.strip() == b"paged-sim: " + said
    assert len(children) == 2
    assert gone_within(10, children)


@linux
def test_no_process_outlives_a_parent_that_is_killed(long_run: Any) -> None:
    process, children = long_run
    time.sleep(0.3)
    process.kill()
    process.wait()
    assert gone_within(10, children)


def test_a_scenario_survives_the_journey() -> None:
    import pickle

    scenario = load_text(LONG)
    assert pickle.loads(pickle.dumps(scenario)) == scenario


@linux
def test_no_compiler_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Killed in its first compilation, which takes ten seconds and more."""
    environment = {**os.environ, "PAGED_SIM_COMPILE": "always", "PAGED_SIM_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "paged_sim", "run", "seed-section2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        deadline = time.monotonic() + 60
        while not (children := children_of(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.kill()
    assert children
    assert gone_within(5, children)


def test_what_a_task_prints_is_no_result() -> None:
    assert list(in_processes(say, [("one",), ("two",)], 1, lambda ended: None)) == ["one", "two"]


def say(text: str) -> str:
    print(text)
    return text


class UnpicklableError(Exception):
    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def fail_oddly(number: int) -> None:
    raise UnpicklableError(number, number)


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    with pytest.raises(RuntimeError, match="UnpicklableError: 1 and 1"):
        list(in_processes(fail_oddly, [(1,)], 1, lambda ended: None))


@linux
@pytest.mark.parametrize(("files", "code"), [(7, 1), (14, 0)])
def test_few_file_descriptors_are_one_clear_line(files: int, code: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    command = [sys.executable, "-m", "paged_sim", "run", "three-requests", "--jobs", "2"]
    environment = {**os.environ, "PAGED_SIM_COMPILE": "never"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.startswith("paged-sim: error: a process cannot be started: Too many open files")
        assert done.stderr.count("\n") == 1


@pytest.fixture
def booby_trapped(tmp_path: Path) -> Path:
    """A folder of files named as modules; the one that is executed says so."""
    for name in ("numpy", "numba", "pickle", "socket", "queue", "struct", "multiprocessing", "threading", "yaml"):
        (tmp_path / f"{name}.py").write_text(f"print('executed {name}', flush=True)\nraise SystemExit(7)\n")
    return tmp_path


@pytest.mark.parametrize("start", [["-m", "paged_sim"], ["-c", CONSOLE_SCRIPT]], ids=["-m", "console script"])
@pytest.mark.parametrize("options", [[], ["--jobs", "2"]], ids=["alone", "jobs"])
def test_no_module_is_imported_from_the_current_folder(
    start: list[str], options: list[str], booby_trapped: Path
) -> None:
    command = [sys.executable, *start, "run", "three-requests", *options]
    environment = {**os.environ, "PAGED_SIM_COMPILE": "never", "PYTHONPATH": str(Path(paged_sim.__file__).parents[1])}
    done = subprocess.run(command, cwd=booby_trapped, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "executed" not in done.stdout + done.stderr


@pytest.mark.slow
def test_nor_by_what_compiles(booby_trapped: Path) -> None:
    command = [sys.executable, "-m", "paged_sim", "run", "seed-section2"]
    environment = {
        **os.environ,
        "PAGED_SIM_COMPILE": "always",
        "PAGED_SIM_CACHE_DIR": str(booby_trapped / "cache"),
        "PYTHONPATH": str(Path(paged_sim.__file__).parents[1]),
    }
    done = subprocess.run(command, cwd=booby_trapped, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "executed" not in done.stdout + done.stderr
    assert "warning" not in done.stderr


def test_python_path_is_heard(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text("print('found')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        python_command("import elsewhere"), env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "found\n"
