"""Comparisons as blocks, JSON and CSV rows alike: policies of one run side by side, and saved runs policy by policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from string import ascii_uppercase
from typing import Any

from paged_sim.basis import Basis, basis_of, come_over_time, depends_on_steps, steps_behind
from paged_sim.changes import Change, changes_of, metric_value
from paged_sim.configuration import Difference, differences, serve_the_same
from paged_sim.result import Document, Entry, ResolvedScenario, Steps, value_at
from paged_sim.wording import printable

from .as_csv import to_csv
from .as_json import to_json
from .at_step import at_step_blocks
from .basis import OVER
from .blocks import Block, Cell, Grid, Heading, Paragraph, Screen, Styled
from .markdown import render_markdown
from .metrics import METRICS, Metric, change, is_shown, metrics_over
from .numbers import MISSING, count, duration
from .run_report import setting, verdict_blocks
from .settings import difference_lines
from .text import column_groups, render_text
from .where import ledger_blocks

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


def side_by_side(document: Document) -> Comparison:
    """The policies of one run beside each other, a metric a row, all over the same steps."""
    runs: Sequence[Entry] = document["runs"]
    steps = basis_of([(document["scenario"], run) for run in runs]).steps
    numbers = {metric: [metric_value(run, metric.path, steps) for run in runs] for metric in METRICS}
    rows = [
        (metric.label, *(metric.text(value, run) for value, run in zip(numbers[metric], runs, strict=True)))
        for metric in _first_what_is_felt(METRICS, document["scenario"], runs[0])
        if is_shown(metric, numbers[metric])
    ]
    title = f"Policies side by side, means {OVER[steps]}"
    blocks: list[Block] = [
        Heading(str(document["scenario"]["name"])),
        *verdict_blocks(document),
        Paragraph(f"{setting(runs)}."),
        Grid(title, ("metric", *(run["name"] for run in runs)), (*_basis_rows(runs, steps), *rows)),
        *ledger_blocks(runs),
        *at_step_blocks(runs),
    ]
    names = [run["name"] for run in runs]
    table = [
        {"metric": metric.path, **dict(zip(names, values, strict=True)), "over": _over(metric, steps)}
        for metric, values in numbers.items()
    ]
    return Comparison(blocks, document, table)


def _over(metric: Metric, steps: Steps) -> str:
    """The steps that a number is over, for CSV and JSON; nothing for one that is over no steps."""
    return steps if depends_on_steps(metric.path) or metric.path.startswith("ledger.") else ""


def _basis_rows(runs: Sequence[Entry | None], steps: Steps) -> list[tuple[str, ...]]:
    """How many steps are behind each mean and, with a clock of seconds, how long they took."""
    rows = [("steps averaged", *(MISSING if run is None else count(steps_behind(run, steps)) for run in runs))]
    if any(value_at(run, "time.unit") == "s" for run in runs):
        rows.append(("time averaged", *(duration(value_at(run, f"measured.{steps}.time"), "s") for run in runs)))
    return rows


_SERVED = ("time.", "throughput.", "latency.", "waiting.", "requests.", "tokens.")


def _first_what_is_felt(metrics: Sequence[Metric], scenario: ResolvedScenario, run: Entry) -> list[Metric]:
    """The metrics in the order of tables: with requests over time, what these felt comes first."""
    if not come_over_time(scenario, run):
        return list(metrics)
    return sorted(metrics, key=lambda metric: not metric.path.startswith(_SERVED))


@dataclass(frozen=True, slots=True)
class _Side:
    """One file of a comparison: what tables call it, and its entries with their scenarios, by a common name.

    `found` is where its configuration differs from the first file's, by the name of the scenario.
    """

    label: str
    file: str
    policies: Mapping[str, tuple[ResolvedScenario, Entry]]
    found: Mapping[str, Sequence[Difference]]

    @property
    def differs(self) -> bool:
        """Whether anything in its configuration differs."""
        return any(self.found.values())

    def serves_the_same(self, name: str) -> bool:
        """Whether a policy was asked to serve the same requests as in the first file."""
        return name not in self.policies or serve_the_same(self.found[self.policies[name][0]["name"]])

    def entry(self, name: str) -> Entry | None:
        """The entry that this file has of a policy."""
        return self.policies[name][1] if name in self.policies else None


def across_files(saved: Sequence[tuple[str, Sequence[Document]]]) -> Comparison:
    """Saved runs, (file, documents) each: what differs in their configuration, then policy by policy every number.

    Changes are against the first file. A policy goes by its name, and by that of its scenario where files hold several;
    one that was renamed is told by its settings; a file without it shows a dash. A change is green or red where up or
    down is good by itself (`changes.direction`); one within the spread over the seeds is hidden.
    """
    sides = _sides(saved)
    first, *others = sides
    blocks: list[Block] = [Heading(f"{len(saved)} saved runs; changes are against {first.file}"), *_legend(sides)]
    blocks += _same_configuration(first, [side for side in others if not side.differs])
    for side in others:
        blocks += _configuration(first, side)
    rows: list[dict[str, Any]] = []
    any_noise = False
    for name in dict.fromkeys(name for side in sides for name in side.policies):
        steps = basis_of([side.policies[name] for side in sides if name in side.policies]).steps
        columns = [_changes(name, first, side, steps) for side in sides]
        numbers = dict(zip(metrics_over(steps), zip(*columns, strict=True), strict=True))
        any_noise = any_noise or any(found.is_noise for changes in numbers.values() for found in changes)
        blocks += _grids(name, sides, numbers, steps)
        rows += [
            {
                "policy": name,
                "metric": metric.path,
                **{side.file: found.after for side, found in zip(sides, changes, strict=True)},
                "over": _over(metric, steps),
            }
            for metric, changes in numbers.items()
        ]
    if any_noise:
        blocks.append(Paragraph(f"{NOISE}: a change within the spread over the seeds."))
    told = [
        {"file": side.file, "scenario": scenario, **asdict(each)}
        for side in others
        for scenario, found in side.found.items()
        for each in found
    ]
    data = {"version": 1, "files": [side.file for side in sides], "differences": told, "rows": rows}
    return Comparison(blocks, data, rows)


def _sides(saved: Sequence[tuple[str, Sequence[Document]]]) -> list[_Side]:
    files = [file for file, _ in saved]
    widest = _WIDE_LABEL if len(files) == 2 else _NARROW_LABEL
    short = max(map(len, files)) <= widest or len(files) > len(ascii_uppercase)
    alone = all(len(documents) == 1 for _, documents in saved)
    names = {document["scenario"]["name"] for _, documents in saved for document in documents}
    return [
        _side(label, file, documents, saved[0][1], alone=alone, prefixed=not alone or len(names) == 1)
        for label, (file, documents) in zip(files if short else ascii_uppercase, saved, strict=False)
    ]


def _side(
    label: str, file: str, documents: Sequence[Document], first: Sequence[Document], *, alone: bool, prefixed: bool
) -> _Side:
    """One file beside the first one; where each holds one run (`alone`), these are compared whatever their names."""
    policies: dict[str, tuple[ResolvedScenario, Entry]] = {}
    found: dict[str, list[Difference]] = {}
    for document in documents:
        scenario: ResolvedScenario = document["scenario"]
        others = [one["scenario"] for one in first if alone or one["scenario"]["name"] == scenario["name"]]
        here = differences(others[0], scenario) if others else []
        renamed = {each.after: each.before for each in here if _is_renamed(each)}
        prefix = f"{printable(scenario['name'])}: " if prefixed else ""
        policies.update(
            {f"{prefix}{renamed.get(run['name'], run['name'])}": (scenario, run) for run in document["runs"]}
        )
        found[scenario["name"]] = here
    return _Side(printable(label), printable(file), policies, found)


_WIDE_LABEL, _NARROW_LABEL = 20, 10
"""File names up to so many characters head the columns of two files, or of more; longer ones get letters."""


def _is_renamed(each: Difference) -> bool:
    return each.path.startswith("allocators.") and each.path.endswith(".name")


def _legend(sides: Sequence[_Side]) -> list[Block]:
    """Which file each letter stands for, where letters stand for files."""
    if all(side.label == side.file for side in sides):
        return []
    return [Paragraph("\n".join(f"{side.label}: {side.file}" for side in sides))]


def _same_configuration(first: _Side, same: Sequence[_Side]) -> list[Block]:
    """The files that were run with the configuration of the first one."""
    if not same:
        return []
    verb = "has" if len(same) == 1 else "have"
    return [Paragraph(f"{', '.join(side.label for side in same)} {verb} the configuration of {first.label}.")]


def _configuration(first: _Side, side: _Side) -> list[Block]:
    """What differs between the first file and another one, and what that means for their numbers."""
    blocks: list[Block] = []
    for scenario, found in side.found.items():
        of = f"{scenario} in " if len(side.found) > 1 else ""
        if found:
            text = (
                f"The configuration of {of}{side.label} differs from that of {first.label}:\n{difference_lines(found)}"
            )
            blocks.append(Paragraph(text))
        if not serve_the_same(found):
            seeds = " Counters are sums over the seeds." if any(each.path == "repeats" for each in found) else ""
            other = f"{of}{side.label} served other requests than {first.label}: no change is for the better or worse."
            blocks.append(Paragraph(f"{other}{seeds}", style="yellow"))
    return blocks


def _changes(name: str, first: _Side, side: _Side, steps: Steps) -> list[Change]:
    return changes_of(name, first.entry(name), side.entry(name), Basis(steps, side.serves_the_same(name)))


def _grids(name: str, sides: Sequence[_Side], numbers: Mapping[Metric, Sequence[Change]], steps: Steps) -> list[Block]:
    """The tables of one policy: the first file beside two others at a time, or one, so that all fit 80 columns."""
    scenario, run = next(side.policies[name] for side in sides if name in side.policies)
    ordered = _first_what_is_felt(list(numbers), scenario, run)
    shown = {metric: numbers[metric] for metric in ordered if is_shown(metric, [one.after for one in numbers[metric]])}
    for beside in (2, 1):
        columns = [[0, *others] for others in _in_groups(range(1, len(sides)), beside)] or [[0]]
        grids = [_grid(name, [sides[at] for at in group], group, shown, steps) for group in columns]
        if all(len(column_groups(grid, Screen().width)) == 1 for grid in grids):
            break
    return list(grids)


def _in_groups(numbers: Sequence[int], size: int) -> list[Sequence[int]]:
    return [numbers[begin : begin + size] for begin in range(0, len(numbers), size)]


def _grid(
    name: str, sides: Sequence[_Side], columns: Sequence[int], shown: Mapping[Metric, Sequence[Change]], steps: Steps
) -> Grid:
    """One table of some of the files; `columns` are their places among all."""
    runs = [side.entry(name) for side in sides]
    basis = [(*row[:2], *(cell for text in row[2:] for cell in (text, ""))) for row in _basis_rows(runs, steps)]
    rows = [_row(metric, [changes[at] for at in columns], runs) for metric, changes in shown.items()]
    header = ("metric", sides[0].label, *(cell for side in sides[1:] for cell in (side.label, "change")))
    return Grid(f"{name}, means {OVER[steps]}", header, (*basis, *rows))


def _row(metric: Metric, changes: Sequence[Change], runs: Sequence[Entry | None]) -> tuple[Cell, ...]:
    """The value of the first file, then value and change of each other one."""
    cells: list[Cell] = [metric.text(changes[0].after, runs[0])]
    for found, run in zip(changes[1:], runs[1:], strict=True):
        cells += [metric.text(found.after, run), _change_cell(metric, found)]
    return (metric.label, *cells)


def _change_cell(metric: Metric, found: Change) -> Cell:
    """A change in its colour; one that is printed as nothing has none."""
    if found.is_noise:
        return Styled(NOISE, "dim")
    text = change(metric, found.before, found.after)
    if found.improved is None or not any(digit in text for digit in "123456789"):
        return text
    return Styled(text, "green" if found.improved else "red")
