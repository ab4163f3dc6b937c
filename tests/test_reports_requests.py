"""The CSV of requests: its columns, and numbers that read back the same."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from paged_sim.reports import as_requests
from paged_sim.reports.as_requests import COLUMNS, write_requests
from paged_sim.run import PolicyRun, Run, Timeline

TIMES = ("arrival", "admitted", "first_token", "finished", "waited")


def written(count: int, name: str = "p", **changes: Any) -> str:
    columns: dict[str, Any] = {column: np.arange(count) for column in COLUMNS}
    columns |= {column: np.random.default_rng(3).random(count) * 1e3 for column in TIMES}
    columns |= {"refused": np.array([""] * count, object), **changes}
    pieces: list[str] = []
    write_requests([Run({"name": "s"}, (PolicyRun({"name": name}, Timeline({}), columns),))], pieces.append)
    return "".join(pieces)


@pytest.mark.parametrize("at_once", [3, 7, 1 << 14])
def test_numbers_read_back_the_same_however_many_rows_at_once(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(7)
    monkeypatch.setattr(as_requests, "_ROWS_AT_ONCE", at_once)
    text = written(7)
    assert text == whole
    rows = list(csv.DictReader(text.splitlines()))
    assert tuple(rows[0]) == ("scenario", "policy", *COLUMNS)
    assert [float(row["arrival"]) for row in rows] == (np.random.default_rng(3).random(7) * 1e3).tolist()
    assert [row["request"] for row in rows] == [str(number) for number in range(7)]


def test_what_never_came_is_empty_and_a_reason_is_quoted() -> None:
    reason = np.array(['too long, for "all"'], object)
    (row,) = csv.DictReader(written(1, "a,b", finished=np.array([np.nan]), refused=reason).splitlines())
    assert (row["policy"], row["finished"], row["refused"]) == ("a,b", "", reason[0])


def test_no_request_no_row() -> None:
    assert written(0).count("\n") == 1
