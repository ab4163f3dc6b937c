"""Saved runs: the JSON that `run --format json` and `check --save-baseline` write, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError

SCHEMA_VERSION = 1

_NEEDED = frozenset(
    {"name", "over", "seeds", "capacity", "arena", "batch", "fill", "occupancy", "waste", "ledger", "requests"}
)


def read_saved(source: str | Path) -> list[dict[str, Any]]:
    """The JSON of the runs in a file, one or more. Raises PagedSimError for anything else, and for another version."""
    try:
        content = json.loads(Path(source).read_text("utf-8"))
    except OSError as error:
        raise PagedSimError(f"{source}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PagedSimError(f"{source}: not UTF-8 text, so no saved run") from None
    except json.JSONDecodeError as error:
        raise PagedSimError(f"{source}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    documents = content if isinstance(content, list) else [content]
    for document in documents:
        _refuse_other_version(source, document)
    if not documents or not all(_is_run(document) for document in documents):
        raise PagedSimError(f"{source}: no saved run; write one with `paged-sim run SCENARIO --format json -o FILE`")
    return documents


def _refuse_other_version(source: str | Path, document: Any) -> None:
    version = document.get("version") if isinstance(document, dict) and "runs" in document else SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise PagedSimError(
            f"{source}: a run of version {version!r}, and this paged-sim reads version {SCHEMA_VERSION}; "
            "run the scenario again and save it anew"
        )


def _is_run(document: Any) -> bool:
    """Whether this has the parts that every report needs; a stranger's JSON has not."""
    if not isinstance(document, dict) or not isinstance(document.get("scenario"), dict):
        return False
    runs = document.get("runs")
    return (
        isinstance(runs, list) and bool(runs) and all(isinstance(run, dict) and run.keys() >= _NEEDED for run in runs)
    )
