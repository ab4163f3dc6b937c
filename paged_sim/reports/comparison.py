"""Comparisons as blocks, JSON and CSV rows alike: policies of one run side by side, and saved runs policy by policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from paged_sim.changes import ACCOUNT_BETTER, Change, account_path, changes_of, steps_of

from .as_csv import to_csv
from .as_json import to_json
from .at_step import at_step_blocks
from .blocks import Block, Cell, Grid, Heading, Paragraph, Screen, Styled
from .markdown import render_markdown
from .numbers import MISSING, amount, count, lookup, mean, percent, signed
from .run_report import ledger_blocks, setting, verdict_blocks
from .text import render_text

Document = Mapping[str, Any]

NOISE = "~"
"""What stands for a change that the seeds alone may have made."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison in every form: blocks to read, `data` for JSON, `rows` for CSV."""

    blocks: Sequence[Block]
    data: object
    rows: Sequence[Mapping[str, Any]]


COMPARISON_FORMATS: dict[str, Callable[[Comparison, Screen], str]] = {
    "table": lambda comparison, screen: render_text(comparison.blocks, screen),
    "json": lambda comparison, screen: to_json(comparison.data),
    "csv": lambda comparison, screen: to_csv(comparison.rows, screen.csv_columns),
    "markdown": lambda comparison, screen: render_markdown(comparison.blocks),
}


class Metric(NamedTuple):
    """A number of the JSON by its path, its name in tables, and how it is written."""

    path: str
    label: str
    write: Callable[[float | None], str]


METRICS = (
    Metric("batch.mean", "sequences held, mean", mean),
    Metric("batch.peak", "sequences held, peak", count),
    Metric("occupancy.mean", "occupancy, mean", percent),
    Metric("fill.mean", "fill, mean", percent),
    Metric("fill.at_finish", "fill at finish", percent),
    Metric("waste.share", "waste, share", percent),
    Metric("waste.bytes", "waste", amount),
    Metric("paper_view.token_state", "paper view: token state", percent),
    Metric("paper_view.reservation", "paper view: reservation", percent),
    Metric("paper_view.internal", "paper view: internal", percent),
    Metric("paper_view.external_and_others", "paper view: external and others", percent),
    Metric("steps", "steps", count),
    Metric("requests.finished", "requests finished", count),
    Metric("requests.refused", "requests refused", count),
    Metric("requests.preempted", "preemptions", count),
    Metric("blocked_steps.fragmentation", "blocked steps: fragmentation", count),
    Metric("blocked_steps.capacity", "blocked steps: capacity", count),
    Metric("blocked_steps.policy", "blocked steps: policy", count),
    Metric("arena.touched_bytes", "arena touched", amount),
    Metric("arena.resident_bytes", "arena resident", amount),
    Metric("arena.corrupt", "corrupt tokens", count),
)


def side_by_side(document: Document) -> Comparison:
    """The policies of one run beside each other, a metric a row."""
    runs: Sequence[Document] = document["runs"]
    over: tuple[Cell, ...] = ("means over", *(run["over"] for run in runs))
    rows = tuple((metric.label, *(metric.write(lookup(run, metric.path)) for run in runs)) for metric in METRICS)
    blocks: list[Block] = [
        Heading(str(document["scenario"]["name"])),
        *verdict_blocks(document),
        Paragraph(setting(runs)),
        Grid("Policies side by side", ("metric", *(run["name"] for run in runs)), (over, *rows)),
        *ledger_blocks(runs),
        *at_step_blocks(runs),
    ]
    table = [{"metric": m.path, **{run["name"]: lookup(run, m.path) for run in runs}} for m in METRICS]
    return Comparison(blocks, document, table)


def across_files(saved: Sequence[tuple[str, Sequence[Document]]]) -> Comparison:
    """Saved runs, (label, documents) each: the same policy across files, and its change against the first file.

    Policies go by scenario and name, in order of first appearance; a file without one shows a dash. Changes are green
    where the metric got better and red where it got worse; those within the spread over the seeds are hidden.
    """
    labels = [label for label, _ in saved]
    policies = [_policies(documents) for _, documents in saved]
    names = list(dict.fromkeys(name for found in policies for name in found))
    blocks: list[Block] = [Heading(f"{len(saved)} saved runs; changes are against {labels[0]}")]
    table = []
    any_noise = False
    for name in names:
        runs = [found.get(name) for found in policies]
        steps = steps_of([run for run in runs if run is not None])
        columns = [changes_of(name, runs[0], run, steps) for run in runs]
        rows = list(zip(_metrics(steps), zip(*columns, strict=True), strict=True))
        any_noise = any_noise or any(change.is_noise for _, changes in rows for change in changes)
        shown = [row for row in rows if row[0] in METRICS or any(change.after for change in row[1])]
        blocks.append(Grid(name, _header(labels), tuple(_row(metric, changes) for metric, changes in shown)))
        for metric, changes in rows:
            values = [change.after for change in changes]
            table.append({"policy": name, "metric": metric.path, **dict(zip(labels, values, strict=True))})
    if any_noise:
        blocks.append(Paragraph(f"{NOISE}: a change within the spread over the seeds."))
    return Comparison(blocks, {"version": 1, "files": labels, "rows": table}, table)


def _metrics(steps: str) -> list[Metric]:
    """Every metric that changes are shown for, in the order of `changes_of`."""
    accounts = [Metric(account_path(account, steps), f"ledger: {account}", percent) for account in ACCOUNT_BETTER]
    return [*METRICS, *accounts]


def _policies(documents: Sequence[Document]) -> dict[str, Document]:
    return {f"{document['scenario']['name']}: {run['name']}": run for document in documents for run in document["runs"]}


def _header(labels: Sequence[str]) -> tuple[str, ...]:
    return ("metric", labels[0], *(head for label in labels[1:] for head in (label, "change")))


def _row(metric: Metric, changes: Sequence[Change]) -> tuple[Cell, ...]:
    """The value of the first file, then value and change of each other one."""
    cells: list[Cell] = [metric.write(changes[0].after)]
    for found in changes[1:]:
        cells += [metric.write(found.after), _change_cell(metric, found)]
    return (metric.label, *cells)


def _change_cell(metric: Metric, found: Change) -> Cell:
    if found.is_noise:
        return Styled(NOISE, "dim")
    text = change(metric, found.before, found.after)
    return text if found.improved is None else Styled(text, "green" if found.improved else "red")


def change(metric: Metric, before: float | None, after: float | None) -> str:
    """Shares change by points, other numbers by per cent; from zero, by the number itself."""
    if before is None or after is None:
        return MISSING
    if before == after:
        return "="
    if metric.write is percent:
        return f"{signed(100 * (after - before))} pt"
    return f"{signed(100 * (after - before) / before)}%" if before else f"+{metric.write(after)}"
