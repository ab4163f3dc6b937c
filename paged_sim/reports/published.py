"""The built-in comparison: what this program measures beside what was published, for two well-known sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from .at_step import at_step_blocks
from .blocks import Block, Cell, Grid, Heading, Paragraph
from .comparison import Comparison
from .numbers import MISSING, mean, mean_spread, percent, signed
from .run_report import held_grid, ledger_blocks, setting, verdict_blocks

Document = Mapping[str, Any]

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
    runs: Sequence[Document] = fig2["runs"]
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


def tutorial_table(documents: Sequence[Document]) -> dict[str, list[float]]:
    """For each policy 100 x fill at finish of every batch size, and the sizes themselves under "batch"."""
    batches = published()["tutorial"]["batch"]
    found = [{run["name"]: run for run in document["runs"]} for document in documents]
    table = {name: [100 * runs[name]["fill"]["at_finish"] for runs in found] for name in TUTORIAL_POLICIES}
    return {"batch": list(batches), **table}


def _tutorial_blocks(table: Mapping[str, Sequence[float]], facts: Document) -> list[Block]:
    rows = tuple((name, *(f"{value:.1f}" for value in table[name])) for name in TUTORIAL_POLICIES)
    same = all(
        f"{a:.1f}" == f"{b:.1f}" for name in TUTORIAL_POLICIES for a, b in zip(table[name], facts[name], strict=True)
    )
    verdict = (
        "the same to the printed digit"
        if same
        else "not the same: "
        + "; ".join(f"{name} {' '.join(f'{value:.1f}' for value in facts[name])}" for name in TUTORIAL_POLICIES)
    )
    header = ("batch size", *(str(batch) for batch in table["batch"]))
    return [
        Heading("Reserving 2048 slots a request against pages of 16, as in a tutorial"),
        Grid("Fill at finish: share of the held slots that store a token, in percent", header, rows),
        Paragraph(f"Published: {verdict} ({facts['source']})."),
    ]


def _fig2_grid(runs: Sequence[Document], facts: Document) -> Grid:
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        name, shares = run["name"], facts["shares"].get(run["name"], {})
        batch = facts["batch"].get(name)
        measured = run["paper_view"]
        rows.append(
            (
                name,
                "measured",
                *(percent(measured[key]) for key in _SEGMENTS),
                mean_spread(run, "batch.mean", run["batch"]["mean"]),
            )
        )
        rows.append(("", "published", *(_percent_points(shares.get(key)) for key in _SEGMENTS), mean(batch)))
        rows.append(
            (
                "",
                "difference",
                *(_difference(measured[key], shares.get(key)) for key in _SEGMENTS),
                MISSING if batch is None else signed(run["batch"]["mean"] - batch, 2),
            )
        )
    title = "Paper view (buddy rounding counted as external, as in the paper) beside the published numbers"
    return Grid(title, ("system", "", *_SEGMENTS.values(), "held\nmean"), tuple(rows), prose=frozenset({1}))


def _percent_points(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1f}%"


def _difference(share: float, value: float | None) -> str:
    return MISSING if value is None else signed(100 * share - value)


def _rows(table: Mapping[str, Sequence[float]], runs: Sequence[Document]) -> list[dict[str, Any]]:
    fills = [
        {"part": "tutorial", "name": name, "number": f"batch {batch}: 100 x fill.at_finish", "value": value}
        for name in TUTORIAL_POLICIES
        for batch, value in zip(table["batch"], table[name], strict=True)
    ]
    views = [
        {"part": FIG2, "name": run["name"], "number": f"paper_view.{key}", "value": run["paper_view"][key]}
        for run in runs
        for key in _SEGMENTS
    ]
    held = [{"part": FIG2, "name": run["name"], "number": "batch.mean", "value": run["batch"]["mean"]} for run in runs]
    return [*fills, *views, *held]
