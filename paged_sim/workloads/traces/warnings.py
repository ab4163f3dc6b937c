"""What looks wrong in a trace that was read as it says, as sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paged_sim.wording import shown
from paged_sim.workloads.traces.columns import Plan
from paged_sim.workloads.traces.detect import Found
from paged_sim.workloads.traces.formats import FIELDS, UNITS
from paged_sim.workloads.traces.numbers import DATE, SINCE_2001
from paged_sim.workloads.traces.rows import Rows

_MOST_PER_SECOND = 50.0
_LEAST_PER_SECOND = 1 / 1000


def warnings_of(
    found: Found, plan: Plan, rows: Rows, stated_unit: str | None, stated_block: int | None
) -> Iterator[str]:
    """Rates that no server sees, ids that leave prompts uncovered, columns that are left aside or mean nothing."""
    if rows.time is not None and rows.unit != DATE and stated_unit is None and len(rows) > 1:
        yield from _rate(rows)
    if rows.prefix.block:
        yield from _blocks(found, rows, stated_block)
    yield from _left_aside(found, plan)
    if not np.any(rows.session >= 0):
        for field in ("turn", "delay"):
            if field in plan.columns:
                yield f"column {shown(plan.columns[field])} is not used: no request names its session"


def _rate(rows: Rows) -> Iterator[str]:
    assert rows.time is not None
    unit = rows.unit
    span = float(rows.time[-1] - rows.time[0])
    if not span or rows.time[0] > SINCE_2001 * rows.per_second:
        return
    rates = {name: (len(rows) - 1) * per_second / span for name, per_second in UNITS.items()}
    if rates[unit] > _MOST_PER_SECOND and unit != "s":
        other = "s" if unit == "ms" else "ms" if unit == "us" else "us"
        yield (
            f"times are read in {unit}, which makes {rates[unit]:,.3g} requests/s; if they are seconds give time_unit: "
            f"s ({rates['s']:,.3g} requests/s)" + ("" if other == "s" else f", or time_unit: {other}")
        )
    if rates[unit] < _LEAST_PER_SECOND and unit == "s":
        yield (
            f"times are read in s, which makes a request every {1 / rates['s']:,.0f} s; if they are finer give "
            f"time_unit: ms ({rates['ms']:,.3g} requests/s), us or ns"
        )


def _blocks(found: Found, rows: Rows, stated: int | None) -> Iterator[str]:
    size, counts = rows.prefix.block, np.diff(rows.prefix.offsets)
    if not found.form.whole_prompt:
        return
    if stated is None and size != found.form.block:
        yield f"an id stands for {size} tokens, by the lengths of the prompts; {found.name} has {found.form.block}"
    some = counts > 0
    short = some & (counts < rows.prompt // size)
    if short.any():
        covered = np.minimum(counts * size, rows.prompt)[some].sum() / rows.prompt[some].sum()
        yield (
            f"ids of {size} tokens cover {100 * covered:.3g} % of the prompts that have them; if each stands for more "
            "tokens give block_size"
        )


def _left_aside(found: Found, plan: Plan) -> Iterator[str]:
    """Columns that are not used although they bear the name of something that is."""
    for field in FIELDS:
        usual = found.form.names(field)
        for name in plan.unused:
            if name in usual and field != "block_size":
                used = f"{field} is {shown(plan.columns[field])}" if field in plan.columns else f"no {field} is read"
                yield f"column {shown(name)} is not used: {used}"
