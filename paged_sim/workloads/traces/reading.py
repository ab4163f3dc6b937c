"""From the blocks of a file to its rows: columns converted, what is no request counted, ids and their size checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paged_sim.errors import PagedSimError
from paged_sim.requests import Floats, Ints
from paged_sim.wording import shown
from paged_sim.workloads.prefixes import PrefixIds
from paged_sim.workloads.traces.block_ids import IdColumn, block_size
from paged_sim.workloads.traces.columns import Plan
from paged_sim.workloads.traces.formats import UNITS, Format
from paged_sim.workloads.traces.numbers import (
    DATE,
    date_column,
    holds_dates,
    is_absent,
    optional_counts,
    optional_seconds,
    time_column,
    token_column,
    unit_since_1970,
)
from paged_sim.workloads.traces.rows import Rows
from paged_sim.workloads.traces.sources import EMPTY_PROMPT, FAILED, Block, Source
from paged_sim.workloads.traces.values import REMEDY

_NO_ID = -1


@dataclass(frozen=True, slots=True)
class SharedNames:
    """The numbers of what the files of one run call by name: sessions, and block ids where these must be numbered."""

    sessions: dict[Any, int] = field(default_factory=dict)
    ids: dict[Any, int] | None = None


@dataclass
class _Gathered:
    """The usable rows so far, a list of arrays for each column; `row` numbers them among all rows of the file."""

    ids: IdColumn
    sessions: dict[Any, int]
    parts: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    count: int = 0
    seen: int = 0

    def add(self, name: str, values: npt.NDArray[Any]) -> None:
        self.parts.setdefault(name, []).append(values)

    def column(self, name: str, absent: float = 0) -> npt.NDArray[Any]:
        """A whole column; where the file has none, `absent` in every row."""
        if name not in self.parts:
            return np.full(self.count, absent)
        return np.concatenate(self.parts[name])


def read_rows(
    source: Source,
    form: Format,
    plan: Plan,
    wanted: int | None = None,
    stated_block: int | None = None,
    names: SharedNames | None = None,
) -> Rows:
    """The first `wanted` usable rows of the file (all with None); `names` are shared with other files of one run.

    Raises:
        PagedSimError: a value is missing or wrong, or the ids do not fit the prompts.
    """
    names = names or SharedNames()
    gathered = _Gathered(ids=IdColumn(names.ids, source.path if form.local_ids else None), sessions=names.sessions)
    unit: str | None = None
    for block in source.blocks():
        unit = unit or _unit(block, form, plan)
        _take(block, form, plan, gathered, unit, None if wanted is None else wanted - gathered.count)
        if gathered.count == wanted:
            break
    prompt, output = gathered.column("prompt"), gathered.column("output")
    size = _size(source, form, plan, gathered, stated_block)
    ids = gathered.ids.ids()
    has_times = "arrival" in plan.columns
    return Rows(
        prompt=prompt,
        output=np.maximum(output, 1),
        time=gathered.column("time") if has_times else None,
        unit=unit or form.unit,
        max_tokens=gathered.column("max_tokens", 0),
        session=gathered.column("session", _NO_ID),
        turn=gathered.column("turn", _NO_ID),
        delay=gathered.column("delay", np.nan),
        prefix=PrefixIds(gathered.ids.offsets(gathered.count), ids, size if len(ids) else 0),
        skipped=dict(gathered.skipped + source.skipped),
        raised_outputs=int(np.count_nonzero(output == 0)),
    )


def _take(block: Block, form: Format, plan: Plan, gathered: _Gathered, unit: str, wanted: int | None) -> None:
    """Gather the usable rows of a block, at most `wanted`."""
    columns = plan.columns
    prompt = token_column(block, columns["prompt"], plan.counter)
    output = token_column(block, columns["output"], plan.counter)
    count = len(block)
    delay = optional_seconds(block, columns["delay"], UNITS[plan.delay_unit]) if "delay" in columns else None
    usable = (prompt > 0) & (output > 0) if form.zero_is_failure else prompt > 0
    kept = np.flatnonzero(usable)[:wanted]
    looked_at = int(kept[-1]) + 1 if wanted is not None and len(kept) == wanted else count
    if looked_at > len(kept):
        gathered.skipped[FAILED if form.zero_is_failure else EMPTY_PROMPT] += looked_at - len(kept)
    gathered.add("prompt", prompt[kept])
    gathered.add("output", output[kept])
    if delay is not None:
        gathered.add("delay", delay[kept])
    if "arrival" in columns:
        gathered.add("time", _times(block, columns["arrival"], unit, delay)[kept])
    for name, absent in (("max_tokens", 0), ("turn", _NO_ID), ("block_size", 0)):
        if name in columns:
            gathered.add(name, optional_counts(block, columns[name], absent)[kept])
    if "session" in columns:
        gathered.add("session", _sessions(block, columns["session"], gathered.sessions)[kept])
    if "hash_ids" in columns:
        gathered.ids.add(block, columns["hash_ids"], kept)
        gathered.add("row", gathered.seen + kept)
    gathered.seen += count
    gathered.count += len(kept)


def _times(block: Block, name: str, unit: str, delay: Floats | None) -> Ints | Floats:
    """The times of a block; a row that waits for an answer needs none."""
    present = np.ones(len(block), dtype=np.bool_)
    if delay is not None:
        absent = np.fromiter(map(is_absent, block.column(name)), np.bool_, len(block))
        present = ~absent | np.isnan(delay)
    if unit == DATE:
        return date_column(block, name, present)
    return time_column(block, name, UNITS[unit], present)


def _unit(block: Block, form: Format, plan: Plan) -> str:
    """The unit of a file's times, from its first rows where only these tell: a date, or how far from 1970 it counts."""
    name = plan.columns.get("arrival")
    if name is not None and holds_dates(block, name):
        return DATE
    return plan.unit or (None if name is None else unit_since_1970(block, name)) or form.unit


def _sessions(block: Block, name: str, numbers: dict[Any, int]) -> Ints:
    """A number for the session of each row, -1 where it has none."""
    values = block.column(name)
    if block.cells_are_text:
        cells = (numbers.setdefault(value, len(numbers)) if value.strip() else _NO_ID for value in values)
        return np.fromiter(cells, np.int64, len(values))
    sessions = []
    for row, value in enumerate(values):
        if is_absent(value):
            sessions.append(_NO_ID)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            sessions.append(numbers.setdefault(value, len(numbers)))
        else:
            raise PagedSimError(f"{block.place(row, name)}: {shown(value)} is no name of a session; {REMEDY}")
    return np.array(sessions, dtype=np.int64)


def _size(source: Source, form: Format, plan: Plan, gathered: _Gathered, stated: int | None) -> int:
    """Tokens of a block: as the user states them, as the file does, or as its lengths show."""
    if not len(gathered.ids):
        return 0
    prompt, counts = gathered.column("prompt"), np.diff(gathered.ids.offsets(gathered.count))
    name = plan.columns["hash_ids"]
    if stated is None and "block_size" in plan.columns:
        stated = _stated_in(source, plan.columns["block_size"], gathered)
    size = stated or block_size(prompt, counts, form.block, form.whole_prompt)
    if size is None:
        first = int(np.flatnonzero((counts > 0) & (counts != -(-prompt // form.block)))[0])
        raise PagedSimError(
            f"{_place(source, int(gathered.column('row')[first]), name)}: {counts[first]} ids for a prompt of "
            f"{prompt[first]:,} tokens, where blocks of {form.block} would have {-(-prompt[first] // form.block)}, and "
            "no other usual size fits all rows; say how many tokens an id stands for: block_size"
        )
    wrong = np.flatnonzero(counts > -(-prompt // size))
    if len(wrong):
        first = int(wrong[0])
        raise PagedSimError(
            f"{_place(source, int(gathered.column('row')[first]), name)}: {counts[first]} blocks of {size} tokens are "
            f"more than the prompt of {prompt[first]} tokens; correct the row, or give another block_size"
        )
    return size


def _stated_in(source: Source, name: str, gathered: _Gathered) -> int | None:
    sizes = gathered.column("block_size")
    stated = sizes[sizes > 0]
    if len(np.unique(stated)) > 1:
        first = int(np.flatnonzero((sizes > 0) & (sizes != stated[0]))[0])
        place = _place(source, int(gathered.column("row")[first]), name)
        raise PagedSimError(
            f"{place}: blocks of {sizes[first]} tokens behind blocks of {stated[0]}; give one size a file"
        )
    return int(stated[0]) if len(stated) else None


def _place(source: Source, row: int, name: str) -> str:
    """Where a row of the file stands, found by reading it again."""
    for block in source.blocks():
        if row < len(block):
            return block.place(row, name)
        row -= len(block)
    raise AssertionError(f"{source.path} has changed")
