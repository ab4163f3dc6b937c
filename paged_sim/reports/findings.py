"""What a check found, in words: its limit, its verdict, and for a failed one where the bytes of its policy went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paged_sim.changes import LOST, Move, losses, moves, steps_of
from paged_sim.scenario.expectations import parse_expression

from .numbers import amount, percent, signed

Document = Mapping[str, Any]

WORD_STYLES = {"PASS": "green", "FAIL": "bold red", "WARN": "yellow", "SKIP": "dim"}

_GIB = 1 << 30
_MANY = 3
"""So many accounts are named in a sentence at most."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A run with its verdicts (`checks` in its JSON), the file it came from, and the baseline's run if there is one."""

    document: Document
    file: str
    baseline: Document | None = None

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.document["scenario"]["name"])

    def entries(self, policy: str) -> tuple[Document | None, Document]:
        """The baseline's entry of a policy, if there is one, and the run's."""
        before = None if self.baseline is None else _entry(self.baseline, policy)
        after = _entry(self.document, policy)
        assert after is not None, "a verdict is about a policy of its run"
        return before, after


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict in words.

    `word` is PASS, FAIL, WARN or SKIP. `because` is about the number and empty for a plain pass; `ledger` says, for a
    failed check, where the bytes of the policy went.
    """

    scenario: str
    path: str
    expression: str
    value: str
    limit: str
    word: str
    where: str
    because: str
    ledger: str

    @property
    def policy(self) -> str:
        """The policy that the check is about."""
        return self.path.partition(".")[0]

    @property
    def explanation(self) -> str:
        """Everything to be said about a failed or skipped check, as one paragraph."""
        return " ".join(part for part in (self.because, self.ledger) if part)


def findings_of(checked: Checked) -> list[Finding]:
    """The verdicts of one run in words, in order."""
    return [_finding(checked, verdict) for verdict in checked.document.get("checks") or ()]


def _finding(checked: Checked, verdict: Document) -> Finding:
    word = word_of(verdict)
    failed = word in ("FAIL", "WARN")
    return Finding(
        scenario=checked.name,
        path=str(verdict["path"]),
        expression=" ".join(str(verdict["expression"]).split()),
        value=_value(verdict),
        limit=_limit(verdict),
        word=word,
        where=str(verdict["where"]),
        because=_because(verdict, word),
        ledger=ledger_sentence(checked, str(verdict["path"]).partition(".")[0]) if failed else "",
    )


def word_of(verdict: Document) -> str:
    """PASS, FAIL (an error-level check), WARN (a warn-level one) or SKIP (no baseline to compare with)."""
    if verdict["passed"] is None:
        return "SKIP"
    if verdict["passed"]:
        return "PASS"
    return "WARN" if verdict.get("level") == "warn" else "FAIL"


def number(value: float) -> str:
    """A number of any size as checks show it: six digits."""
    return f"{value:.6g}"


def _value(verdict: Document) -> str:
    spread = verdict.get("spread")
    text = number(verdict["value"])
    return text if spread is None else f"{text} ±{round(spread, 12):.2g}"


def _limit(verdict: Document) -> str:
    expectation = parse_expression(verdict["expression"])
    text = " ".join(str(verdict["expression"]).split())
    if verdict.get("baseline") is None:
        return text
    return f"{text} = {number(float(expectation.limit(verdict['baseline'])))}"


def _because(verdict: Document, word: str) -> str:
    if word == "SKIP":
        return f"Skipped: {verdict['reason']}."
    spread = verdict.get("spread")
    if not spread:
        return ""
    if word != "PASS":
        low, high = number(verdict["value"] - spread), number(verdict["value"] + spread)
        return f"No number from {low} to {high}, mean ± spread over the seeds, is as expected."
    alone = parse_expression(verdict["expression"]).met_by(verdict["value"], baseline=verdict.get("baseline"))
    return "" if alone else "The mean alone misses; it passes by the spread over the seeds."


def ledger_sentence(checked: Checked, policy: str) -> str:
    """What moved in a policy's ledger against the baseline; without one, which lost accounts are the largest."""
    before, after = checked.entries(policy)
    if before is None:
        return _largest(policy, after)
    found = moves(before, after)
    if not found:
        return f"{policy}: the ledger is that of the baseline."
    grown = [move for move in found if move.account in LOST and move.growth > 0]
    told = [_grew(move, after) for move in (grown or found)[:_MANY]]
    return f"{policy} against the baseline: {'; '.join(told)}. {_held(before, after)}"


def _grew(move: Move, after: Document) -> str:
    verb = "grew" if move.growth > 0 else "shrank"
    sizes = f"{in_gib(move.before or 0.0)} to {in_gib(move.after)}, {percent(move.after / after['capacity']['bytes'])}"
    text = f"{move.account} {verb} by {in_gib(abs(move.growth))} ({sizes} of the arena)"
    if move.account not in LOST or move.sequences is None:
        return text
    return f"{text}, the room of {abs(move.sequences):,.2f} sequences {'lost' if move.growth > 0 else 'won'}"


def _held(before: Document, after: Document) -> str:
    steps = steps_of([before, after])
    old, new = (entry["batch"][steps]["mean"] or 0.0 for entry in (before, after))
    return f"Sequences held on average: {old:,.2f} before, {new:,.2f} now ({signed(new - old, 2)})."


def _largest(policy: str, entry: Document) -> str:
    found = losses(entry)[:_MANY]
    if not found:
        return f"{policy}: nothing is lost; no baseline to compare with."
    told = [
        f"{move.account} {in_gib(move.after)} ({percent(move.after / entry['capacity']['bytes'])} of the arena"
        + ("" if move.sequences is None else f", the room of {move.sequences:,.2f} sequences")
        + ")"
        for move in found
    ]
    return f"{policy} loses most to {'; '.join(told)}."


def in_gib(num_bytes: float) -> str:
    """Bytes in GiB, so that amounts can be compared; in a smaller unit what would read as nothing."""
    gib = num_bytes / _GIB
    if abs(gib) >= 0.1 or not gib:
        return f"{gib:,.2f} GiB"
    return f"{gib:.4f} GiB" if abs(gib) >= 0.0001 else amount(num_bytes)


def _entry(document: Document, policy: str) -> Document | None:
    runs: Sequence[Document] = document["runs"]
    return next((entry for entry in runs if entry["name"] == policy), None)
