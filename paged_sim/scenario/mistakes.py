"""Everything that is wrong with a scenario, gathered while it is read; the rest does without what is not sound."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, ParamSpec

from paged_sim.errors import PagedSimError

MOST_SHOWN = 20
"""Mistakes that are told one by one; of the others only the number."""

_LINE = re.compile(r".*?:([0-9]+): ")
_Given = ParamSpec("_Given")


class UnsoundError(Exception):
    """Something was asked of `UNSOUND`. What is wrong has been said already."""


class _Unsound:
    """The value of a key that could not be read: whoever asks anything of it learns so, and does nothing more."""

    def _refuse(self, *_: object) -> NoReturn:
        raise UnsoundError

    __getattr__ = __getitem__ = __iter__ = __len__ = __bool__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __mod__ = __add__ = __radd__ = __hash__ = _refuse


UNSOUND: Any = _Unsound()


class Mistakes:
    """What is wrong so far, in the order in which it was found."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._more = 0

    @property
    def enough(self) -> bool:
        """Whether so many are known that further ones are only counted, and need no words."""
        return len(self._found) >= MOST_SHOWN

    def add(self, mistake: PagedSimError) -> None:
        """Keep a mistake, if it was not known."""
        for message in mistake.messages:
            if self.enough:
                self._more += 1
            elif message not in self._found:
                self._found.append(message)

    def add_all(self, others: Mistakes) -> None:
        """Keep what somebody else has gathered."""
        self._found += others._found
        self._more += others._more

    def count(self, number: int) -> None:
        """Count mistakes without words."""
        self._more += number

    def tried(self, function: Callable[_Given, Any], *given: _Given.args, **named: _Given.kwargs) -> Any:
        """What the function returns; `UNSOUND` where it raises a PagedSimError, which is kept, or UnsoundError."""
        try:
            return function(*given, **named)
        except PagedSimError as mistake:
            self.add(mistake)
        except UnsoundError:
            pass
        return UNSOUND

    def gather(self, found: Iterable[PagedSimError]) -> None:
        """Keep all of these, as far as they can be told from sound values."""
        try:
            for mistake in found:
                self.add(mistake)
        except UnsoundError:
            pass

    def raise_any(self) -> None:
        """Raise one PagedSimError with a line for each mistake, in the order of the file, those of flags at the end."""
        if not self._found:
            return
        found = sorted(self._found, key=_line_of)
        more = [f"and {self._more:,} mistake{'s' * (self._more > 1)} more"] if self._more else []
        raise PagedSimError(*found, *more)


def _line_of(message: str) -> float:
    found = _LINE.match(message)
    return int(found[1]) if found and not message.startswith("--") else float("inf")
