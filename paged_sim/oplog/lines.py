"""JSON lines of a recorded log, plain or gzipped: numbered, parsed, and what is wrong with one as one clear line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.files import DAMAGED, damaged, open_bytes

REMEDY = "correct the line, or record the log again"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_SHOWN = 48


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


def parse_line(line: bytes, place: str) -> Any:
    """The JSON value of a line.

    Raises:
        PagedSimError: the line is not UTF-8, no JSON, or nested too deep; `place` is in front.
    """
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise PagedSimError(f"{place}: not UTF-8 text; a log is JSON lines, plain or gzipped") from None
    except json.JSONDecodeError as error:
        raise PagedSimError(f"{place}: not JSON ({error.msg} at character {error.pos + 1}); {REMEDY}") from None
    except ValueError:
        raise PagedSimError(f"{place}: not JSON (a number of thousands of digits); {REMEDY}") from None
    except RecursionError:
        raise PagedSimError(f"{place}: nested too deep; {REMEDY}") from None


def shown(value: object) -> str:
    """A value for a message, as JSON in ASCII and never long."""
    try:
        text = json.dumps(value)
    except RecursionError:
        return "a deeply nested value"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 4]}...{text[-1]}"
