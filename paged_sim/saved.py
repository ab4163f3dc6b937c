"""Saved runs: the JSON that `run -o RUN.json`, `check --save-baseline` and `Run.save` write, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.files import MIB, read_bounded, read_standard_input
from paged_sim.result import Document
from paged_sim.result.validate import mistake_in

SCHEMA_VERSION = 1
HOW_TO_SAVE = "save one with `paged-sim run SCENARIO -o RUN.json`"


def read_saved(source: str | Path) -> list[Document]:
    """The JSON of the runs in a file, one or more; "-" is standard input.

    Raises PagedSimError for anything else, for another version, and for a run of which any part is not what it should
    be (`paged_sim.result.entry`), with the path of it; keys that came with a later version may be absent.
    """
    try:
        content = json.loads(_read(source))
        mistake = mistake_in(content, list[Document] if isinstance(content, list) else Document)
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
    if not documents or not all(isinstance(document, dict) and "runs" in document for document in documents):
        raise PagedSimError(f"{source}: no saved run; {HOW_TO_SAVE}")
    for document in documents:
        _refuse_other_version(source, document)
    if mistake:
        raise PagedSimError(f"{source}: {mistake}; it is damaged: run the scenario again and save it anew")
    return documents


def _read(source: str | Path) -> str:
    most, what = 256 * MIB, "saved run"
    content = read_standard_input(most, what) if source == "-" else read_bounded(Path(source), most, what)
    return content.decode("utf-8")


def _refuse_other_version(source: str | Path, document: dict[str, Any]) -> None:
    version = document.get("version")
    if version != SCHEMA_VERSION:
        raise PagedSimError(
            f"{source}: a run of version {version!r}, and this paged-sim reads version {SCHEMA_VERSION}; "
            "run the scenario again and save it anew"
        )
