"""The Python API: five names, at no cost until they are used. docs/api.md shows them at work."""

from __future__ import annotations

import subprocess
import sys

import pytest

import paged_sim


def test_every_name_is_there() -> None:
    for name in paged_sim.__all__:
        assert getattr(paged_sim, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = paged_sim.nothing


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, paged_sim; print(*[name for name in sys.modules if name.startswith('paged_sim.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_names_are_those_that_the_command_line_uses() -> None:
    from paged_sim import changes, checks, run, scenario, simulation

    assert paged_sim.simulate is simulation.simulate
    assert paged_sim.load_scenario is scenario.load_scenario
    assert paged_sim.check is checks.check
    assert paged_sim.compare is changes.compare
    assert paged_sim.Run is run.Run
