"""The JSON Schema of scenario files, for editors."""

from __future__ import annotations

from typing import Any

from paged_sim.scenario.keys import SCENARIO


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) that accepts every valid scenario and no unknown key."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "paged-sim scenario",
        "description": "What to simulate: a model, memory, a workload, and the allocation policies to compare.",
        **SCENARIO.schema(),
    }
