"""What a check found, in words: its limit, its verdict, and for a failed one where the bytes of its policy went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from paged_sim.basis import Basis, basis_of
from paged_sim.configuration import Difference, differences
from paged_sim.moves import Move, losses, moves, sequences_held
from paged_sim.result import Document, Entry, Steps, Verdict, mean_share
from paged_sim.scenario.expectations import parse_expression

from .basis import OVER
from .numbers import MISSING, amount, percent, signed
from .settings import difference_text

WORD_STYLES = {"PASS": "green", "FAIL": "bold red", "WARN": "yellow", "SKIP": "dim"}

_MANY = 3
"""So many accounts are named in a sentence at most."""
_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Checked:
    """A run with its verdicts (`checks` in its JSON), the file it came from, and the baseline's run if there is one.

    `mistake` is what kept it from having verdicts, or makes its results worthless.
    """

    document: Document
    file: str
    baseline: Document | None = None
    mistake: str = ""

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.document["scenario"]["name"])

    def entries(self, policy: str) -> tuple[Entry | None, Entry]:
        """The baseline's entry of a policy, if there is one, and the run's."""
        before = None if self.baseline is None else _entry(self.baseline, policy)
        after = _entry(self.document, policy)
        assert after is not None, "a verdict is about a policy of its run"
        return before, after

    def basis(self, policy: str) -> Basis:
        """What the numbers of a policy and those of its baseline are over."""
        before, after = self.entries(policy)
        parts = [(self.document["scenario"], after)]
        return basis_of([(self.baseline["scenario"], before), *parts] if self.baseline and before else parts)

    @property
    def differences(self) -> list[Difference]:
        """Where the configuration differs from that of the baseline."""
        return differences(self.baseline["scenario"], self.document["scenario"]) if self.baseline else []


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict in words.

    `word` is PASS, FAIL, WARN or SKIP. `because` is about the number and empty for a plain pass; `ledger` says, for a
    failed check, where the bytes of the policy went and what changed in the configuration.
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
    def message(self) -> str:
        """The number and what was expected of it."""
        found = "empty" if self.value == MISSING else self.value
        return f"{self.path} is {found}, expected {self.limit}"

    @property
    def explanation(self) -> str:
        """Everything to be said about a failed or skipped check, as one paragraph."""
        return " ".join(part for part in (self.because, self.ledger) if part)


def findings_of(checked: Checked) -> list[Finding]:
    """The verdicts of one run in words, in order."""
    return [_finding(checked, verdict) for verdict in checked.document.get("checks") or ()]


def _finding(checked: Checked, verdict: Verdict) -> Finding:
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
        ledger=_why(checked, str(verdict["path"]).partition(".")[0]) if failed else "",
    )


def word_of(verdict: Verdict) -> str:
    """PASS, FAIL (an error-level check), WARN (a warn-level one) or SKIP (no baseline to compare with)."""
    if verdict["passed"] is None:
        return "SKIP"
    if verdict["passed"]:
        return "PASS"
    return "WARN" if verdict.get("level") == "warn" else "FAIL"


def number(value: float | None) -> str:
    """A number of any size as checks show it: six digits."""
    return MISSING if value is None else f"{value:.6g}"


def _value(verdict: Verdict) -> str:
    spread = verdict.get("spread")
    text = number(verdict["value"])
    return text if spread is None else f"{text} ±{round(spread, 12):.2g}"


def _limit(verdict: Verdict) -> str:
    expectation = parse_expression(verdict["expression"])
    text = " ".join(str(verdict["expression"]).split())
    if verdict.get("baseline") is None:
        return text
    return f"{text} = {number(float(expectation.limit(verdict['baseline'])))}"


def _because(verdict: Verdict, word: str) -> str:
    if word == "SKIP":
        return f"Skipped: {verdict['reason']}."
    reason = _sentence(verdict.get("reason") or "")
    return " ".join(part for part in (reason, _by_spread(verdict, word)) if part)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _by_spread(verdict: Verdict, word: str) -> str:
    """What the spread over the seeds has to do with a verdict that was reached by comparing."""
    value, spread = verdict["value"], verdict.get("spread")
    if value is None or not spread or not _was_compared(verdict):
        return ""
    if word != "PASS":
        low, high = number(value - spread), number(value + spread)
        return f"No number from {low} to {high}, mean ± spread over the seeds, is as expected."
    alone = parse_expression(verdict["expression"]).met_by(value, baseline=verdict.get("baseline"))
    return "" if alone else "The mean alone misses; it passes by the spread over the seeds."


def _was_compared(verdict: Verdict) -> bool:
    needs = parse_expression(verdict["expression"]).needs_baseline
    return not needs or verdict.get("baseline") is not None


def ledger_sentence(checked: Checked, policy: str) -> str:
    """Why a policy holds more or fewer sequences than in the baseline; without one, which lost accounts are largest."""
    before, after = checked.entries(policy)
    steps = checked.basis(policy).steps
    if mean_share(after, steps, "token_state") is None:
        return f"{policy} made no step: there is nothing in its ledger."
    if before is None:
        return _largest(policy, after, steps)
    found = moves(before, after, steps)
    if not found:
        return f"{policy}: the ledger is that of the baseline."
    old, new = (sequences_held(entry, steps) for entry in (before, after))
    held = f"{policy} holds {new:,.2f} sequences {OVER[steps]}, {old:,.2f} in the baseline"
    felt = [(move, part) for move, part in zip(found, parts_of(found), strict=True) if part]
    told = [_moved(move, part) for move, part in felt[:_MANY]]
    if rest := round(sum(part for _, part in felt[_MANY:]), _DIGITS):
        told.append(f"all else {signed(rest, _DIGITS)}")
    return f"{held} ({signed(new - old, _DIGITS)}){': ' if told else ''}{'; '.join(told)}."


def _why(checked: Checked, policy: str) -> str:
    """What moved in a policy's ledger, and what changed in the configuration."""
    changed = "; ".join(map(difference_text, checked.differences))
    sentence = ledger_sentence(checked, policy)
    return f"{sentence} Changed in the configuration: {changed}." if changed else sentence


def parts_of(found: Sequence[Move]) -> list[float]:
    """The sequences of each move in the digits that are printed, so that these add up to their printed sum."""
    ends = [round(end, _DIGITS) for end in accumulate(move.sequences for move in found)]
    return [round(end - begin, _DIGITS) for begin, end in pairwise([0.0, *ends])]


def _moved(move: Move, part: float) -> str:
    verb = "grew" if move.growth > 0 else "shrank"
    return f"{move.name} {verb} from {amount(move.before)} to {amount(move.after)}, {signed(part, _DIGITS)}"


def _largest(policy: str, entry: Entry, steps: Steps) -> str:
    found = losses(entry, steps)[:_MANY]
    if not found:
        return f"{policy}: nothing is lost; no baseline to compare with."
    told = [
        f"{loss.account} {amount(loss.size)} ({percent(loss.size / entry['capacity']['bytes'])} of the arena"
        + ("" if loss.sequences is None else f", the room of {loss.sequences:,.2f} sequences")
        + ")"
        for loss in found
    ]
    return f"{policy} loses most to {'; '.join(told)}."


def _entry(document: Document, policy: str) -> Entry | None:
    runs: Sequence[Entry] = document["runs"]
    return next((entry for entry in runs if entry["name"] == policy), None)
