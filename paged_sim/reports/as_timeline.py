"""The timelines of runs as one CSV: a row per kept step and policy."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from paged_sim.run import Run


def as_timeline(runs: Sequence[Run]) -> str:
    """Columns scenario, policy and those of the timelines (slots, sequences, seconds), in order of steps.

    A column that a run saved by another version does not have is empty in its rows.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = list(dict.fromkeys(name for run in runs for part in run.policies for name in part.timeline.columns))
    writer.writerow(["scenario", "policy", *header])
    for run in runs:
        for part in run.policies:
            columns = part.timeline.columns
            cells = [_cells(columns[name]) if name in columns else repeat("", len(columns["step"])) for name in header]
            for row in zip(*cells, strict=True):
                writer.writerow([run.scenario["name"], part.summary["name"], *row])
    return text.getvalue()


def _cells(column: npt.NDArray[np.float64]) -> list[str]:
    return [f"{value:.12g}" for value in column.tolist()]
