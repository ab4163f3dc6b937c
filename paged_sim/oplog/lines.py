"""JSON lines of a recorded log, plain or gzipped: numbered, parsed, and what is wrong with one as one clear line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.files import DAMAGED, damaged, open_bytes
from paged_sim.json_text import parse_json
from paged_sim.wording import shown as shown_as

REMEDY = "correct the line, or record the log again"

shown = partial(shown_as, form=json.dumps, longest=48)
"""A value for a message, as the log has it."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Every line that is not blank with its number from 1, line end included; one line at a time is in memory.

    Raises:
        PagedSimError: as `open_bytes`; of a truncated gzip file, the message has the line after the last whole one.
    """
    number = 0
    with open_bytes(path) as raw:
        try:
            for number, line in enumerate(raw, start=1):
                text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
                if not text.isspace() and text:
                    yield number, text
        except DAMAGED as error:
            raise damaged(f"{path}:{number + 1}", error) from None


def parse_line(line: bytes, path: Path, number: int) -> Any:
    """The JSON value of a line of a log. Raises PagedSimError: it is not UTF-8, or as `parse_json`."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise PagedSimError(f"{path}:{number}: not UTF-8 text; a log is JSON lines, plain or gzipped") from None
    return parse_json(text, path, number, REMEDY)
