"""The report of `paged-sim check`: a row per check, and for failed ones where the bytes went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from paged_sim.configuration import serve_the_same
from paged_sim.moves import moves, sequences_held
from paged_sim.result import Verdict

from .as_csv import to_csv
from .as_json import to_json
from .basis import OVER
from .blocks import Block, Cell, Grid, Heading, Paragraph, Screen, Styled
from .findings import WORD_STYLES, Checked, Finding, findings_of, ledger_sentence, parts_of, word_of
from .markdown import render_markdown
from .numbers import amount, mean, signed
from .settings import difference_lines
from .text import render_text
from .where import ledger_blocks

CheckReport = Callable[[Sequence[Checked], Screen], str]

_INTERVALS = (
    "± is the standard deviation over the seeds. A check fails only if no number of mean ± spread is as expected; "
    "== compares the mean."
)


_ANY_WIDTH = 10_000
_LIMIT_WIDTH = 14
"""Columns that a limit needs at least; it is wrapped to them."""


def check_blocks(checked: Checked, width: int = _ANY_WIDTH) -> list[Block]:
    """The part of one scenario: its checks, what differs from the baseline, and for failed checks what moved.

    Where `width` columns cannot hold a table with whole paths, each check takes two lines.
    """
    findings = findings_of(checked)
    blocks: list[Block] = [Heading(checked.name)]
    if checked.mistake:
        blocks.append(Paragraph(f"Mistake: {checked.mistake}", style="bold red"))
    if not findings:
        return blocks if checked.mistake else [*blocks, Paragraph("No checks.")]
    return [
        *blocks,
        *_verdict_blocks(findings, width),
        *([Paragraph(_INTERVALS)] if any("±" in found.value for found in findings) else []),
        *_reasons(findings),
        *_differences(checked),
        *_explained(checked, findings),
    ]


def _verdict_blocks(findings: Sequence[Finding], width: int) -> list[Block]:
    """Every check, its path in one piece so that it can be copied."""
    columns = sum(max(map(len, column)) + 2 for column in _columns(findings)) + len("verdict  ") + _LIMIT_WIDTH
    if columns > width:
        told = (f"{found.word}  {found.path}\n      {found.value}, expected {found.limit}" for found in findings)
        return [Paragraph(_title(findings), style="bold"), Paragraph("\n".join(told))]
    rows: list[tuple[Cell, ...]] = [
        (Styled(found.word, WORD_STYLES[found.word]), found.path, found.value, found.limit) for found in findings
    ]
    header = ("verdict", "check", "value", "limit")
    return [Grid(_title(findings), header, tuple(rows), prose=frozenset({3}), names=frozenset({1}))]


def _columns(findings: Sequence[Finding]) -> tuple[list[str], list[str]]:
    """The texts of the columns that are not wrapped."""
    return ["check", *(found.path for found in findings)], ["value", *(found.value for found in findings)]


def _reasons(findings: Sequence[Finding]) -> list[Block]:
    """Each reason once, with the checks it is about."""
    checks: dict[str, list[str]] = {}
    for found in findings:
        if found.because:
            checks.setdefault(found.because, []).append(f"{found.path} {found.expression}")
    return [Paragraph(f"{', '.join(about)}: {because}") for because, about in checks.items()]


def _title(findings: Sequence[Finding]) -> str:
    tally = Counter(found.word for found in findings)
    words = {"FAIL": "failed", "WARN": "warned", "SKIP": "skipped"}
    others = "".join(f", {tally[word]} {said}" for word, said in words.items() if tally[word])
    return f"Checks: {tally['PASS']} of {len(findings)} pass{others}"


def _differences(checked: Checked) -> list[Block]:
    """Where the configuration is not the baseline's; its numbers say little if it served other requests."""
    found = checked.differences
    if not found:
        return []
    lines = f"The configuration differs from the baseline's:\n{difference_lines(found)}"
    if serve_the_same(found):
        return [Paragraph(lines)]
    other = "Note: the baseline served other requests, so its numbers say little about this change."
    return [Paragraph(lines), Paragraph(other, style="yellow")]


def _explained(checked: Checked, findings: Sequence[Finding]) -> list[Block]:
    """For each policy with failed checks the sentence about its ledger and, against a baseline, all that moved."""
    policies = dict.fromkeys(found.policy for found in findings if found.word in ("FAIL", "WARN"))
    blocks: list[Block] = []
    for policy in policies:
        blocks.append(Paragraph(ledger_sentence(checked, policy), style="bold"))
        blocks += _moved(checked, policy)
    return blocks


def _moved(checked: Checked, policy: str) -> list[Block]:
    """What moved and the sequences that each part won or lost; the last row is their sum."""
    before, after = checked.entries(policy)
    steps = checked.basis(policy).steps
    found = moves(before, after, steps) if before is not None else []
    if before is None or not found:
        return []
    parts = parts_of(found)
    rows: list[tuple[Cell, ...]] = [
        (
            move.name,
            amount(move.before),
            amount(move.after),
            ("+" if move.growth > 0 else "-") + amount(round(abs(move.growth))),
            signed(part, 2),
        )
        for move, part in zip(found, parts, strict=True)
    ]
    old, new = (sequences_held(entry, steps) for entry in (before, after))
    rows.append(("sequences held", mean(old), mean(new), "", signed(new - old, 2)))
    title = f"What moved in the ledger of {policy}, mean {OVER[steps]}"
    return [Grid(title, ("account", "baseline", "now", "change", "sequences"), tuple(rows))]


def as_table(checked: Sequence[Checked], screen: Screen) -> str:
    """Text fitted to the screen, one scenario after the other."""
    return "\n".join(render_text(check_blocks(one, screen.width), screen) for one in checked)


def as_markdown(checked: Sequence[Checked], screen: Screen) -> str:
    """A job summary: the same, and the ledger as bars of text; the screen makes no difference."""
    return "\n".join(
        render_markdown([*check_blocks(one), *(ledger_blocks(runs) if (runs := one.document["runs"]) else ())])
        for one in checked
    )


def as_json(checked: Sequence[Checked], screen: Screen) -> str:
    """Every verdict with what explains it, by scenario, and how many checks failed, warned and were skipped."""
    words = Counter(found.word for one in checked for found in findings_of(one))
    scenarios = [
        {"scenario": one.name, "file": one.file, "mistake": one.mistake or None, **_compared(one)} for one in checked
    ]
    tally = {name: words[word] for name, word in _TALLY.items()}
    return to_json({"version": 1, **tally, "scenarios": scenarios})


def _compared(one: Checked) -> dict[str, Any]:
    """What differs from the baseline's configuration, and the verdicts."""
    return {"differences": [asdict(found) for found in one.differences], "checks": _verdicts(one)}


_TALLY = {"passed": "PASS", "failed": "FAIL", "warned": "WARN", "skipped": "SKIP"}


def as_csv(checked: Sequence[Checked], screen: Screen) -> str:
    """A row per check."""
    rows = ({"scenario": one.name, "file": one.file, **verdict} for one in checked for verdict in _verdicts(one))
    return to_csv(rows, screen.csv_columns)


def _verdicts(checked: Checked) -> list[Mapping[str, Any]]:
    verdicts: Sequence[Verdict] = checked.document.get("checks") or ()
    return [
        {**verdict, "verdict": word_of(verdict), "limit": found.limit, "explanation": found.explanation}
        for verdict, found in zip(verdicts, findings_of(checked), strict=True)
    ]


CHECK_FORMATS: dict[str, CheckReport] = {"table": as_table, "json": as_json, "csv": as_csv, "markdown": as_markdown}
