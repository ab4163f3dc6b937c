"""Expectations on the numbers of a run: the verdict on each."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.scenario.expectations import AtLeast, AtMost, Expectation, Within, parse_expression
from paged_sim.scenario.models import Check

__all__ = ["AtLeast", "AtMost", "Expectation", "Verdict", "Within", "evaluate", "parse_expression"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one check: the number found at its path, and whether it is as expected."""

    path: str
    expression: str
    value: float
    passed: bool
    where: str


def evaluate(run_json: Mapping[str, Any], checks: Iterable[Check]) -> list[Verdict]:
    """The verdict on each of `checks`, in order, against a run's JSON (`Run.to_json()`).

    A path is the name of an allocator and then keys of its entry. Raises PagedSimError, with the place of the check,
    when there is no such path or no number at its end.
    """
    entries = {entry["name"]: entry for entry in run_json["runs"]}
    return [_verdict(entries, check) for check in checks]


def _verdict(entries: Mapping[str, Any], check: Check) -> Verdict:
    value = _find(entries, check)
    try:
        expectation = parse_expression(check.expression)
    except ValueError as error:
        raise _mistake(check, str(error)) from None
    return Verdict(check.path, check.expression, value, expectation.met_by(value), check.where)


def _find(entries: Mapping[str, Any], check: Check) -> float:
    found: Any = entries
    for key in check.path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            raise _mistake(check, f"the run has no such number; {_nearest(entries, check.path)}")
        found = found[key]
    if found is None:
        raise _mistake(check, "the run leaves this number empty (null); check another one")
    if isinstance(found, Mapping):
        inside = ", ".join(f"{check.path}.{key}" for key in list(found)[:3])
        raise _mistake(check, f"this holds several numbers; name one of them, such as {inside}")
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise _mistake(check, f"{found!r} is no number; check another path")
    return found


def _nearest(entries: Mapping[str, Any], path: str) -> str:
    known = list(_paths(entries, ""))
    close = difflib.get_close_matches(path, known, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"paths begin with an allocator: {', '.join(entries)}"


def _paths(found: Any, prefix: str) -> Iterator[str]:
    """The paths of all numbers."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _paths(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield prefix


def _mistake(check: Check, problem: str) -> PagedSimError:
    return PagedSimError(f"{check.where}: checks.{check.path}: {problem}")
