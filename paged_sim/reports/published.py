"""The built-in comparison: what this program measures beside what was published, for two well-known sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from paged_sim.result import Document, Entry, value_at

from .at_step import at_step_blocks
from .blocks import Block, Cell, Grid, Heading, Paragraph
from .comparison import Comparison
from .headline import held_grid
from .numbers import MISSING, mean, mean_spread, percent, signed
from .run_report import setting, verdict_blocks
from .where import ledger_blocks

Facts = Mapping[str, Any]
Table = Mapping[str, Sequence[float | None]]

TUTORIAL_POLICIES = ("naive", "paged")
FIG2 = "vllm-fig2"
_SEGMENTS = {
    "token_state": "token\nstate",
    "reservation": "reser-\nvation",
    "internal": "internal",
    "external_and_others": "external\nand others",
}


def published() -> dict[str, Any]:
    """The published numbers with their sources."""
    data: dict[str, Any] = json.loads(files("paged_sim.data").joinpath("published.json").read_text("utf-8"))
    return data


def tutorial_scenarios() -> list[str]:
    """The built-in scenarios of the tutorial's table, one per batch size."""
    return [f"seed-section4-{batch}" for batch in published()["tutorial"]["batch"]]


def built_in_comparison(tutorial: Sequence[Document], fig2: Document) -> Comparison:
    """The tutorial's table from a run per batch size, then the four systems of Fig. 2 from one run."""
    facts = published()
    table = tutorial_table(tutorial)
    runs: Sequence[Entry] = fig2["runs"]
    blocks: list[Block] = [
        *_tutorial_blocks(table, facts["tutorial"]),
        Heading("Four systems on one GPU, as in Fig. 2 of PagedAttention"),
        Paragraph(f"{setting(runs)}."),
        held_grid(runs),
        *ledger_blocks(runs),
        *at_step_blocks(runs),
        _fig2_grid(runs, facts["fig2"]),
        Paragraph(f"Published: {facts['fig2']['source']}."),
        *verdict_blocks(fig2),
    ]
    data = {"version": 1, "tutorial": table, "published": facts, "runs": [*tutorial, fig2]}
    return Comparison(blocks, data, _rows(table, runs))


def tutorial_table(documents: Sequence[Document]) -> Table:
    """For each policy 100 x fill at finish of every batch size, and the sizes themselves under "batch"."""
    batches = published()["tutorial"]["batch"]
    found = [{run["name"]: run for run in document["runs"]} for document in documents]
    fills = {name: [runs[name]["fill"]["at_finish"] for runs in found] for name in TUTORIAL_POLICIES}
    table = {name: [None if fill is None else 100 * fill for fill in fills[name]] for name in TUTORIAL_POLICIES}
    return {"batch": list(batches), **table}


def _tutorial_blocks(table: Table, facts: Facts) -> list[Block]:
    rows = tuple((name, *map(_tenths, table[name])) for name in TUTORIAL_POLICIES)
    told = tuple((name, *map(_tenths, facts[name])) for name in TUTORIAL_POLICIES)
    same = "the same to the printed digit"
    verdict = same if rows == told else f"not the same: {'; '.join(map(' '.join, told))}"
    header = ("batch size", *(str(batch) for batch in table["batch"]))
    return [
        Heading("Reserving 2048 slots a request against pages of 16, as in a tutorial"),
        Grid("Fill at finish: share of the held slots that store a token, in percent", header, rows),
        Paragraph(f"Published: {verdict} ({facts['source']})."),
    ]


def _tenths(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1f}"


def _fig2_grid(runs: Sequence[Entry], facts: Facts) -> Grid:
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        name, shares = run["name"], facts["shares"].get(run["name"], {})
        batch = facts["batch"].get(name)
        held, view = run["batch"]["mean"], [value_at(run, f"paper_view.{key}") for key in _SEGMENTS]
        rows.append((name, "measured", *map(percent, view), mean_spread(run, "batch.mean", held)))
        rows.append(("", "published", *(_percent_points(shares.get(key)) for key in _SEGMENTS), mean(batch)))
        apart = (_difference(share, shares.get(key)) for key, share in zip(_SEGMENTS, view, strict=True))
        more = MISSING if batch is None or held is None else signed(held - batch, 2)
        rows.append(("", "difference", *apart, more))
    title = "Paper view (buddy rounding counted as external, as in the paper) beside the published numbers"
    return Grid(title, ("system", "", *_SEGMENTS.values(), "held\nmean"), tuple(rows), prose=frozenset({1}))


def _percent_points(value: float | None) -> str:
    return MISSING if value is None else f"{_tenths(value)}%"


def _difference(share: float | None, value: float | None) -> str:
    return MISSING if share is None or value is None else signed(100 * share - value)


def _rows(table: Table, runs: Sequence[Entry]) -> list[dict[str, Any]]:
    fills = [
        {"part": "tutorial", "name": name, "number": f"batch {batch}: 100 x fill.at_finish", "value": value}
        for name in TUTORIAL_POLICIES
        for batch, value in zip(table["batch"], table[name], strict=True)
    ]
    views = [
        {"part": FIG2, "name": run["name"], "number": f"paper_view.{key}", "value": value_at(run, f"paper_view.{key}")}
        for run in runs
        for key in _SEGMENTS
    ]
    held = [{"part": FIG2, "name": run["name"], "number": "batch.mean", "value": run["batch"]["mean"]} for run in runs]
    return [*fills, *views, *held]
