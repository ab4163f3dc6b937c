"""The tables that only a full report has."""

from __future__ import annotations

from collections.abc import Sequence

from paged_sim.result import Document, Entry, value_at

from .basis import is_timed
from .blocks import Block, Cell, Grid, Paragraph, Styled
from .headline import blocked_blocks
from .numbers import MISSING, amount, count, seconds
from .sharing import sharing_blocks

_QUANTILES = ("mean", "p50", "p90", "p99", "max")
LABELS = ("fragmentation", "capacity", "policy")


def details(document: Document) -> list[Block]:
    """The tables that only a full report has."""
    runs: Sequence[Entry] = document["runs"]
    return [
        *_latencies(runs),
        *(blocked_blocks(runs) if is_timed(runs) else []),
        *_preemptions(runs),
        *_refusals(runs),
        *sharing_blocks(runs),
        *_arena(runs),
    ]


def _latencies(runs: Sequence[Entry]) -> list[Block]:
    """From arrival to the first admission, the first token and the end, over the requests that finished."""
    names = {"queue": "admitted", "first_token": "first token", "total": "finished"}
    unit = value_at(runs[0], "time.unit")
    if unit is None:
        return []
    rows = tuple(
        (run["name"], label, *(seconds(value_at(run, f"latency.{key}.{part}")) for part in _QUANTILES))
        for run in runs
        for key, label in names.items()
    )
    title = f"From arrival until a request is …, in {'seconds' if unit == 's' else 'steps'}"
    return [Grid(title, ("policy", "until", *_QUANTILES), rows, prose=frozenset({1}))]


def _preemptions(runs: Sequence[Entry]) -> list[Block]:
    rows = tuple(
        (run["name"], *(count(value_at(run, f"preemptions.{cause}")) for cause in LABELS))
        for run in runs
        if run["requests"]["preempted"]
    )
    return [Grid("Preemptions by cause", ("policy", *LABELS), rows)] if rows else []


def _refusals(runs: Sequence[Entry]) -> list[Block]:
    rows = tuple(
        (run["name"], count(entry["count"]), str(entry["label"]), str(entry["first"]), str(entry["reason"]))
        for run in runs
        for entry in run.get("refusals") or ()
    )
    header = ("policy", "refused", "cause", "first request", "reason")
    return [Grid("Refused requests", header, rows, prose=frozenset({2, 4}))] if rows else []


def _arena(runs: Sequence[Entry]) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        arena, capacity = run["arena"], run["capacity"]
        corrupt = count(arena["corrupt"])
        paging = f"{count(pages)} of {capacity.get('page_size')}" if (pages := capacity.get("pages")) else MISSING
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
    return [Paragraph(_payload(runs[0])), Grid("Arena", header, tuple(rows))]


def _payload(run: Entry) -> str:
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
