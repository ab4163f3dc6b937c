"""The ways in which a kernel may run, from the fastest to the one that always works, and which of them works here.

Machine code is a convenience. What another Numba does differently is found out before anything large is compiled, by
something small (`compiled.trial`); then the next way is taken for the rest of the process, with one warning.
"""

from __future__ import annotations

import os
import warnings

from paged_sim.errors import PagedSimWarning

LINKED = "compiled as one module"
ORDINARY = "compiled by Numba's ordinary pipeline"
PLAIN = "plain Python"
WAYS = (LINKED, ORDINARY, PLAIN)

_way, _why = LINKED, ""
_is_tried = False


class CannotCompileError(Exception):
    """Nothing can be compiled here; that has been said."""


def chosen() -> tuple[str, str]:
    """The way of the moment, and why it is not the first one."""
    return _way, _why


def fall_back(way: str, why: str) -> None:
    """Go on in a later way, for a reason; said once. Plain Python then holds for the processes that this one starts."""
    global _way, _why
    if WAYS.index(way) <= WAYS.index(_way):
        return
    _way, _why = way, why
    if way == PLAIN:
        os.environ["PAGED_SIM_COMPILE"] = "never"
    going_on = f"going on in {way}" if way == PLAIN else f"going on {way}"
    warn(f"{why}; {going_on}, which is slower")


def try_here() -> None:
    """Find the first way, from the one of the moment on, in which something small compiles and comes to what it should.

    Raises CannotCompileError where only plain Python is left.
    """
    global _way, _is_tried
    from paged_sim.compiled.trial import compile_and_run

    given, why = _way, ""
    for way in WAYS if not _is_tried else ():
        if WAYS.index(way) < WAYS.index(given):
            continue
        _way = way
        try:
            if way != PLAIN:
                compile_and_run()
        except Exception as error:
            why = why or describe(error)
        else:
            _is_tried, _way = True, given
            fall_back(way, why)
            break
    if _way == PLAIN:
        raise CannotCompileError(_why)


def describe(error: BaseException) -> str:
    """An error of Numba's in one line of reasonable length."""
    text = " ".join(str(error).split())
    return f"Numba: {type(error).__name__}: {text if len(text) <= 160 else text[:159] + '…'}"


def warn(message: str) -> None:
    """Say what costs time here, but no results."""
    warnings.warn(message, PagedSimWarning, stacklevel=2)
