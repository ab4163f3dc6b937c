"""The report of one run, as blocks: the verdict, what was felt or held, where the bytes went, what to believe.

What a reader needs to decide comes first and fits a screen; `full` adds every other table.
"""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Document, Entry, Verdict

from .at_step import at_step_blocks
from .blocks import Block, Grid, Heading, Paragraph, Styled
from .details import details
from .findings import WORD_STYLES, word_of
from .headline import headline
from .numbers import MISSING, amount, count
from .paper_view import paper_view_grid
from .verdict import verdict
from .where import ledger_blocks


def run_blocks(document: Document, *, full: bool = False) -> list[Block]:
    """Every part of the table report of one run, all its tables if `full`; parts with nothing to say are left out."""
    runs: Sequence[Entry] = document["runs"]
    return [
        Heading(str(document["scenario"]["name"]), setting(runs)),
        *verdict_blocks(document),
        *_booking(runs),
        *headline(runs),
        *ledger_blocks(runs, table=full),
        *(details(document) if full else []),
        *_paper_view(document, full),
        *at_step_blocks(runs),
        *_first_corrupt(runs),
        *_checks(document),
        *_notes(runs),
    ]


def verdict_blocks(document: Document) -> list[Block]:
    """The verdict: its sentences below each other."""
    return [Paragraph("\n".join(verdict(document)), style="bold green")]


def setting(runs: Sequence[Entry]) -> str:
    """What was simulated."""
    capacity, seeds = runs[0]["capacity"], runs[0]["seeds"]
    several = f"seeds {seeds[0]}..{seeds[-1]}: mean ±standard deviation; counts are sums over them"
    seeding = f"seed {seeds[0]}" if len(seeds) == 1 else several
    return (
        f"{amount(capacity['bytes'])} of KV cache, {count(capacity['slots'])} slots of "
        f"{amount(capacity['bytes_per_slot'])}; {seeding}"
    )


def _paper_view(document: Document, full: bool) -> list[Block]:
    """The paper's segments, where a scenario has published numbers to compare them with, or where all is shown."""
    published = any(".paper_view." in str(path) for path in document["scenario"].get("checks") or ())
    return [paper_view_grid(document["runs"])] if full or published else []


def _first_corrupt(runs: Sequence[Entry]) -> list[Block]:
    found = [(run["name"], first) for run in runs if (first := run["arena"].get("first_corrupt"))]
    return [
        Paragraph(f"CORRUPT: {name}: {', '.join(f'{key} {value}' for key, value in first.items())}", style="bold red")
        for name, first in found
    ]


def _checks(document: Document) -> list[Block]:
    verdicts: Sequence[Verdict] = document.get("checks") or ()
    rows = tuple(
        (
            Styled(word_of(verdict), WORD_STYLES[word_of(verdict)]),
            str(verdict["path"]),
            str(verdict["expression"]),
            _value(verdict.get("value")),
        )
        for verdict in verdicts
    )
    passed = sum(bool(verdict["passed"]) for verdict in verdicts)
    title = f"Checks: {passed} of {len(rows)} pass"
    return [Grid(title, ("verdict", "number", "expected", "measured"), rows, prose=frozenset({1, 2}))] if rows else []


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else MISSING if value is None else str(value)


def _booking(runs: Sequence[Entry]) -> list[Block]:
    """What the memory of the whole run is booked otherwise than a server would; it is the same for all policies."""
    return [Paragraph(f"Note: {note}.", style="yellow") for note in runs[0].get("booking", ())]


def _notes(runs: Sequence[Entry]) -> list[Block]:
    """Each note once, naming the policies it belongs to unless it belongs to all."""
    owners: dict[str, list[str]] = {}
    for run in runs:
        for note in run.get("notes") or ():
            owners.setdefault(note, []).append(run["name"])
    return [
        Paragraph(f"Note: {note}" if len(names) == len(runs) else f"Note ({', '.join(names)}): {note}", style="yellow")
        for note, names in owners.items()
    ]
