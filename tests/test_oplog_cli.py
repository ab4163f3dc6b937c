"""`paged-sim ops` as a user sees it: exit codes, every form of output, figures."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from paged_sim.cli import main
from paged_sim.oplog.replay import replay_log
from paged_sim.reports.plots.blocks_in_use import draw_blocks_in_use

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
OURS, THEIRS = str(EXAMPLES / "paged.ops.jsonl"), str(EXAMPLES / "recorded.ops.jsonl")
EVENTS = str(EXAMPLES / "kv-events.jsonl")
RECORDED = Path(__file__).parent / "data" / "vllm_parity" / "plain_off.ops.jsonl.gz"
CONTRADICTS = "a part of it is missing, or the engine's pool is broken"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    """Standard output and standard error of a command that exits with `code`."""
    assert main(["ops", *arguments]) == code
    said = capsys.readouterr()
    return said.out, said.err


@pytest.mark.parametrize(("second", "code"), [(OURS, 0), (THEIRS, 1), (EVENTS, 2), ("nowhere.jsonl", 2)])
def test_diff_exits_like_diff(second: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "diff", OURS, second, code=code)
    assert bool(out) == (code < 2)
    assert err.count("\n") == (code == 2)


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_is_read_once(packed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """As in `paged-sim ops diff <(ssh host cat a.ops.jsonl) b.ops.jsonl`."""
    content = Path(OURS).read_bytes()
    for command in (("diff", OURS), ("replay",)):
        reading, writing = os.pipe()
        os.write(writing, gzip.compress(content) if packed else content)
        os.close(writing)
        assert "a2455ba3b1b699c85d" in printed(capsys, command[0], f"/dev/fd/{reading}", *command[1:])[0]
        os.close(reading)


def test_the_json_of_diff(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "diff", OURS, THEIRS, "--format", "json", "--context", "1", code=1)[0])
    assert found["identical"] is False
    assert found["parting"] == {"operation": 5, "step": 3, "position": 0, "blocks": [9, 7], "requests": [0, None]}
    assert found["before"] == [{"line": 4, "step": 2, "kind": "F", "blocks": [9, 8, 7], "request": 1}]
    assert [log["operations"] for log in found["logs"]] == [9, 9]
    assert [line["blocks"] for line in found["logs"][1]["after"]] == [[7], [1, 2]]
    same = json.loads(printed(capsys, "diff", OURS, OURS, "--format", "json")[0])
    assert (same["identical"], same["parting"]) == (True, None)


def test_results_go_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "diff.txt")
    assert printed(capsys, "diff", OURS, THEIRS, "-o", target, code=1) == ("", "")
    assert Path(target).read_text() == printed(capsys, "diff", OURS, THEIRS, code=1)[0]
    assert "there is no folder" in printed(capsys, "replay", OURS, "-o", str(tmp_path / "no" / "x"), code=2)[1]


def test_the_json_of_replay(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "replay", OURS, "--pages", "12", "--format", "json")[0])
    log = found["logs"][0]
    assert (found["version"], found["pages"], log["format"], log["begin"]) == (1, 12, "operations", 0)
    assert log["in_use"] == {
        "mean": 60 / 7,
        "peak": 9,
        "peak_at": 1.0,
        "end": 0,
        "mean_share": 5 / 7,
        "peak_share": 0.75,
    }
    assert log["timeline"]["begin"] == [0, 1, 2, 3, 4, 5, 6]
    assert log["timeline"]["in_use"]["mean"] == [8, 9, 9, 9, 9, 9, 7]
    assert log["contradictions"] == {"count": 0, "first": []}


def test_the_csv_of_replay_has_a_row_per_file(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, "replay", OURS, THEIRS, EVENTS, "--format", "csv", code=1)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["path"] for row in rows] == [OURS, THEIRS, EVENTS]
    assert [row["in_use.peak"] for row in rows] == ["9", "9", ""]
    assert [row["contradictions"] for row in rows] == ["0", "0", "1"]
    assert "timeline" not in out


def test_a_log_that_contradicts_itself_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "late.jsonl"
    log.write_text('[5,"F",[14,13,12,11,10,9,8,7,6,5,4,3]]\n')
    out, err = printed(capsys, "replay", str(log), EVENTS, code=1)
    assert "Contradictions: 12\n" in out
    # The path may be wrapped anywhere.
    assert f"{log}:1: step 5: block 14 is freed, but was never allocated".replace(" ", "") in "".join(out.split())
    assert "and 2 more\n" in out
    assert err == (
        f"paged-sim: error: the log contradicts itself: {log} in 12 places, {EVENTS} in 1 place; {CONTRADICTS}\n"
    )


def test_a_pool_that_is_too_small_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "replay", OURS, "--pages", "8", code=2)
    assert (out, err) == (
        "",
        f"paged-sim: error: --pages 8: {OURS} has 9 blocks at once; give the size of its pool\n",
    )


def test_events_without_times_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(Path(__file__).parent / "data" / "oplog" / "event_arrays.jsonl")
    out, _ = printed(capsys, "replay", path, code=1)
    assert "5 lines of KV events. The events carry no times" in out
    assert "line 4: block 0b31 is removed, but is not stored" in " ".join(out.split())


def test_tables_fit_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "wide.ops.jsonl"
    lines = [[10**9 * step, "TA"[step % 2], list(range(step % 2, 90, 2)), step] for step in range(1, 30)]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for arguments, code in (("replay", str(log), "--pages", "1000000"), 1), (("diff", str(log), OURS), 1):
        out, _ = printed(capsys, *arguments, code=code)
        assert max(map(len, out.splitlines())) <= 80


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert "| in use | 8.57 | 9 | 1 | 0 |" in printed(capsys, "replay", OURS, "--format", "markdown")[0]
    assert (
        "| A | 5 | 3 | allocated | 0 | [9] |"
        in printed(capsys, "diff", OURS, THEIRS, "--format", "markdown", code=1)[0]
    )


def test_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two files of one name get a figure each, and the same log gives the same bytes."""
    printed(capsys, "replay", OURS, OURS, EVENTS, "--plot", str(tmp_path / "figures"), code=1)
    stems = ("kv-events", "paged", "paged-2")
    names = sorted(f"{stem}-blocks-in-use.{suffix}" for stem in stems for suffix in ("png", "svg"))
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == names
    content = [(tmp_path / "figures" / f"paged{number}-blocks-in-use.png").read_bytes() for number in ("", "-2")]
    assert content[0] == content[1]


def labels_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_what_a_figure_shows() -> None:
    figure = draw_blocks_in_use(replay_log(Path(OURS)), 12)
    assert labels_of(figure) == ["in use", "cached", "pool of 12"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("step", "blocks")
    uncached = draw_blocks_in_use(replay_log(RECORDED), None)
    assert labels_of(uncached) == ["in use"]
    events = draw_blocks_in_use(replay_log(Path(EVENTS)), None)
    assert (labels_of(events), events.axes[0].get_xlabel()) == (["cached"], "time (s)")
