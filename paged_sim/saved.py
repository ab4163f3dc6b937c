"""Saved runs: the JSON that `run -o RUN.json`, `check --save-baseline` and `Run.save` write, read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.files import MIB, read_bounded, read_standard_input

SCHEMA_VERSION = 1
HOW_TO_SAVE = "save one with `paged-sim run SCENARIO -o RUN.json`"

_NEEDED = frozenset(
    {"name", "over", "seeds", "capacity", "arena", "batch", "fill", "occupancy", "waste", "ledger", "requests"}
)


def read_saved(source: str | Path) -> list[dict[str, Any]]:
    """The JSON of the runs in a file, one or more; "-" is standard input.

    Raises PagedSimError for anything else, and for another version.
    """
    try:
        content = json.loads(_read(source))
    except OSError as error:
        raise PagedSimError(f"{source}: cannot be read: {error.strerror}; {HOW_TO_SAVE}") from None
    except UnicodeDecodeError:
        raise PagedSimError(f"{source}: not UTF-8 text, so no saved run; {HOW_TO_SAVE}") from None
    except json.JSONDecodeError as error:
        where = f"{source}:{error.lineno}:{error.colno}"
        raise PagedSimError(f"{where}: not JSON ({error.msg}), so no saved run; {HOW_TO_SAVE}") from None
    except (RecursionError, ValueError):
        raise PagedSimError(
            f"{source}: nested too deeply, or with a number too long, so no saved run; {HOW_TO_SAVE}"
        ) from None
    documents = content if isinstance(content, list) else [content]
    for document in documents:
        _refuse_other_version(source, document)
    if not documents or not all(_is_run(document) for document in documents):
        raise PagedSimError(f"{source}: no saved run; {HOW_TO_SAVE}")
    return documents


def _read(source: str | Path) -> str:
    most, what = 256 * MIB, "saved run"
    content = read_standard_input(most, what) if source == "-" else read_bounded(Path(source), most, what)
    return content.decode("utf-8")


@contextmanager
def understood(source: str) -> Iterator[None]:
    """Work on what was read from `source`; a part that is not there, or is not what it should be, is the file's fault.

    Raises PagedSimError in place of what such a part leads to.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {' '.join(str(error).split()):.60}"
        raise PagedSimError(
            f"{source}: a part of the run is missing or is not what it should be ({what}); it is damaged, or another "
            f"version saved it: run the scenario again and save it anew"
        ) from error


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
    if not isinstance(document.get("timelines", {}), dict) or "name" not in document["scenario"]:
        return False
    runs = document.get("runs")
    return (
        isinstance(runs, list) and bool(runs) and all(isinstance(run, dict) and run.keys() >= _NEEDED for run in runs)
    )
