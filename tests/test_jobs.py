"""`--jobs`: the same results from any number of processes, and a clean end whatever ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import heed_interrupts

from paged_sim.cli import main
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.processes import in_processes
from paged_sim.run import Run
from paged_sim.scenario import load_scenario, load_text
from paged_sim.scenario.models import Scenario
from paged_sim.simulation import simulate, simulate_in_processes

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
    assert not active_children()


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
    assert not active_children()


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
    assert not active_children()


def test_the_first_error_in_order_ends_everything() -> None:
    started = time.monotonic()
    tasks: list[tuple[Any, ...]] = [(0.0,), (1.0, "first"), (0.0, "second"), (600.0,)]
    results = in_processes(work, tasks, 4, lambda ended: None)
    assert next(results) == "worked"
    with pytest.raises(PagedSimError, match="first") as error:
        next(results)
    assert error.value.exit_code == EXIT_ERROR
    assert time.monotonic() - started < 300
    assert not active_children()


def test_closing_early_ends_the_processes() -> None:
    started = time.monotonic()
    results = in_processes(work, [(0.0,), (600.0,)], 2, lambda ended: None)
    assert next(results) == "worked"
    results.close()
    assert time.monotonic() - started < 300
    assert not active_children()


def test_a_process_that_is_killed_is_one_clear_error() -> None:
    with pytest.raises(PagedSimError, match=r"one of 2 processes was ended from outside.*--jobs") as error:
        list(in_processes(work, [(0.0, "die"), (0.0,)], 2, lambda ended: None))
    assert error.value.exit_code == EXIT_ERROR
    assert not active_children()


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes through /proc")


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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
        # Two workers, and the process that multiprocessing itself keeps beside them.
        while len(children_of(process.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        yield process, children_of(process.pid)
        process.kill()


@linux
@pytest.mark.parametrize("to_all", [True, False], ids=["to the whole terminal", "to the parent alone"])
@pytest.mark.parametrize("after", [0.0, 0.3], ids=["while processes start", "in the middle"])
def test_an_interrupt_ends_all_processes_quietly(long_run: Any, to_all: bool, after: float) -> None:
    process, children = long_run
    time.sleep(after)
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert err.split() == [b"paged-sim:", b"interrupted"]
    assert len(children) == 3
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
