"""Checks as JUnit XML, by the schema that Jenkins reads: a suite per scenario, a case per check."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from .findings import Checked, Finding, findings_of

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(checked: Sequence[Checked]) -> str:
    """One XML document. A failed warning is no failure: it stands in the output of a case that passes.

    What kept a scenario from being checked, or makes its results worthless, is a case of its own, with an error.
    """
    found = [(one, findings_of(one)) for one in checked]
    everything = [finding for _, findings in found for finding in findings]
    errors = sum(bool(one.mistake) for one in checked)
    root = ET.Element("testsuites", {"name": "paged-sim check", **_counts(everything, errors)})
    for one, findings in found:
        counts = {**_counts(findings, int(bool(one.mistake))), "skipped": _skips(findings)}
        suite = ET.SubElement(root, "testsuite", {"name": _text(one.name), **counts})
        for finding in findings:
            _case(suite, finding)
        if one.mistake:
            case = ET.SubElement(suite, "testcase", {"name": "paged-sim check", "classname": _text(one.name)})
            ET.SubElement(case, "error", {"type": "mistake", "message": _text(one.mistake)}).text = _text(one.mistake)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _counts(findings: Sequence[Finding], errors: int) -> dict[str, str]:
    failures = Counter(finding.word for finding in findings)["FAIL"]
    return {"tests": str(len(findings) + errors), "failures": str(failures), "errors": str(errors)}


def _skips(findings: Sequence[Finding]) -> str:
    return str(Counter(finding.word for finding in findings)["SKIP"])


def _case(suite: ET.Element, finding: Finding) -> None:
    name = f"{finding.path} {finding.expression}"
    case = ET.SubElement(suite, "testcase", {"name": _text(name), "classname": _text(finding.scenario)})
    explained = _text(f"{finding.where}: {finding.explanation}")
    if finding.word == "FAIL":
        ET.SubElement(case, "failure", {"type": "check", "message": _text(finding.message)}).text = explained
    elif finding.word == "SKIP":
        ET.SubElement(case, "skipped").text = explained
    elif finding.word == "WARN":
        ET.SubElement(case, "system-out").text = _text(f"warning: {finding.message}; {explained}")


def _text(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("?", text)
