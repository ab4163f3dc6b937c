"""Scenario files: YAML to frozen, checked data, with the place and origin of every value.

What does the work is imported at first use, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paged_sim.scenario.builtin import Builtin, builtin_scenarios
    from paged_sim.scenario.crosscheck import clock_needed
    from paged_sim.scenario.dump import resolved
    from paged_sim.scenario.key_rows import Row, reference
    from paged_sim.scenario.load import load_scenario, load_text
    from paged_sim.scenario.schema import json_schema

__all__ = [
    "Builtin",
    "Row",
    "builtin_scenarios",
    "clock_needed",
    "json_schema",
    "load_scenario",
    "load_text",
    "reference",
    "resolved",
]

_HOMES = {
    "Builtin": "builtin",
    "builtin_scenarios": "builtin",
    "clock_needed": "crosscheck",
    "load_scenario": "load",
    "load_text": "load",
    "Row": "key_rows",
    "reference": "key_rows",
    "resolved": "dump",
    "json_schema": "schema",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
