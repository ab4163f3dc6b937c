"""Shapes of single keys that fit no general form: ranges, quantiles, histograms, weighted choices, expectations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paged_sim.scenario.context import At, did_you_mean, mistake, scalar_text
from paged_sim.scenario.expectations import EXPRESSION_PATTERN, parse_expression
from paged_sim.scenario.models import Check
from paged_sim.scenario.nodes import Node
from paged_sim.scenario.scalars import Name, Number
from paged_sim.scenario.shapes import ListOf, Section
from paged_sim.scenario.units import NUMBER
from paged_sim.wording import show

_TOKENS = Number(minimum=1, maximum=10**9)
_PATH_PATTERN = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+"
_MOST_CHECKS = 1000
_LONGEST_PATH = 300
_LEVELS = ("warn", "error")
_PERCENTILE_PATTERN = r"p(100|[0-9]{1,2})(\.[0-9]+)?"


@dataclass(frozen=True, slots=True)
class Bounds:
    """[low, high], both included; params low and high."""

    def read(self, node: Node, at: At) -> dict[str, Any]:
        if not isinstance(node.data, tuple) or len(node.data) != 2:
            raise mistake(node.where, at.path, "expected [low, high], such as [1, 512]")
        low, high = (at.read(_TOKENS, item) for item in node.data)
        at.note(node)
        if low > high:
            raise mistake(node.where, at.path, f"low {low} is above high {high}; swap them")
        return {"low": low, "high": high}

    def dump(self, value: Mapping[str, Any]) -> list[int]:
        return [value["low"], value["high"]]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": _TOKENS.schema(), "minItems": 2, "maxItems": 2}

    def describe(self) -> str:
        return "[low, high]"


@dataclass(frozen=True, slots=True)
class Quantiles:
    """{p1: 5, p50: 40, p99: 900}; params points, a list of [probability, value] in rising order."""

    def read(self, node: Node, at: At) -> dict[str, Any]:
        if not isinstance(node.data, Mapping) or len(node.data) < 2:
            raise mistake(node.where, at.path, "expected at least two quantiles, such as {p1: 5, p50: 40, p99: 900}")
        points: dict[float, int | float] = {}
        for name, item in node.data.items():
            probability = _probability(name, item, at)
            if probability in points:
                raise mistake(item.where, at.path, f"{name} is given twice; leave one out")
            points[probability] = at.read(_TOKENS, item)
        at.note(node)
        rising = [[probability, points[probability]] for probability in sorted(points)]
        if [value for _, value in rising] != sorted(points.values()):
            raise mistake(node.where, at.path, "the values fall while the quantiles rise; put them in order")
        return {"points": rising}

    def dump(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return {f"p{round(100 * probability, 9):g}": length for probability, length in value["points"]}

    def schema(self) -> dict[str, Any]:
        lengths = {f"^{_PERCENTILE_PATTERN}$": _TOKENS.schema()}
        return {"type": "object", "patternProperties": lengths, "additionalProperties": False, "minProperties": 2}

    def describe(self) -> str:
        return "{p1: ..., p50: ..., ...}"


def _probability(name: str, node: Node, at: At) -> float:
    percent = float(name[1:]) if re.fullmatch(_PERCENTILE_PATTERN, name) else -1.0
    if not 0 <= percent <= 100:
        raise mistake(node.where, at.path, f"{show(name)} is no quantile; write p0 to p100, such as p50 or p99.9")
    return round(percent / 100, 12)


@dataclass(frozen=True, slots=True)
class Histogram:
    """The name of a preset, or bins of equal width; params preset, or first_edge, bin_width and counts."""

    preset: Name
    bins: Section

    def read(self, node: Node, at: At) -> dict[str, Any]:
        if not isinstance(node.data, Mapping):
            return {"preset": self.preset.read(node, at)}
        params = self.bins.read(node, at)
        if not sum(params["counts"]):
            raise mistake(node.where, at.child("counts").path, "all counts are 0; give at least one above 0")
        return params

    def dump(self, value: Mapping[str, Any]) -> Any:
        return value["preset"] if "preset" in value else self.bins.dump(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.preset.schema(), self.bins.schema()]}

    def describe(self) -> str:
        return f"{self.preset.describe()}, or {self.bins.describe()}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A list of lengths, each as likely, or {length: weight}; params values and, for the second, weights."""

    def read(self, node: Node, at: At) -> dict[str, Any]:
        if isinstance(node.data, str):
            raise mistake(node.where, at.path, f"expected {self.describe()}, found {node.kind}")
        if not isinstance(node.data, Mapping):
            return {"values": ListOf(_TOKENS).read(node, at)}
        weight = Number(NUMBER, minimum=0)
        here = at.unnoted()
        lengths = tuple(here.read(_TOKENS, Node(name, item.where, item.origin)) for name, item in node.data.items())
        weights = tuple(here.read(weight, item) for item in node.data.values())
        at.note(node)
        if not sum(weights):
            raise mistake(node.where, at.path, "the weights sum to 0; give at least one above 0")
        return {"values": lengths, "weights": weights}

    def dump(self, value: Mapping[str, Any]) -> Any:
        if "weights" not in value:
            return list(value["values"])
        return {str(length): weight for length, weight in zip(value["values"], value["weights"], strict=True)}

    def schema(self) -> dict[str, Any]:
        weights = {
            "type": "object",
            "patternProperties": {"^[0-9][0-9_]*$": Number(NUMBER, minimum=0).schema()},
            "additionalProperties": False,
            "minProperties": 1,
        }
        return {"anyOf": [ListOf(_TOKENS).schema(), weights]}

    def describe(self) -> str:
        return "[length, ...] or {length: weight, ...}"


@dataclass(frozen=True, slots=True)
class Expectations:
    """{path: expression, {check: expression, level: warn}, or a list of these}; reads into checks, in order."""

    def read(self, node: Node, at: At) -> tuple[Check, ...]:
        if not isinstance(node.data, Mapping):
            problem = f'expected paths with expressions, such as vllm.batch.mean: ">= 4", found {node.kind}'
            raise mistake(node.where, at.path, problem)
        items = [(path, entry, item) for path, entry in node.data.items() for item in _items(entry)]
        if len(items) > _MOST_CHECKS:
            raise mistake(node.where, at.path, f"{len(items):,} checks; give at most {_MOST_CHECKS:,}")
        return tuple(at.notes.mistakes.tried(_check, path, entry, item, at) for path, entry, item in items)

    def dump(self, value: tuple[Check, ...]) -> dict[str, Any]:
        by_path: dict[str, list[Any]] = {}
        for check in value:
            plain = check.level == "error"
            shown = check.expression if plain else {"check": check.expression, "level": check.level}
            by_path.setdefault(check.path, []).append(shown)
        return {path: items[0] if len(items) == 1 else items for path, items in by_path.items()}

    def schema(self) -> dict[str, Any]:
        expression = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": EXPRESSION_PATTERN}]}
        levelled = {
            "type": "object",
            "properties": {"check": expression, "level": {"enum": list(_LEVELS)}},
            "required": ["check"],
            "additionalProperties": False,
        }
        one = {"anyOf": [*expression["anyOf"], levelled]}
        either = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
        return {"type": "object", "patternProperties": {f"^{_PATH_PATTERN}$": either}, "additionalProperties": False}

    def describe(self) -> str:
        return "{path: expression, {check: expression, level: warn or error}, or a list of these}"


def _items(entry: Node) -> tuple[Node, ...]:
    """The checks at one path, no more of them than may be."""
    return entry.data[: _MOST_CHECKS + 1] if isinstance(entry.data, tuple) else (entry,)


def _check(path: str, entry: Node, node: Node, section: At) -> Check:
    """One check of those that `entry` holds: an expression, or a mapping of an expression and its level."""
    if not re.fullmatch(_PATH_PATTERN, path) or len(path) > _LONGEST_PATH:
        problem = f"{show(path)} is no path; write allocator.key.key, such as vllm.batch.mean"
        raise mistake(entry.where, section.path, problem)
    at = section.child(path)
    at.note(entry)
    if not isinstance(node.data, Mapping):
        return Check(path, _expression(node, at), node.where)
    if unknown := [key for key in node.data if key not in ("check", "level")]:
        problem = f"unknown key {show(unknown[0])}; {did_you_mean(unknown[0], ('check', 'level'))}"
        raise mistake(node.data[unknown[0]].where, at.path, problem)
    if "check" not in node.data:
        raise mistake(node.where, at.path, 'the check is missing; write {check: ">= 0.95", level: warn}')
    level = "error"
    if "level" in node.data:
        level = scalar_text(node.data["level"], at, "warn or error")
        if level not in _LEVELS:
            problem = f"unknown level {show(level)}; {did_you_mean(level, _LEVELS)}"
            raise mistake(node.data["level"].where, at.path, problem)
    return Check(path, _expression(node.data["check"], at), node.where, level)


def _expression(node: Node, at: At) -> str:
    text = scalar_text(node, at, 'an expression such as ">= 0.95"')
    try:
        parse_expression(text)
    except ValueError as error:
        raise mistake(node.where, at.path, str(error)) from None
    return text
