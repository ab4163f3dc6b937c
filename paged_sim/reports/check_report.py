"""The report of `paged-sim check`: a row per check, and for failed ones where the bytes went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paged_sim.changes import LOST, moves

from .as_csv import to_csv
from .as_json import to_json
from .blocks import Block, Cell, Grid, Heading, Paragraph, Screen, Styled
from .findings import WORD_STYLES, Checked, Document, Finding, findings_of, in_gib, ledger_sentence, word_of
from .markdown import render_markdown
from .numbers import MISSING, signed
from .run_report import ledger_blocks
from .text import render_text

CheckReport = Callable[[Sequence[Checked], Screen], str]

_COMPARABLE = ("model", "memory", "max_model_len", "workload", "seed", "repeats", "scheduler", "clock")
_INTERVALS = (
    "± is the standard deviation over the seeds. A check fails only if no number of mean ± spread is as expected; "
    "== compares the mean."
)


def check_blocks(checked: Checked) -> list[Block]:
    """The part of one scenario: its checks, and for each policy with failed ones what moved."""
    findings = findings_of(checked)
    heading = Heading(checked.name)
    if not findings:
        return [heading, Paragraph("No checks.")]
    rows: list[tuple[Cell, ...]] = [
        (Styled(found.word, WORD_STYLES[found.word]), found.path, found.value, found.limit) for found in findings
    ]
    header = ("verdict", "check", "value", "limit")
    return [
        heading,
        Grid(_title(findings), header, tuple(rows), prose=frozenset({1, 3})),
        *([Paragraph(_INTERVALS)] if any("±" in found.value for found in findings) else []),
        *_reasons(findings),
        *_stale(checked),
        *_explained(checked, findings),
    ]


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


def _stale(checked: Checked) -> list[Block]:
    """A note where the baseline was run on something else, since its numbers then say little."""
    if checked.baseline is None:
        return []
    now, then = checked.document["scenario"], checked.baseline["scenario"]
    different = [key for key in _COMPARABLE if now.get(key) != then.get(key)]
    if not different:
        return []
    return [Paragraph(f"Note: the baseline was run with another {', '.join(different)}.", style="yellow")]


def _explained(checked: Checked, findings: Sequence[Finding]) -> list[Block]:
    """For each policy with failed checks the sentence about its ledger and, against a baseline, every account."""
    policies = dict.fromkeys(found.policy for found in findings if found.word in ("FAIL", "WARN"))
    blocks: list[Block] = []
    for policy in policies:
        blocks.append(Paragraph(ledger_sentence(checked, policy), style="bold"))
        before, after = checked.entries(policy)
        if before is not None and (found := moves(before, after)):
            rows = tuple(
                (
                    move.account,
                    in_gib(move.before or 0.0),
                    in_gib(move.after),
                    ("+" if move.growth > 0 else "-") + in_gib(abs(move.growth)),
                    MISSING if move.sequences is None or move.account not in LOST else signed(move.sequences, 2),
                )
                for move in found
            )
            header = ("account", "baseline", "now", "change", "sequences it\nhas room for")
            blocks.append(Grid(f"What moved in the ledger of {policy}", header, rows))
    return blocks


def as_table(checked: Sequence[Checked], screen: Screen) -> str:
    """Text fitted to the screen, one scenario after the other."""
    return "\n".join(render_text(check_blocks(one), screen) for one in checked)


def as_markdown(checked: Sequence[Checked], screen: Screen) -> str:
    """A job summary: the same, and the ledger as bars of text; the screen makes no difference."""
    return "\n".join(render_markdown([*check_blocks(one), *ledger_blocks(one.document["runs"])]) for one in checked)


def as_json(checked: Sequence[Checked], screen: Screen) -> str:
    """Every verdict with what explains it, by scenario, and how many checks failed, warned and were skipped."""
    words = Counter(found.word for one in checked for found in findings_of(one))
    scenarios = [{"scenario": one.name, "file": one.file, "checks": _verdicts(one)} for one in checked]
    tally = {name: words[word] for name, word in _TALLY.items()}
    return to_json({"version": 1, **tally, "scenarios": scenarios})


_TALLY = {"passed": "PASS", "failed": "FAIL", "warned": "WARN", "skipped": "SKIP"}


def as_csv(checked: Sequence[Checked], screen: Screen) -> str:
    """A row per check."""
    rows = ({"scenario": one.name, "file": one.file, **verdict} for one in checked for verdict in _verdicts(one))
    return to_csv(rows, screen.csv_columns)


def _verdicts(checked: Checked) -> list[Mapping[str, Any]]:
    verdicts: Sequence[Document] = checked.document.get("checks") or ()
    return [
        {**verdict, "verdict": word_of(verdict), "limit": found.limit, "explanation": found.explanation}
        for verdict, found in zip(verdicts, findings_of(checked), strict=True)
    ]


CHECK_FORMATS: dict[str, CheckReport] = {"table": as_table, "json": as_json, "csv": as_csv, "markdown": as_markdown}
