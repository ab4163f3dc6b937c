"""paged_sim: where did the bytes of an LLM server's KV cache go?

The names below are the library; each is imported at its first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paged_sim.changes import Change, compare
    from paged_sim.checks import Verdict, check
    from paged_sim.errors import PagedSimError
    from paged_sim.run import Run
    from paged_sim.scenario import load_scenario
    from paged_sim.scenario.models import Scenario
    from paged_sim.simulation import simulate

__version__ = "0.1.0"
__all__ = [
    "Change",
    "PagedSimError",
    "Run",
    "Scenario",
    "Verdict",
    "__version__",
    "check",
    "compare",
    "load_scenario",
    "simulate",
]

_HOMES = {
    "Change": "changes",
    "PagedSimError": "errors",
    "Run": "run",
    "Scenario": "scenario.models",
    "Verdict": "checks",
    "check": "checks",
    "compare": "changes",
    "load_scenario": "scenario",
    "simulate": "simulation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
