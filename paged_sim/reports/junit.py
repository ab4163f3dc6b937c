"""Checks as JUnit XML, by the schema that Jenkins reads: a suite per scenario, a case per check."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from .findings import Checked, Finding, findings_of

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(checked: Sequence[Checked]) -> str:
    """One XML document. A failed warning is no failure: it stands in the output of a case that passes."""
    found = [(one, findings_of(one)) for one in checked]
    everything = [finding for _, findings in found for finding in findings]
    root = ET.Element("testsuites", {"name": "paged-sim check", **_counts(everything)})
    for one, findings in found:
        suite = ET.SubElement(
            root, "testsuite", {"name": _text(one.name), **_counts(findings), "skipped": _skips(findings)}
        )
        for finding in findings:
            _case(suite, finding)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    failures = Counter(finding.word for finding in findings)["FAIL"]
    return {"tests": str(len(findings)), "failures": str(failures), "errors": "0"}


def _skips(findings: Sequence[Finding]) -> str:
    return str(Counter(finding.word for finding in findings)["SKIP"])


def _case(suite: ET.Element, finding: Finding) -> None:
    name = f"{finding.path} {finding.expression}"
    case = ET.SubElement(suite, "testcase", {"name": _text(name), "classname": _text(finding.scenario)})
    explained = _text(f"{finding.where}: {finding.explanation}")
    if finding.word == "FAIL":
        message = f"{finding.path} is {finding.value}, expected {finding.limit}"
        ET.SubElement(case, "failure", {"type": "check", "message": _text(message)}).text = explained
    elif finding.word == "SKIP":
        ET.SubElement(case, "skipped").text = explained
    elif finding.word == "WARN":
        ET.SubElement(case, "system-out").text = _text(f"warning: {finding.path} is {finding.value}; {explained}")


def _text(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("?", text)
