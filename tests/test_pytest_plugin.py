"""The plugin for pytest, in test runs of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from paged_sim import checks, simulation
from paged_sim.reports import findings
from paged_sim.run import Run
from paged_sim.scenario import load

pytest_plugins = ["pytester"]

USED = (checks, findings, load, simulation)
"""What the plugin imports late. A test run inside this process forgets its imports, which YAML's C part cannot bear."""

SCENARIO = """
memory: {slots: 64}
max_model_len: 64
workload: {requests: 4, prompt: 5, output: 3}
allocators:
  - {name: paged, policy: paged, page_size: 4}
checks:
"""
GOOD = f"{SCENARIO}  paged.requests.finished: 4\n  paged.arena.corrupt: 0\n"
MIXED = f"""{SCENARIO}  paged.requests.finished: 5
  paged.steps:
    - {{check: "> 100", level: warn}}
    - == baseline
  paged.step: 3
"""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """A folder with a good scenario, a mixed one, and YAML files that are none."""
    scenarios = pytester.mkdir("scenarios")
    (scenarios / "good.yaml").write_text(GOOD, "utf-8")
    (scenarios / "mixed.yml").write_text(MIXED, "utf-8")
    (scenarios / "other.yaml").write_text("checks: [lint, types]\n", "utf-8")
    (scenarios / "binary.yaml").write_bytes(b"\xff\xfe")
    return scenarios


@pytest.mark.usefixtures("folder")
def test_scenarios_are_only_collected_when_asked_for(pytester: pytest.Pytester) -> None:
    assert pytester.runpytest("scenarios").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    pytester.makeini("[pytest]\npaged_sim_scenarios = true\n")
    pytester.runpytest("scenarios/good.yaml").assert_outcomes(passed=2)


@pytest.mark.usefixtures("folder")
def test_one_test_a_check(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("scenarios", "--paged-sim", "-v", "-rs")
    result.assert_outcomes(passed=3, failed=2, skipped=1, warnings=1)
    result.stdout.fnmatch_lines(["scenarios/good.yaml::paged.requests.finished 4 PASSED*"])
    result.stdout.fnmatch_lines(
        [
            "*paged.requests.finished 5*",
            "*mixed.yml:8: paged.requests.finished is 4, expected 5",
            "paged loses most to tail*",
            "*mixed.yml:12: checks.paged.step: the run has no such number; did you mean paged.steps*",
        ]
    )
    result.stdout.fnmatch_lines(["*PytestWarning: paged.steps is *, expected > 100"])
    result.stdout.fnmatch_lines(["SKIPPED*no baseline to compare with"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.usefixtures("folder")
def test_a_scenario_is_simulated_once(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        from paged_sim import simulation
        real = simulation.simulate
        def simulate(scenario):
            print("SIMULATED", scenario.name)
            return real(scenario)
        simulation.simulate = simulate
        """
    )
    result = pytester.runpytest_subprocess("scenarios", "--paged-sim", "-s")
    assert result.stdout.str().count("SIMULATED good") == 1
    assert result.stdout.str().count("SIMULATED mixed") == 1


@pytest.fixture
def baseline(pytester: pytest.Pytester, folder: Path) -> str:
    """A file with the run of mixed.yml as it is."""
    name = "saved/base.json"
    pytester.mkdir("saved")
    simulation.simulate(load.load_scenario(folder / "mixed.yml")).save(pytester.path / name)
    return name


def test_checks_that_name_a_baseline_run_against_saved_runs(
    pytester: pytest.Pytester, folder: Path, baseline: str
) -> None:
    same = pytester.runpytest("scenarios", "--paged-sim", "--paged-sim-baseline", baseline)
    same.assert_outcomes(passed=4, failed=2, warnings=1)
    larger = MIXED.replace("page_size: 4", "page_size: 32")
    (folder / "mixed.yml").write_text(larger, "utf-8")
    worse = pytester.runpytest("scenarios/mixed.yml", "--paged-sim", "--paged-sim-baseline", baseline)
    worse.assert_outcomes(passed=1, failed=3, warnings=1)
    worse.stdout.fnmatch_lines(
        [
            "*mixed.yml:11: paged.steps is *, expected == baseline = *",
            "paged holds * sequences over *, * in the baseline (*Changed in the configuration: "
            "allocators.paged.page_size: 4 -> 32.",
        ]
    )


def test_a_baseline_of_the_ini_file_is_beside_it(pytester: pytest.Pytester, folder: Path, baseline: str) -> None:
    pytester.makeini(f"[pytest]\npaged_sim_scenarios = true\npaged_sim_baseline = {baseline}\n")
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.chdir(folder)
        pytester.runpytest(str(folder / "mixed.yml")).assert_outcomes(passed=2, failed=2, warnings=1)


@pytest.mark.usefixtures("folder")
def test_a_baseline_that_is_not_there(pytester: pytest.Pytester) -> None:
    given = ("scenarios", "--paged-sim-baseline", "nowhere.json")
    assert pytester.runpytest(*given, "--paged-sim").ret == pytest.ExitCode.USAGE_ERROR
    assert pytester.runpytest(*given).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_mistake_is_shown_at_the_line_that_made_it(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makepyfile(
        """
        from paged_sim import load_scenario

        def test_override(paged_sim_run):
            paged_sim_run("scenarios/good.yaml", scheduler__max_num_sex=3)

        def test_file():
            load_scenario("nowhere.yaml")

        def test_name(paged_sim_run):
            paged_sim_run("scenarios/good.yaml")["pagd"]
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            ">*max_num_sex=3)",
            "E*did you mean max_num_seqs?",
            '>*load_scenario("nowhere.yaml")',
            "E*nowhere.yaml: no such file*",
            ">*pagd*",
            "E*the run has paged*",
        ]
    )
    for module in ("load.py", "shapes.py", "pytest_plugin.py", "run.py"):
        result.stdout.no_fnmatch_line(f"*{module}:*")


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_under_xdist(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    result = pytester.runpytest_subprocess("scenarios", "--paged-sim", "-n", "2", "--dist", "loadfile")
    result.assert_outcomes(passed=3, failed=2, skipped=1, warnings=1)


def test_a_scenario_that_does_not_load(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("bad.yaml").write_text(f"{SCENARIO}  paged.steps: '=> 3'\n", "utf-8")
    result = pytester.runpytest("--paged-sim")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*bad.yaml:8: checks.paged.steps: '=> 3' is no expectation*"])


def test_what_goes_wrong_inside_has_a_traceback(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(scenario: object) -> Run:
        raise RuntimeError("inside")

    monkeypatch.setattr("paged_sim.simulation.simulate", simulate)
    pytester.path.joinpath("good.yaml").write_text(GOOD, "utf-8")
    result = pytester.runpytest("--paged-sim")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E * RuntimeError: inside"])


def test_the_fixture(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makepyfile(
        """
        def test_run(paged_sim_run):
            run = paged_sim_run("scenarios/good.yaml")
            assert run["paged"]["requests"]["finished"] == 4
            assert paged_sim_run("scenarios/good.yaml") is run

        def test_overrides(paged_sim_run):
            run = paged_sim_run("scenarios/good.yaml", workload__requests=6, **{"allocators.paged.null_page": True})
            assert run["paged"]["requests"]["finished"] == 6
            assert run["paged"]["policy"]["null_page"] is True
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_the_fixture_in_this_very_run(paged_sim_run: Callable[..., Run]) -> None:
    assert paged_sim_run("seed-section2", name="mine").scenario["name"] == "mine"


def test_nothing_heavy_is_imported_at_the_start_of_pytest() -> None:
    code = "import sys, paged_sim.pytest_plugin; print(*{name.partition('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(result.stdout.split()).isdisjoint({"numpy", "yaml", "click", "rich", "numba", "matplotlib"})
    assert "paged_sim" in result.stdout.split()
