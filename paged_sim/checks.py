"""Expectations on the numbers of a run: the verdict on each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from paged_sim.basis import depends_on_steps, value_over
from paged_sim.errors import PagedSimError
from paged_sim.result import Document, Entry, Steps, value_at
from paged_sim.result import entry as result
from paged_sim.run import Run
from paged_sim.scenario.expectations import Expectation, parse_expression
from paged_sim.scenario.models import Check, Scenario
from paged_sim.wording import suggestion

__all__ = ["Expectation", "Verdict", "check", "evaluate", "parse_expression"]

NO_BASELINE = "no baseline to compare with"
REFUSED_ALL = "the policy refused every request, so there is no such number"
NO_SUCH_NUMBER = "the baseline has no such number"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one check: the number found at its path, and whether it is as expected.

    `passed` is None where there is nothing to compare: no baseline, or no number, since the run leaves it empty (then
    `value` is None); of a policy that refused every request it is False. `reason` says why, and what else there is to
    know about the numbers compared. `spread` is the standard deviation over the seeds, where the comparison took it
    into account, and `baseline` the baseline's number, where the check names one.
    """

    path: str
    expression: str
    value: float | None
    passed: bool | None
    where: str
    level: str = "error"
    spread: float | None = None
    baseline: float | None = None
    reason: str = ""

    def to_json(self) -> result.Verdict:
        """What stands of it in the JSON of a run."""
        return cast(result.Verdict, asdict(self))

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


def evaluate(run_json: Document, checks: Iterable[Check], baseline_json: Document | None = None) -> list[Verdict]:
    """The verdict on each of `checks`, in order, against a run's JSON (`Run.to_json()`).

    A path is the name of an allocator and then keys of its entry. Over several seeds a check compares the interval
    mean ± standard deviation and fails only if no number in it is as expected (`==` compares the mean itself). Raises
    PagedSimError, with the place of the check, when there is no such path or no number at its end.
    """
    entries = _by_name(run_json)
    before = None if baseline_json is None else _by_name(baseline_json)
    return [_verdict(entries, before, each) for each in checks]


def _by_name(run_json: Document) -> dict[str, Entry]:
    return {entry["name"]: entry for entry in run_json["runs"]}


def refuse_unknown_paths(run_json: Document, checks: Iterable[Check]) -> None:
    """Raise PagedSimError for a check whose path no run has that has the keys of this one, such as a short one.

    What lies below a key that this run leaves empty is not refused: another one may fill it.
    """
    entries = _by_name(run_json)
    for each in checks:
        _find(entries, number_path(entries, each.path, _expectation(each)), each, below_empty=True)


def _expectation(each: Check) -> Expectation:
    try:
        return parse_expression(each.expression)
    except ValueError as error:
        raise _mistake(each, str(error)) from None


def _verdict(entries: Mapping[str, Entry], before: Mapping[str, Entry] | None, each: Check) -> Verdict:
    expectation = _expectation(each)
    path = number_path(entries, each.path, expectation)
    value = _find(entries, path, each)
    if expectation.needs_baseline:
        return _against(entries, before, path, value, each)
    if value is None:
        return _empty(entries, path, each)
    spread = None if expectation.comparison == "==" else _spread(entries, path)
    passed = expectation.met_by(value, spread or 0.0)
    return Verdict(each.path, each.expression, value, passed, each.where, each.level, spread)


def _against(
    entries: Mapping[str, Entry], before: Mapping[str, Entry] | None, path: str, value: float | None, each: Check
) -> Verdict:
    """The verdict on a check whose limit comes from the same number of the baseline, over the same steps."""
    if before is None:
        return _skipped(each, value, NO_BASELINE)
    name, _, inside = path.partition(".")
    if name not in before:
        hint = "keep the name, or take a baseline that has it"
        reason = f"the baseline has no allocator {name}, it has {', '.join(before)}; {hint}"
        return Verdict(each.path, each.expression, value, False, each.where, each.level, reason=reason)
    steps, reason = _common_steps(entries[name], before[name], inside)
    value, baseline = (_number(value_over(entry, inside, steps)) for entry in (entries[name], before[name]))
    if value is None:
        return _skipped(each, None, reason) if reason else _empty(entries, path, each)
    if baseline is None:
        why = REFUSED_ALL if refused_all(before[name]) else why_empty(path)
        why = why if isinstance(value_at(before, path.rpartition(".")[0]), Mapping) else ""
        return _skipped(each, value, reason or (f"in the baseline, {why}" if why else NO_SUCH_NUMBER))
    expectation = _expectation(each)
    spread = None if expectation.comparison == "==" or reason else _spread(entries, path)
    passed = expectation.met_by(value, spread or 0.0, baseline)
    return Verdict(each.path, each.expression, value, passed, each.where, each.level, spread, baseline, reason)


def _common_steps(entry: Entry, before: Entry, inside: str) -> tuple[Steps, str]:
    """The steps over which both have the number, and why these where they are not the run's own."""
    own, others = entry["over"], before["over"]
    if own == others or not depends_on_steps(inside):
        return own, ""
    whose = "the baseline's" if own == "saturated" else "the run's"
    return "all", f"compared over all steps, as {whose} own means are"


def _skipped(each: Check, value: float | None, reason: str) -> Verdict:
    return Verdict(each.path, each.expression, value, None, each.where, each.level, reason=reason)


def why_empty(path: str) -> str:
    """What has to happen in a run for the number at a path not to be empty, and did not; nothing if nothing can."""
    parts = path.split(".")
    if "saturated" in parts:
        return "no request waits on any step, and this number is over the steps on which one does"
    return "no request finished" if {"latency", "throughput", "at_finish"} & set(parts) else ""


def refused_all(entry: Entry) -> bool:
    """Whether a policy served none of its requests, so that it has no numbers about serving them."""
    return value_at(entry, "requests.finished") == 0 and bool(value_at(entry, "requests.refused"))


def _empty(entries: Mapping[str, Entry], path: str, each: Check) -> Verdict:
    """The verdict on a number that the run leaves empty: failed where its policy refused all that it was asked for.

    Raises PagedSimError for a number that every such run leaves empty.
    """
    if refused_all(entries[path.partition(".")[0]]):
        return Verdict(each.path, each.expression, None, False, each.where, each.level, reason=REFUSED_ALL)
    reason = why_empty(path)
    if not reason:
        raise _mistake(each, "the run leaves this number empty (null); check another one")
    return _skipped(each, None, reason)


def number_path(entries: Mapping[str, Entry], path: str, expectation: Expectation) -> str:
    """The path of the number that a check is about.

    A statistic in the expression is looked for below the path and, where the entry has it only under "saturated" and
    "all", below the one that the entry's own means are taken over.
    """
    if expectation.statistic is None:
        return path
    direct = f"{path}.{expectation.statistic}"
    over = value_at(entries, f"{path.partition('.')[0]}.over")
    weighed = f"{path}.{over}.{expectation.statistic}"
    return weighed if value_at(entries, direct) is None and value_at(entries, weighed) is not None else direct


def _number(found: Any) -> float | None:
    is_number = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return found if is_number else None


def _spread(entries: Mapping[str, Entry], path: str) -> float | None:
    """The standard deviation of the number at `path` over the seeds; None for one seed, a counter or a peak."""
    name, _, inside = path.partition(".")
    return (entries[name].get("spread") or {}).get(inside)


def _find(entries: Mapping[str, Entry], path: str, each: Check, *, below_empty: bool = False) -> float | None:
    """The number at a path, None where the run leaves it empty; `below_empty` also finds None below an empty key."""
    found: Any = entries
    for key in path.split("."):
        if found is None and below_empty:
            return None
        if not isinstance(found, Mapping) or key not in found:
            raise _mistake(each, f"the run has no such number; {_nearest(entries, path)}")
        found = found[key]
    if found is None:
        return None
    if isinstance(found, Mapping):
        inside = ", ".join(f"{path}.{key}" for key in list(found)[:3])
        raise _mistake(each, f"this holds several numbers; name one of them, such as {inside}")
    number = _number(found)
    if number is None:
        raise _mistake(each, f"{found!r} is no number; check another path")
    return number


def _nearest(entries: Mapping[str, Entry], path: str) -> str:
    known = list(_paths(entries, ""))
    return suggestion(path, known, f"paths begin with an allocator: {', '.join(entries)}", most=3)


def _paths(found: Any, prefix: str) -> Iterator[str]:
    """The paths of all numbers, empty ones included."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _paths(value, f"{prefix}.{key}" if prefix else str(key))
    elif found is None or (isinstance(found, int | float) and not isinstance(found, bool)):
        yield prefix


def _mistake(each: Check, problem: str) -> PagedSimError:
    return PagedSimError(f"{each.where}: checks.{each.path}: {problem}")
