"""The timelines of runs as one CSV: a row per kept step and policy."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paged_sim.run import Run


def as_timeline(runs: Sequence[Run]) -> str:
    """Columns scenario, policy and those of the timeline (slots, sequences, seconds), in order of steps."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = list(runs[0].policies[0].timeline.columns)
    writer.writerow(["scenario", "policy", *header])
    for run in runs:
        for part in run.policies:
            columns = [part.timeline.columns[name].tolist() for name in header]
            for row in zip(*columns, strict=True):
                writer.writerow([run.scenario["name"], part.summary["name"], *(f"{value:.12g}" for value in row)])
    return text.getvalue()
