"""Failed checks as the workflow commands of GitHub, which shows them beside the line of the check."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .findings import Checked, Finding, findings_of

_PLACE = re.compile(r"(?P<file>[^\n]*):(?P<line>[0-9]+)")
_LEVELS = {"FAIL": "error", "WARN": "warning"}


def as_annotations(checked: Sequence[Checked]) -> str:
    """A line for each failed check; nothing if none failed."""
    lines = [
        _annotation(_LEVELS[finding.word], finding, one.file)
        for one in checked
        for finding in findings_of(one)
        if finding.word in _LEVELS
    ]
    return "".join(f"{line}\n" for line in lines)


def _annotation(level: str, finding: Finding, file: str) -> str:
    """At the line of the check, or at the file for a check that came from a flag."""
    found = _PLACE.fullmatch(finding.where)
    place = {"file": found["file"], "line": found["line"]} if found else {"file": file}
    properties = ",".join(f"{key}={_property(value)}" for key, value in {**place, "title": finding.scenario}.items())
    message = f"{finding.path} is {finding.value}, expected {finding.limit}. {finding.explanation}"
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
