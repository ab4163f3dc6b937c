"""JSON that somebody else wrote: parsed, with one clear line for what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.wording import shown


class _TwiceError(ValueError):
    """A key that an object has twice: which of the values counts, nobody can know."""


def parse_json(text: str, path: object, line: int | None, remedy: str) -> Any:
    """The JSON value of a file, or of one `line` of it; `remedy` ends the message of a mistake.

    Raises:
        PagedSimError: it is no JSON, nested too deep, has a number of thousands of digits or a key twice in an object.
    """
    try:
        return _value_of(text)
    except json.JSONDecodeError as error:
        number, character = (line, error.pos + 1) if line else (error.lineno, error.colno)
        line, problem = number, f"not JSON ({error.msg} at character {character})"
    except _TwiceError as error:
        problem = f"key {error} is given twice"
    except ValueError:
        problem = "not JSON (a number of thousands of digits)"
    except RecursionError:
        problem = "not JSON (nested too deep)"
    raise PagedSimError(f"{path}{f':{line}' if line else ''}: {problem}; {remedy}")


def _value_of(text: str) -> Any:
    """The value; at once where no blanks are around it, as in nearly all lines."""
    if text[:1] not in ("{", "["):
        return _DECODER.decode(text)
    value, end = _DECODER.raw_decode(text)
    return value if text[end:] in _LINE_ENDS else _DECODER.decode(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise _TwiceError(shown(twice))
    return record


_LINE_ENDS = ("\n", "\r\n", "")
_DECODER = json.JSONDecoder(object_pairs_hook=_unique)
