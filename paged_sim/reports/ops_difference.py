"""Where two operation logs part, in words, as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from paged_sim.oplog.records import KINDS
from paged_sim.wording import printable

from .block_ids import block_ids
from .blocks import Block, Cell, Grid, Heading, Paragraph, Styled
from .listing import Listing
from .numbers import MISSING

if TYPE_CHECKING:
    from paged_sim.oplog.diff import LogDiff, Parting, Side
    from paged_sim.oplog.records import LogLine

_VERBS = {"A": ("allocate", "allocates"), "T": ("touch", "touches"), "F": ("free", "frees")}
_LABELS = ("A", "B")
_STYLES = ("red", "green")


def describe_difference(diff: LogDiff) -> Listing:
    """The parting in a sentence, the requests involved, the operations around it, then sizes and digests."""
    parting = diff.parting
    if parting is None:
        blocks: list[Block] = [Heading("The logs are the same"), _logs(diff)]
    else:
        blocks = [
            Heading(_heading(parting)),
            Paragraph(f"{_what_differs(diff, parting)} {_requests(diff)}"),
            _around(diff, parting),
            _logs(diff),
        ]
    return Listing(blocks, difference_data(diff))


def difference_data(diff: LogDiff) -> dict[str, Any]:
    """The versioned JSON; operations as objects, `parting` null where the logs are the same."""
    parting = None if diff.parting is None else {**asdict(diff.parting), "requests": _request_numbers(diff)}
    return {
        "version": 1,
        "identical": parting is None,
        "parting": parting,
        "before": [_line_data(line) for line in diff.before],
        "logs": [
            {
                "path": str(side.path),
                **side.digest._asdict(),
                "has_requests": side.has_requests,
                "after": [_line_data(line) for line in side.after],
            }
            for side in diff.sides
        ],
    }


def _line_data(line: LogLine) -> dict[str, Any]:
    return {"line": line.number, **line.record()._asdict()}


def _request_numbers(diff: LogDiff) -> list[int | None]:
    return [side.after[0].request if side.after else None for side in diff.sides]


def _heading(parting: Parting) -> str:
    block = "" if parting.position is None else f", block {parting.position + 1}"
    return f"The logs part at step {parting.step}, operation {parting.operation:,}{block}"


def _what_differs(diff: LogDiff, parting: Parting) -> str:
    first, second = (side.after[0] if side.after else None for side in diff.sides)
    if first is None or second is None:
        ended, longer = (0, 1) if first is None else (1, 0)
        return (
            f"{_LABELS[ended]} ends after {parting.operation - 1:,} operations; "
            f"{_LABELS[longer]} goes on: {_deed(diff.sides[longer], parting.blocks[longer])}."
        )
    if parting.position is None:
        deeds = [f"{_LABELS[i]} {_deed(side, parting.blocks[i])}" for i, side in enumerate(diff.sides)]
        return f"{deeds[0]}; {deeds[1]}."
    equal = {0: "The first", 1: "After one equal block, the next"}.get(
        parting.position, f"After {parting.position:,} equal blocks, the next"
    )
    shown = [
        f"{label} {'has no more' if block is None else f'has block {block}'}"
        for label, block in zip(_LABELS, parting.blocks, strict=True)
    ]
    return (
        f"Both {_VERBS[first.kind][0]} blocks at step {first.step} (line {first.number} of A, {second.number} of B). "
        f"{equal} is another: {shown[0]}, {shown[1]}."
    )


def _deed(side: Side, block: int | None) -> str:
    line = side.after[0]
    what = "no block" if block is None else f"block {block}" + (" first" if len(line.blocks) > 1 else "")
    return f"{_VERBS[line.kind][1]} {what} at step {line.step} (line {line.number})"


def _requests(diff: LogDiff) -> str:
    """Who the differing operations were done for, as far as the logs say."""
    silent = [label for label, side in zip(_LABELS, diff.sides, strict=True) if not side.has_requests]
    if len(silent) == len(_LABELS):
        return "Neither log carries requests."
    known = [
        f"request {number} in {label}"
        for label, number in zip(_LABELS, _request_numbers(diff), strict=True)
        if number is not None
    ]
    involved = f"Involved: {', '.join(known)}." if known else "No request is given there."
    return f"{involved} {silent[0]} carries no requests." if silent else involved


def _around(diff: LogDiff, parting: Parting) -> Grid:
    """The last operations of both, then those of each log from the parting on."""
    rows = [
        _row("both", parting.operation - len(diff.before) + index, line, None) for index, line in enumerate(diff.before)
    ]
    for label, side, style in zip(_LABELS, diff.sides, _STYLES, strict=True):
        for index, line in enumerate(side.after):
            at = (parting.position or 0) if index == 0 and line.blocks else None
            rows.append(_row(label, parting.operation + index, line, at, style if index == 0 else ""))
        if not side.after:
            rows.append((Styled(label, style), "end", MISSING, MISSING, MISSING, MISSING))
    return Grid(
        "Operations around it, the first block that differs in brackets",
        ("log", "operation", "step", "what", "request", "blocks"),
        tuple(rows),
        prose=frozenset({3, 5}),
    )


def _row(label: str, operation: int, line: LogLine, marked: int | None, style: str = "") -> tuple[Cell, ...]:
    request = MISSING if line.request is None else str(line.request)
    cells = (label, f"{operation:,}", str(line.step), KINDS[line.kind], request, block_ids(line.blocks, marked))
    return tuple(Styled(cell, style) for cell in cells) if style else cells


def _logs(diff: LogDiff) -> Paragraph:
    paths = [side.path for side in diff.sides]
    names = [printable(str(path) if paths[0].name == paths[1].name else path.name) for path in paths]
    return Paragraph(
        "\n".join(
            f"{label}  {name}: {side.digest.operations:,} operations, "
            f"{'with' if side.has_requests else 'without'} requests\n   SHA-256 {side.digest.sha256}"
            for label, name, side in zip(_LABELS, names, diff.sides, strict=True)
        )
    )
