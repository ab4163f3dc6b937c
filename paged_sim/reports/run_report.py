"""The report of one run, as blocks: what it measured, where the bytes went, what the waste cost, what to believe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .answer import answer
from .at_step import account_cell, at_step_blocks
from .blocks import Bars, Block, Cell, Grid, Heading, Paragraph, Styled
from .findings import WORD_STYLES, word_of
from .numbers import MISSING, amount, count, mean_spread, percent, percent_spread
from .palette import LOOKS
from .paper_view import paper_view_grid
from .sharing import sharing_blocks

Document = Mapping[str, Any]
CAUSES = ("fragmentation", "capacity", "policy")
OVER = {
    "saturated": "the steps on which a request waits",
    "all": "all steps (no request ever waits)",
}


def run_blocks(document: Document) -> list[Block]:
    """Every part of the table report of one run; parts with nothing to say are left out."""
    runs: Sequence[Document] = document["runs"]
    blocks: list[Block] = [
        Heading(str(document["scenario"]["name"])),
        Paragraph(setting(runs)),
        headline(runs),
        *ledger_blocks(runs),
        paper_view_grid(runs),
        _cost(runs),
        *_preemptions(runs),
        *_refusals(runs),
        *sharing_blocks(runs),
        *at_step_blocks(runs),
        *_arena(runs),
        *_checks(document),
        *_notes(runs),
        Paragraph(answer(runs), style="bold green"),
    ]
    return blocks


def setting(runs: Sequence[Document]) -> str:
    """What was measured and how it is averaged, as a sentence."""
    capacity = runs[0]["capacity"]
    seeds = runs[0]["seeds"]
    seeding = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}..{seeds[-1]}: mean ±standard deviation"
    overs = sorted({run["over"] for run in runs}, reverse=True)
    weighed = f"means over {OVER[overs[0]]}" if len(overs) == 1 else 'means over the steps that "over" names'
    return (
        f"{amount(capacity['bytes'])} of KV cache: {count(capacity['slots'])} slots of "
        f"{amount(capacity['bytes_per_slot'])}; {seeding}; {weighed}."
    )


def headline(runs: Sequence[Document]) -> Grid:
    """One row per policy: sequences held, occupancy, fill and waste."""
    mixed = len({run["over"] for run in runs}) > 1
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        batch, fill = run["batch"], run["fill"]
        rows.append(
            (
                run["name"],
                mean_spread(run, "batch.mean", batch["mean"]),
                count(batch["peak"]),
                percent_spread(run, "occupancy.mean", run["occupancy"]["mean"]),
                percent_spread(run, "fill.mean", fill["mean"]),
                percent_spread(run, "fill.at_finish", fill["at_finish"]),
                amount(run["waste"]["bytes"]),
                *([run["over"]] if mixed else []),
            )
        )
    header = (
        "policy",
        "held\nmean",
        "held\npeak",
        "occu-\npancy",
        "fill\nmean",
        "fill at\nfinish",
        "waste",
        *(["over"] if mixed else []),
    )
    return Grid("Sequences held, and how well memory is used", header, tuple(rows))


def accounts_of(runs: Sequence[Document]) -> list[str]:
    """The accounts that hold anything in any of the runs, in the order of the ledger."""
    return [
        account
        for account in LOOKS
        if any(run["ledger"][run["over"]].get(account, {}).get("mean") or 0.0 for run in runs)
    ]


def ledger_blocks(runs: Sequence[Document]) -> list[Block]:
    """The ledger as bars and, beside the characters of the bars, as shares; the accounts sum to the arena."""
    accounts = accounts_of(runs)
    ledgers = [(run["name"], run["ledger"][run["over"]]) for run in runs]
    bars = tuple((name, tuple((key, ledger[key]["mean"]) for key in accounts)) for name, ledger in ledgers)
    rows = tuple(
        (
            account_cell(key),
            *(percent(ledger[key]["mean"]) for _, ledger in ledgers),
        )
        for key in accounts
    )
    return [
        Bars("Where the bytes are: the ledger, mean share of the arena", bars),
        Grid("", ("account", *(name for name, _ in ledgers)), rows),
    ]


def _cost(runs: Sequence[Document]) -> Grid:
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        requests, blocked = run["requests"], run["blocked_steps"]
        rows.append(
            (
                run["name"],
                count(run["steps"]),
                *(count(requests[key]) for key in ("finished", "refused")),
                *(count(blocked[cause]) for cause in CAUSES),
                count(requests["preempted"]),
            )
        )
    header = (
        "policy",
        "steps",
        "finished",
        "refused",
        "blocked:\nfragmen-\ntation",
        "blocked:\ncapacity",
        "blocked:\npolicy",
        "preempted",
    )
    return Grid("What it costs: requests, steps on which one waits (by cause), preemptions", header, tuple(rows))


def _preemptions(runs: Sequence[Document]) -> list[Block]:
    rows = tuple(
        (run["name"], *(count(run["preemptions"][cause]) for cause in CAUSES))
        for run in runs
        if run["requests"]["preempted"]
    )
    return [Grid("Preemptions by cause", ("policy", *CAUSES), rows)] if rows else []


def _refusals(runs: Sequence[Document]) -> list[Block]:
    rows = tuple(
        (run["name"], count(entry["count"]), str(entry["label"]), str(entry["first"]), str(entry["reason"]))
        for run in runs
        for entry in run.get("refusals") or ()
    )
    header = ("policy", "refused", "cause", "first request", "reason")
    return [Grid("Refused requests", header, rows, prose=frozenset({2, 4}))] if rows else []


def _arena(runs: Sequence[Document]) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        arena, capacity = run["arena"], run["capacity"]
        corrupt = count(arena["corrupt"])
        paging = f"{count(capacity['pages'])} of {capacity['page_size']}" if capacity.get("pages") else MISSING
        rows.append(
            (
                run["name"],
                paging,
                *(count(arena[key]) for key in ("tokens_written", "tokens_checked")),
                Styled(corrupt, "bold red") if arena["corrupt"] else corrupt,
                *(amount(arena[key]) for key in ("touched_bytes", "resident_bytes")),
            )
        )
    header = ("policy", "pages", "tokens\nwritten", "tokens\nchecked", "corrupt", "touched", "resident")
    return [Paragraph(_payload(runs[0])), Grid("Arena", header, tuple(rows)), *_first_corrupt(runs)]


def _payload(run: Document) -> str:
    payload, device = run["arena"]["payload"], run["arena"]["device"]
    modelled = amount(run["capacity"]["bytes_per_slot"])
    if payload == "none":
        return "Payload none: bookkeeping only, no memory was written and nothing could be checked."
    if payload == "full":
        return f"Arena on {device}, payload full: every token is written at its real size, {modelled} a slot."
    written = "8 B" if payload == "tag" else amount(int(payload))
    return (
        f"Arena on {device}, payload {payload}: {written} a slot is really written and read back; "
        f"bytes elsewhere in this report are modelled at {modelled} a slot."
    )


def _first_corrupt(runs: Sequence[Document]) -> list[Block]:
    found = [(run["name"], run["arena"]["first_corrupt"]) for run in runs if run["arena"].get("first_corrupt")]
    return [
        Paragraph(f"CORRUPT: {name}: {', '.join(f'{key} {value}' for key, value in first.items())}", style="bold red")
        for name, first in found
    ]


def _checks(document: Document) -> list[Block]:
    verdicts: Sequence[Document] = document.get("checks") or ()
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


def _notes(runs: Sequence[Document]) -> list[Block]:
    """Each note once, naming the policies it belongs to unless it belongs to all."""
    owners: dict[str, list[str]] = {}
    for run in runs:
        for note in run.get("notes") or ():
            owners.setdefault(note, []).append(run["name"])
    return [
        Paragraph(f"Note: {note}" if len(names) == len(runs) else f"Note ({', '.join(names)}): {note}", style="yellow")
        for note, names in owners.items()
    ]
