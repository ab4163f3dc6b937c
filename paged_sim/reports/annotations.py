"""Failed checks and mistakes as the workflow commands of GitHub, which shows them beside the line of the check."""

from __future__ import annotations

import re
from collections.abc import Sequence

from paged_sim.wording import printable

from .findings import Checked, Finding, findings_of

_PLACE = re.compile(r"(?P<file>[^\n]*):(?P<line>[0-9]+)")
_PLACE_OF_A_MISTAKE = re.compile(r"(?P<file>[^\n:]+):(?P<line>[0-9]+)(?::[0-9]+)?: ")
_LEVELS = {"FAIL": "error", "WARN": "warning"}


def as_annotations(checked: Sequence[Checked]) -> str:
    """A line for each mistake and each failed check; nothing if there are none."""
    lines = []
    for one in checked:
        for mistake in one.mistake.splitlines():
            place = _place(_PLACE_OF_A_MISTAKE.match(mistake), one.file)
            lines.append(_annotation("error", place, one.name, mistake))
        lines += [_of_a_check(finding, one.file) for finding in findings_of(one) if finding.word in _LEVELS]
    return "".join(f"{line}\n" for line in lines)


def _of_a_check(finding: Finding, file: str) -> str:
    place = _place(_PLACE.fullmatch(finding.where), file)
    return _annotation(_LEVELS[finding.word], place, finding.scenario, f"{finding.message}. {finding.explanation}")


def _place(found: re.Match[str] | None, file: str) -> dict[str, str]:
    """The line of the check, or the file for what came from a flag."""
    return {"file": found["file"], "line": found["line"]} if found else {"file": file}


def _annotation(level: str, place: dict[str, str], title: str, message: str) -> str:
    properties = ",".join(f"{key}={_property(value)}" for key, value in {**place, "title": title}.items())
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return printable(text, kept="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
