"""Expectations on the numbers of a run: the verdict on each."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.errors import PagedSimError
from paged_sim.run import Run
from paged_sim.scenario.expectations import Expectation, parse_expression
from paged_sim.scenario.models import Check, Scenario

__all__ = ["Expectation", "Verdict", "check", "evaluate", "parse_expression"]

NO_BASELINE = "no baseline to compare with"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one check: the number found at its path, and whether it is as expected.

    `passed` is None where the check names a baseline and there is none to compare with; `reason` then says why.
    `spread` is the standard deviation over the seeds, where the comparison took it into account, and `baseline` the
    baseline's number, where the check names one.
    """

    path: str
    expression: str
    value: float
    passed: bool | None
    where: str
    level: str = "error"
    spread: float | None = None
    baseline: float | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether this fails `paged-sim check`."""
        return self.passed is False and self.level == "error"


def check(scenario: Scenario, run: Run, baseline: Run | None = None) -> list[Verdict]:
    """The verdict on each check of a scenario against its run, in order.

    Checks that name the baseline are compared with the same number of the run `baseline`. Raises PagedSimError as
    `evaluate` does.
    """
    return evaluate(run.to_json(), scenario.checks, None if baseline is None else baseline.to_json())


def evaluate(
    run_json: Mapping[str, Any], checks: Iterable[Check], baseline_json: Mapping[str, Any] | None = None
) -> list[Verdict]:
    """The verdict on each of `checks`, in order, against a run's JSON (`Run.to_json()`).

    A path is the name of an allocator and then keys of its entry. Over several seeds a check compares the interval
    mean ± standard deviation and fails only if no number in it is as expected (`==` compares the mean itself). Raises
    PagedSimError, with the place of the check, when there is no such path or no number at its end.
    """
    entries = _by_name(run_json)
    before = None if baseline_json is None else _by_name(baseline_json)
    return [_verdict(entries, before, each) for each in checks]


def _by_name(run_json: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry for entry in run_json["runs"]}


def _verdict(entries: Mapping[str, Any], before: Mapping[str, Any] | None, each: Check) -> Verdict:
    try:
        expectation = parse_expression(each.expression)
    except ValueError as error:
        raise _mistake(each, str(error)) from None
    path = number_path(entries, each.path, expectation)
    value = _find(entries, path, each)
    spread = None if expectation.comparison == "==" else _spread(entries, path)
    given = (each.path, each.expression, value)
    if not expectation.needs_baseline:
        passed = expectation.met_by(value, spread or 0.0)
        return Verdict(*given, passed, each.where, each.level, spread)
    if before is None:
        return Verdict(*given, None, each.where, each.level, spread, reason=NO_BASELINE)
    baseline = _number(_lookup(before, path))
    if baseline is None:
        return Verdict(*given, None, each.where, each.level, spread, reason="the baseline has no such number")
    passed = expectation.met_by(value, spread or 0.0, baseline)
    return Verdict(*given, passed, each.where, each.level, spread, baseline)


def number_path(entries: Mapping[str, Any], path: str, expectation: Expectation) -> str:
    """The path of the number that a check is about.

    A statistic in the expression is looked for below the path and, where the entry has it only under "saturated" and
    "all", below the one that the entry's own means are taken over.
    """
    if expectation.statistic is None:
        return path
    direct = f"{path}.{expectation.statistic}"
    over = _lookup(entries, f"{path.partition('.')[0]}.over")
    weighed = f"{path}.{over}.{expectation.statistic}"
    return weighed if _lookup(entries, direct) is None and _lookup(entries, weighed) is not None else direct


def _lookup(found: Any, path: str) -> Any:
    """What is at a path, None where there is nothing."""
    for key in path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def _number(found: Any) -> float | None:
    is_number = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return found if is_number else None


def _spread(entries: Mapping[str, Any], path: str) -> float | None:
    """The standard deviation of the number at `path` over the seeds; None for one seed, a counter or a peak."""
    name, _, inside = path.partition(".")
    return (entries[name].get("spread") or {}).get(inside)


def _find(entries: Mapping[str, Any], path: str, each: Check) -> float:
    found: Any = entries
    for key in path.split("."):
        if not isinstance(found, Mapping) or key not in found:
            raise _mistake(each, f"the run has no such number; {_nearest(entries, path)}")
        found = found[key]
    if found is None:
        raise _mistake(each, "the run leaves this number empty (null); check another one")
    if isinstance(found, Mapping):
        inside = ", ".join(f"{path}.{key}" for key in list(found)[:3])
        raise _mistake(each, f"this holds several numbers; name one of them, such as {inside}")
    number = _number(found)
    if number is None:
        raise _mistake(each, f"{found!r} is no number; check another path")
    return number


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


def _mistake(each: Check, problem: str) -> PagedSimError:
    return PagedSimError(f"{each.where}: checks.{each.path}: {problem}")
