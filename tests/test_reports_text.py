"""The reports of a hand-made run as text, Markdown, CSV and JSON: golden text, widths, and what each part says."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_reports_sample import LEDGERS, document, summary

from paged_sim.reports import FORMATS, Screen
from paged_sim.reports.as_json import to_json
from paged_sim.reports.blocks import Bars, Grid, bar_cells
from paged_sim.reports.listing import grid_of
from paged_sim.reports.numbers import amount, count, flatten, percent, signed
from paged_sim.reports.palette import ASCII, LOOKS
from paged_sim.reports.text import column_groups, render_text
from paged_sim.result import value_at
from paged_sim.run import ACCOUNTS

GOLDEN = Path(__file__).parent / "data" / "reports"
VERDICTS = [
    {"path": "vllm.fill.mean", "expression": ">= 0.95", "value": 0.98, "passed": True, "where": "s.yaml:9"},
    {"path": "orca-max.batch.mean", "expression": "8 +- 0", "value": 7.0, "passed": False, "where": "s.yaml:10"},
]


def table(sample: dict[str, Any], screen: Screen | None = None) -> str:
    return FORMATS["table"]([sample], screen or Screen())


@pytest.mark.parametrize(
    ("name", "shape", "screen"),
    [
        ("run-80.txt", "table", Screen()),
        ("run-40.txt", "table", Screen(40)),
        ("run-full.txt", "table", Screen(full=True)),
        ("run.md", "markdown", Screen()),
        ("run.csv", "csv", Screen()),
    ],
)
def test_the_report_is_the_golden_one(name: str, shape: str, screen: Screen) -> None:
    """Set PAGED_SIM_WRITE_GOLDEN=1 to write the golden files anew; then read the difference."""
    text = FORMATS[shape]([document(checks=VERDICTS)], screen)
    if os.environ.get("PAGED_SIM_WRITE_GOLDEN"):
        (GOLDEN / name).write_text(text, "utf-8")
    assert text == (GOLDEN / name).read_text("utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(map(len, table(document(checks=VERDICTS), Screen(width)).splitlines())) <= width


def test_colour_changes_nothing_but_escapes() -> None:
    import re

    coloured = table(document(), Screen(colour=True))
    bare = "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines())
    assert "\x1b[" in coloured
    assert bare == table(document()).rstrip("\n")


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = table(document())
    for name, value in {"COLUMNS": "33", "FORCE_COLOR": "1", "TERM": "xterm", "TTY_COMPATIBLE": "1"}.items():
        monkeypatch.setenv(name, value)
    assert table(document()) == before


def test_several_runs_follow_one_another() -> None:
    one, two = document("vllm"), document("orca-max")
    assert FORMATS["table"]([one, two], Screen()) == f"{table(one)}\n\n{table(two)}"
    assert [part["version"] for part in json.loads(FORMATS["json"]([one, two], Screen()))] == [1, 1]
    assert json.loads(FORMATS["json"]([one], Screen())) == one


def test_csv_has_a_row_per_policy_and_a_column_per_number() -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"]([document()], Screen()))))
    assert [row["name"] for row in rows] == list(LEDGERS)
    assert float(rows[2]["ledger.saturated.token_state.mean"]) == 0.9619
    assert rows[0]["capacity.pages"] == ""
    assert rows[0]["seeds"] == "42"


def test_json_refuses_numbers_that_are_none() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json({"mean": float("nan")})


def test_spread_is_shown_beside_means() -> None:
    sample = document("vllm")
    sample["runs"][0]["seeds"] = [42, 43]
    spreads = {"batch.saturated.mean": 0.7, "occupancy.saturated.mean": 0.0011, "fill.saturated.mean": None}
    sample["runs"][0]["spread"] = spreads
    text = table(sample)
    assert "34.30 ±0.70" in text
    assert "96.2% ±0.1" in text
    assert "seeds 42..43: mean ±standard deviation; counts are sums over them" in " ".join(text.split())


def test_all_policies_are_shown_over_the_same_steps() -> None:
    sample = document("vllm", "orca-max")
    assert "on the steps on which a request waits" in table(sample)
    sample["runs"][0]["over"] = "all"
    text = table(sample)
    assert "Sequences held and use of memory, over all steps" in text
    # 7.00 sequences are held on the steps on which a request waits, 6.30 over all of them.
    assert next(line for line in text.splitlines() if line.startswith("orca-max")).split()[1] == "6.30"


def test_with_arrivals_in_time_the_tables_are_about_what_requests_felt() -> None:
    sample = document("vllm", "orca-max")
    for run in sample["runs"]:
        run["time"] = {"end": 711.2, "last_arrival": 650.0, "unit": "s"}
    text = table(sample)
    assert "What requests felt, over the whole run, in seconds" in text
    assert "Share of the time in which a request waits, and for what" in text
    assert "on the steps on which" not in text
    row = next(line for line in text.splitlines() if line.startswith("orca-max  ")).split()
    assert row == ["orca-max", "3,998", "2", "0.10", "34", "711", "900", "2,700", "1,240", "3,720"]


def test_a_full_report_has_every_table() -> None:
    sample = document("vllm", "orca-max")
    short, full = table(sample), table(sample, Screen(full=True))
    for title in (
        "From arrival until a request is …",
        "Preemptions by cause",
        "Refused requests",
        "Paper view",
        "Arena",
    ):
        assert title not in short
        assert title in full


def test_the_paper_view_is_shown_where_there_are_published_numbers() -> None:
    sample = document("orca-max")
    sample["scenario"]["checks"] = {"orca-max.paper_view.internal": "0.573 +- 0.02"}
    assert "Paper view" in table(sample)


def test_headers_are_broken_only_where_there_is_no_room() -> None:
    grid = Grid("", ("policy", "occu-\npancy", "held\nmean"), (("a", "1.0%", "2.00"),))
    assert render_text([grid], Screen()).splitlines()[0] == "policy  occupancy  held mean"
    broken = Grid("", (*grid.header, *("fill at\nfinish" for _ in range(6))), (("a", *("99.0%" for _ in range(8))),))
    assert render_text([broken], Screen()).splitlines()[1].startswith("policy  occupancy   mean   finish")
    narrow = Grid("", (*grid.header, *("fill at\nfinish" for _ in range(7))), (("a", *("99.0%" for _ in range(9))),))
    assert "occu-" in render_text([narrow], Screen())


def test_spreads_give_way_before_a_table_is_cut() -> None:
    header = ("policy", *(f"n{number}" for number in range(6)))
    row = ("a", *("100.25 ±10.50" for _ in range(6)))
    (line,) = render_text([Grid("", header, (row,), spreads=True)], Screen()).splitlines()[2:]
    assert line.split() == ["a", *["100.25"] * 3, *["100.25", "±10.50"] * 3]
    hyphened = Grid("", ("policy", "occu-\npancy", *header[2:]), (row,), spreads=True)
    assert "occupancy" in render_text([hyphened], Screen())
    assert render_text([Grid("", header, (row,), spreads=True)], Screen(full=True)).count("±") == 6
    assert render_text([Grid("", header, (row,))], Screen()).count("±") == 6


def test_long_names_of_rows_are_broken_and_not_cut() -> None:
    name = "a-policy-with-a-very-long-name-that-tells-what-it-does"
    lines = render_text([Grid("", ("policy", "steps"), ((name, "1"),))], Screen()).splitlines()[2:]
    assert "".join(line.split()[0] for line in lines) == name


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("none", "bookkeeping only, no memory was written"),
        ("full", "every token is written at its real size, 800 KiB a slot"),
        ("tag", "8 B a slot is really written"),
        ("64", "64 B a slot is really written"),
    ],
)
def test_the_payload_is_named(payload: str, expected: str) -> None:
    sample = document("vllm")
    sample["runs"][0]["arena"]["payload"] = payload
    assert expected in " ".join(table(sample, Screen(full=True)).split())


def test_corruption_is_shown() -> None:
    sample = document("vllm")
    sample["runs"][0]["arena"].update(corrupt=3, first_corrupt={"slot": 7, "generation": 1, "position": 9})
    assert "CORRUPT: vllm: slot 7, generation 1, position 9" in table(sample)


def test_parts_with_nothing_to_say_are_left_out() -> None:
    sample = document("orca-max")
    sample["runs"][0].update(refusals=[], notes=[])
    text = table(sample, Screen(full=True))
    for part in ("Refused", "Preemptions by", "Note", "Checks", "at step"):
        assert part not in text


def test_a_note_of_one_policy_names_it() -> None:
    sample = document()
    sample["runs"][2]["notes"].append("pages are warm")
    text = table(sample)
    assert "Note (vllm): pages are warm" in text
    assert text.count("CuPy is not installed") == 1


def test_the_ledger_at_a_step() -> None:
    row = {"step": 12.0, "time": 12.0, "batch": 5.0, "waiting": 3.0, "held": 100.0, "token_state": 100.0, "short": 2.0}
    sample = document("vllm", "orca-max")
    sample["runs"][0]["at_step"] = row
    sample["runs"][1]["at_step"] = None
    text = table(sample)
    assert "The ledger at step 12, in slots" in text
    assert "100 (78.12 MiB)" in text
    sample["runs"][0]["at_step"] = None
    assert "No policy ran as long as the step asked for." in table(sample)


def test_both_bookings_of_rounding() -> None:
    text = table(document("orca-pow2"), Screen(full=True))
    row = next(line for line in text.splitlines() if line.startswith("orca-pow2  saturated"))
    assert row.split()[2:] == ["27.1%", "17.4%", "14.5%", "41.0%", "43.5%", "12.0%"]


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(lambda shares: sum(shares) > 0),
    st.integers(10, 200),
)
def test_bars_are_cut_exactly(weights: list[float], width: int) -> None:
    total = sum(weights)
    shares = [(name, weight / total) for name, weight in zip(ACCOUNTS, weights, strict=False)]
    cells = bar_cells(shares, width)
    assert sum(number for _, number in cells) == width
    assert all(abs(number - share * width) <= 1 for (_, number), (_, share) in zip(cells, shares, strict=True))


def test_bars_of_long_names_are_cut() -> None:
    bars = Bars("bars", (("a-policy-with-a-very-long-name", (("token_state", 1.0),)),))
    lines = render_text([bars], Screen(40)).splitlines()
    assert lines[1].startswith("a-policy-wit… ████")
    assert len(lines[1]) == 40


@given(st.integers(1, 12), st.integers(1, 30), st.integers(40, 120))
def test_wide_grids_are_cut_by_columns(columns: int, cell: int, width: int) -> None:
    header = ("name", *(f"c{number}" for number in range(columns)))
    grid = Grid("wide", header, (("row", *("9" * cell for _ in range(columns))),))
    groups = column_groups(grid, width)
    assert all(group[0] == 0 for group in groups)
    assert [column for group in groups for column in group[1:]] == list(range(1, columns + 1))
    assert max(map(len, render_text([grid], Screen(width)).splitlines())) <= width


def test_every_account_has_its_own_look() -> None:
    assert tuple(LOOKS) == ACCOUNTS
    for field in ("label", "colour", "glyph"):
        assert len({getattr(look, field) for look in LOOKS.values()}) == len(ACCOUNTS)
    plain = [look.glyph.translate(ASCII) for look in LOOKS.values()]
    assert all(glyph.isascii() for glyph in plain)
    assert len(set(plain)) == len(plain)


def test_markdown_escapes() -> None:
    text = FORMATS["markdown"]([{**document("vllm"), "scenario": {"name": "a|b <c>"}}], Screen())
    assert text.startswith("## a\\|b &lt;c>")


def test_grids_leave_out_empty_columns() -> None:
    grid = grid_of("t", [{"a": "1", "b": "", "c": "x"}], prose=("c", "b"))
    assert grid.header == ("a", "c")
    assert grid.prose == {1}
    assert grid_of("t", []).rows == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (17, "17 B"),
        (819_200, "800 KiB"),
        (12 * 2**30 - 500_000, "12 GiB"),
        (1.5 * 2**20, "1.50 MiB"),
    ],
)
def test_amounts_of_bytes(value: float | None, text: str) -> None:
    assert amount(value) == text


def test_numbers() -> None:
    assert (percent(None), percent(0.12345)) == ("-", "12.3%")
    assert (count(None), count(1_234_567)) == ("-", "1,234,567")
    assert (signed(-0.04), signed(1.25), signed(-3)) == ("0.0", "+1.2", "-3.0")
    assert value_at({"a": {"b": 1}}, "a.b") == 1
    assert value_at({"a": 3}, "a.b.c") is None
    assert flatten({"a": [1, 2], "b": [{"c": 1}], "d": {"e": None}}) == {"a": "1 2", "d.e": None}


def test_the_summary_helper_replaces_whole_keys() -> None:
    assert summary("vllm", over="all")["over"] == "all"
