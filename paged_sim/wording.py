"""Words of messages: what comes from outside made fit to print, and names close to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

_LONGEST_TEXT = 60


def printable(text: str, kept: str = "") -> str:
    """`text` with line ends, control characters and the like written as escapes, but for the characters in `kept`.

    A terminal, Markdown or a workflow command then shows what a name holds and does not carry it out.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if _shows(letter) or letter in kept else repr(letter)[1:-1] for letter in text)


def _shows(letter: str) -> bool:
    """Whether a character is one to look at; spaces of any width are, characters that order others about are not."""
    return letter.isprintable() or letter in "\u00a0\u2007\u2009\u202f"


def show(text: str) -> str:
    """`text` quoted for a message, on one line and not too long."""
    return repr(text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "...")


def one_line(text: str, longest: int = 80) -> str:
    """`text` as the user typed it, made fit for one line of a message."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 3] + "..."


def shown(value: object, form: Callable[[object], str] = repr, longest: int = 40) -> str:
    """A value for a message, never long; `form` makes text of it."""
    try:
        text = form(value)
    except RecursionError:
        return "a deeply nested value"
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= longest else f"{text[: longest - 4]}...{text[-1]}"


def close_names(name: str, known: Iterable[str], most: int = 2, cutoff: float = 0.6) -> list[str]:
    """Up to `most` of `known` that look like `name`, in any case of letters, best first."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    return [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=cutoff)]


def suggestion(name: str, known: Iterable[str], otherwise: str, most: int = 2, cutoff: float = 0.6) -> str:
    """A suggestion for a name that is not among `known`, or `otherwise` where nothing is close."""
    close = close_names(name, known, most, cutoff)
    return f"did you mean {' or '.join(close)}?" if close else otherwise
