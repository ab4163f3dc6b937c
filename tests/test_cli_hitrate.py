"""`paged-sim hitrate`: every form of output, figures, and mistakes as one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from paged_sim.cli import main
from paged_sim.cli.output import file_stems
from paged_sim.hitrate.definitions import DEFINITIONS
from paged_sim.hitrate.measure import hit_rates
from paged_sim.hitrate.policies import POLICIES
from paged_sim.reports.plots.hit_rate import draw_hit_rate

SAMPLES = Path(__file__).parent / "data" / "traces"
SAMPLE = SAMPLES / "mooncake.jsonl"


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["hitrate", *map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_the_table_of_one_trace(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, SAMPLE, "--capacity", "3,50%", "--hits", "tokens")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "━━ mooncake.jsonl: prefix-cache hit rates"
    assert "Hit rate (tokens): prompt tokens in blocks that hit / all prompt tokens." in " ".join(lines)
    assert "bound" not in text
    rows = [line.split() for line in lines if line.startswith(("3 ", "50%", "infinite"))]
    assert [row[:3] for row in rows] == [["3", "3", "50.0%"], ["50%", "3", "50.0%"], ["infinite", "6", "100.0%"]]
    assert rows[2][3:] == ["58.67%"] * 4


def test_the_tables_of_several_traces(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, SAMPLE, SAMPLE, "--capacity", "3", "--policy", "belady,lru")
    assert max(map(len, text.splitlines())) <= 80
    rows = [line.split() for line in text.splitlines() if line.startswith(("mooncake.jsonl", "all "))]
    assert rows[0] == ["mooncake.jsonl", "4", "12", "6", "50.00%"]
    assert rows[2] == ["all", "8", "24", "12", "50.00%"]
    assert [row[1] for row in rows[3:]] == ["33.33%"] * 3 + ["41.67%"] * 6
    assert "lru reaches" not in text


def test_notes_follow_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, SAMPLE, "--policy", "lru")
    assert "belady" not in text
    assert "lru reaches 50% with 3 blocks (50.0%)" in " ".join(text.split())
    assert "lru reaches" not in output_of(capsys, SAMPLE, "--policy", "fifo")
    assert "bound" not in output_of(capsys, SAMPLE, SAMPLE, "--policy", "lru", "--capacity", "2")


def test_json_has_all(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(output_of(capsys, SAMPLE, "--capacity", "3", "--format", "json"))
    assert (data["version"], data["hits"], data["definition"]) == (1, "blocks", DEFINITIONS["blocks"])
    assert data["policies"] == list(POLICIES)
    assert data["together"] is None
    trace = data["traces"][0]
    assert trace["points"][0]["rates"] == pytest.approx(
        {"lru": 4 / 12, "lfu": 4 / 12, "fifo": 3 / 12, "belady": 5 / 12}, abs=1e-12
    )
    assert trace["points"][0]["bound"] == pytest.approx(5 / 12)
    assert list(trace["curves"]) == ["lru"]
    assert trace["lru_needs"] == {"0.5": 3, "0.9": 5, "0.99": 5}


def test_csv_has_a_row_per_trace_and_capacity(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, SAMPLE, SAMPLE, "--capacity", "1k,3", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["trace", "hits", "capacity", "blocks", "share", *POLICIES, "bound"]
    assert [row["trace"] for row in rows] == ["mooncake.jsonl"] * 6 + ["all"] * 3
    assert [(row["capacity"], row["blocks"]) for row in rows[6:]] == [("1,000", "12"), ("3", "6"), ("infinite", "12")]


def test_csv_without_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, SAMPLE, "--capacity", "3", "--format", "csv", "--policy", "lru")
    assert text.splitlines()[0] == "trace,hits,capacity,blocks,share,lru"


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, SAMPLE, "--capacity", "3", "--format", "markdown")
    assert "| capacity | blocks | of all | lru | lfu | fifo | belady | bound |" in text


def test_figures_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, folder = tmp_path / "out.txt", tmp_path / "figures"
    assert output_of(capsys, SAMPLE, SAMPLE, "-o", target, "--plot", folder, "--quiet", "--capacity", "2") == ""
    assert target.read_text().startswith("━━ 2 traces")
    assert sorted(path.name for path in folder.iterdir()) == [
        f"mooncake.jsonl{number}-hit-rate.{suffix}" for number in ("-2", "") for suffix in ("png", "svg")
    ]
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    output_of(capsys, SAMPLE, SAMPLE, "-o", target, "--plot", folder, "--capacity", "2")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.parametrize(("hits", "lines"), [("blocks", 4 + 4 + 2), ("requests", 4 + 4 + 1)])
def test_what_a_figure_shows(hits: str, lines: int) -> None:
    """A curve and the dots of each policy, the bound, and the line at the number of blocks."""
    rates = hit_rates([SAMPLE], hits=hits, curves=True, capacities="2")
    axes = draw_hit_rate(rates, rates.traces[0]).axes[0]
    assert len(axes.lines) == lines
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "capacity (blocks of 512 tokens)"
    assert axes.get_ylabel() == f"hit rate (%, {hits})"
    assert axes.get_xlim()[0] < 2
    assert axes.get_xlim()[1] > 6


def test_names_of_files() -> None:
    assert file_stems(["a b", "a/b", "c"]) == ["a_b", "a_b-2", "c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SAMPLES / "azure.csv"], "azure.csv: no block ids"),
        ([SAMPLE, "--capacity", "many"], "--capacity: 'many' is no capacity"),
        ([SAMPLE, "--policy", "lfru"], "--policy: unknown policy 'lfru'; did you mean"),
        ([SAMPLE, "--hits", "pages"], "'pages' is not one of"),
        ([SAMPLE, "--trace-format", "moon"], "unknown trace format 'moon'"),
        ([SAMPLE, "--plot", SAMPLE], "a file; give a folder"),
        ([SAMPLES / "nothing"], "nothing"),
        ([], "Missing argument 'TRACE...'"),
    ],
)
def test_mistakes(arguments: list[str | Path], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hitrate", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_compiled_or_not_the_output_is_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for wish in ("never", "always"):
        monkeypatch.setenv("PAGED_SIM_COMPILE", wish)
        shown.append(output_of(capsys, SAMPLE, "--format", "json", "--capacity", "2,3,50%"))
    assert shown[0] == shown[1]
