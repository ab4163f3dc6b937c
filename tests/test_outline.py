"""The outline of a run knows every number of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import CACHED, CONTIGUOUS, PAGED, RUNNING, by_name, scenario_of

from paged_sim.checks import refuse_unknown_paths
from paged_sim.errors import PagedSimError
from paged_sim.outline import outline
from paged_sim.reports.numbers import flatten
from paged_sim.scenario import load_scenario
from paged_sim.scenario.models import AllocatorSpec, Check, Scenario, Variant
from paged_sim.simulation import simulate


def assert_known(scenario: Scenario) -> None:
    short = outline(scenario)
    assert short is not None
    run = simulate(scenario)
    for entry in run.to_json()["runs"]:
        flat = flatten({key: value for key, value in entry.items() if key not in ("spread", "policy")})
        numbers = [path for path, value in flat.items() if isinstance(value, int | float)]
        assert len(numbers) > 100
        checks = [Check(f"{entry['name']}.{path}", ">= 0", "s:1") for path in numbers]
        refuse_unknown_paths(short, checks)


@pytest.mark.parametrize("name", ["seed-section2", "watermark", "trace-requests", "refusals", "closed-loop-users"])
def test_of_scenarios(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    assert_known(load_scenario(name, overrides=["workload.requests=20"] if name == "closed-loop-users" else []))


@pytest.mark.parametrize(
    "spec", [CONTIGUOUS[0], CONTIGUOUS[-1], PAGED[0], CACHED[0], CACHED[5], RUNNING[0]], ids=by_name
)
def test_of_policies(spec: AllocatorSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    assert_known(scenario_of(spec, repeats=2))


def test_memory_of_any_size_is_outlined_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    short = outline(scenario_of(PAGED[0], slots=10**12))
    assert short is not None
    assert short["runs"][0]["capacity"]["slots"] < 10**6
    with pytest.raises(PagedSimError, match=r"did you mean paged-1\.steps"):
        refuse_unknown_paths(short, [Check("paged-1.stps", "> 3", "s:1")])


def test_what_cannot_be_simulated_has_none() -> None:
    """Requests over time need a clock; the run itself says so."""
    scenario = scenario_of(PAGED[0])
    workload = replace(scenario.workload, arrival=Variant("poisson", {"rate": 2.0}))
    assert outline(replace(scenario, workload=workload)) is None
