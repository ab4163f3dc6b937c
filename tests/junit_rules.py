"""The rules of the JUnit schema that Jenkins reads, as far as elements, attributes, order and counts go."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree import ElementTree as ET


class Rule(NamedTuple):
    """What an element may hold: attributes (those that must be there, and others), and elements in any order."""

    required: frozenset[str]
    optional: frozenset[str]
    children: frozenset[str]


def _rule(required: str, optional: str, children: str) -> Rule:
    return Rule(*(frozenset(words.split()) for words in (required, optional, children)))


RULES = {
    "testsuites": _rule("", "name time tests failures errors disabled", "testsuite"),
    "testsuite": _rule(
        "name tests",
        "failures errors time disabled skipped timestamp hostname id package",
        "properties testcase system-out system-err",
    ),
    "testcase": _rule("name", "classname time assertions status", "skipped error failure system-out system-err"),
    "failure": _rule("", "type message", ""),
    "error": _rule("", "type message", ""),
    "skipped": _rule("", "", ""),
    "system-out": _rule("", "", ""),
    "system-err": _rule("", "", ""),
}
COUNTS = frozenset({"tests", "failures", "errors", "skipped", "disabled"})


def problems_of(xml: str) -> list[str]:
    """What is wrong with a JUnit document, in words."""
    root = ET.fromstring(xml)
    wrong = [] if root.tag == "testsuites" else [f"the root is {root.tag}"]
    for element in root.iter():
        wrong += _problems_of(element)
    for suite in root.iter("testsuite"):
        counted = {
            "tests": len(suite.findall("testcase")),
            "failures": len(suite.findall("testcase/failure")),
            "errors": len(suite.findall("testcase/error")),
            "skipped": len(suite.findall("testcase/skipped")),
        }
        wrong += [f"{name} is not {number}" for name, number in counted.items() if suite.get(name) != str(number)]
    return wrong


def _problems_of(element: ET.Element) -> list[str]:
    rule = RULES.get(element.tag)
    if rule is None:
        return [f"unknown element {element.tag}"]
    given = frozenset(element.attrib)
    wrong = [f"{element.tag} lacks {name}" for name in rule.required - given]
    wrong += [f"{element.tag} has {name}" for name in given - rule.required - rule.optional]
    wrong += [f"{child.tag} in {element.tag}" for child in element if child.tag not in rule.children]
    wrong += [f"{name} is no number" for name in given & COUNTS if not element.attrib[name].isdecimal()]
    return wrong
