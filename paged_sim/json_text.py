"""JSON that somebody else wrote: parsed, with one clear line for what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
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
    place = f"{path}:{line}" if line else f"{path}"
    try:
        return _whole(text)
    except json.JSONDecodeError as error:
        number, character = (line, error.pos + 1) if line else (error.lineno, error.colno)
        raise PagedSimError(f"{path}:{number}: not JSON ({error.msg} at character {character}); {remedy}") from None
    except _TwiceError as error:
        raise PagedSimError(f"{place}: key {error} is given twice; {remedy}") from None
    except ValueError:
        raise PagedSimError(f"{place}: not JSON (a number of thousands of digits); {remedy}") from None
    except RecursionError:
        raise PagedSimError(f"{place}: not JSON (nested too deep); {remedy}") from None


def _whole(text: str) -> Any:
    """The value that the whole text is; of a line without blanks around the value, as nearly all are, at once."""
    with suppress(json.JSONDecodeError):
        value, end = _DECODER.raw_decode(text)
        if text[end:] in _LINE_ENDS:
            return value
    return _DECODER.decode(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise _TwiceError(shown(twice))
    return record


_LINE_ENDS = ("\n", "\r\n", "")
_DECODER = json.JSONDecoder(object_pairs_hook=_unique)
