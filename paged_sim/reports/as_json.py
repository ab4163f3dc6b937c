"""Runs as the documented, versioned JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from paged_sim.result import Document

from .blocks import Screen


def as_json(documents: Sequence[Document], screen: Screen) -> str:
    """One run as an object, several as an array; keys in the order of the run, the same every time."""
    return to_json(documents[0] if len(documents) == 1 else list(documents))


def to_json(value: object) -> str:
    """Indented JSON with a newline at the end; a number that is not finite is an error, not invalid JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
