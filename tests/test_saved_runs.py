"""Saved runs: everything that a run shows can be shown again, and a file that is none says so in one line."""

from __future__ import annotations

import base64
import io
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from paged_sim import Run, load_scenario, simulate
from paged_sim.cli import main
from paged_sim.errors import PagedSimError
from paged_sim.packed import DamagedError, packed, unpacked
from paged_sim.run import load_runs


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved run, and all that the run itself wrote beside it."""
    folder = tmp_path_factory.mktemp("saved")
    outputs = ["run.json", "run.txt", "run.md", "run.csv"]
    arguments = [part for name in outputs for part in ("-o", str(folder / name))]
    more = ["--plot", str(folder / "plots"), "--timeline", str(folder / "timeline.csv"), "--step", "3"]
    assert main(["run", "refusals", "seed-section2", "--set", "repeats=2", *arguments, *more]) == 0
    return folder


def document_of(saved: Path) -> Any:
    return json.loads((saved / "run.json").read_text("utf-8"))[0]


def report(document: Any, folder: Path, *arguments: str) -> int:
    """Report on what somebody made of a saved run."""
    (folder / "made.json").write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return main(["report", str(folder / "made.json"), *arguments])


def test_shown_again_byte_for_byte(saved: Path, tmp_path: Path) -> None:
    outputs = ["run.json", "run.txt", "run.md", "run.csv"]
    arguments = [part for name in outputs for part in ("-o", str(tmp_path / name))]
    more = ["--plot", str(tmp_path / "plots"), "--timeline", str(tmp_path / "timeline.csv")]
    assert main(["report", str(saved / "run.json"), *arguments, *more]) == 0
    names = sorted(path.relative_to(saved) for path in saved.rglob("*.*"))
    assert names == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert len(names) == 5 + 2 * 6
    for name in names:
        assert (saved / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_every_table_is_there_again(tmp_path: Path) -> None:
    again, full, short = tmp_path / "again.md", tmp_path / "full.md", tmp_path / "short.md"
    assert main(["run", "refusals", "--full", "-o", str(full), "-o", str(tmp_path / "run.json")]) == 0
    assert main(["report", str(tmp_path / "run.json"), "--full", "-o", str(again)]) == 0
    assert main(["report", str(tmp_path / "run.json"), "-o", str(short)]) == 0
    assert again.read_text() == full.read_text() != short.read_text()


def test_what_goes_to_standard_output_can_be_reported(
    saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run", "seed-section2", "--format", "json"]) == 0
    text = capsys.readouterr().out
    assert list(json.loads(text))[-1] == "timelines"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["report", "-", "--timeline", "-"]) == 0
    shown = capsys.readouterr().out.splitlines()
    kept = [line for line in (saved / "timeline.csv").read_text().splitlines() if "section2" in line]
    assert shown[1:] == kept


def test_in_python(tmp_path: Path) -> None:
    run = simulate(load_scenario("seed-section2"), maps=True)
    run.save(tmp_path / "run.json")
    again = Run.load(tmp_path / "run.json")
    assert again.to_json(timelines=True) == run.to_json(timelines=True)
    for before, after in zip(run.policies, again.policies, strict=True):
        assert list(before.timeline.columns) == list(after.timeline.columns)
        for name, column in before.timeline.columns.items():
            assert_same(column, after.timeline.columns[name])
        assert_same(before.timeline.memory_map, after.timeline.memory_map)
        assert_same(before.timeline.map_steps, after.timeline.map_steps)
        assert_same(before.timeline.map_times, after.timeline.map_times)
        assert before.timeline.map_accounts == after.timeline.map_accounts
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "run.json").read_bytes()


def test_a_baseline_is_a_saved_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tmp_path / "base.json"
    assert main(["check", "seed-section2", "--save-baseline", str(base)]) == 0
    capsys.readouterr()
    assert main(["report", str(base), "--plot", str(tmp_path / "p")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("━━ seed-section2")
    assert "no memory map was saved of seed-section2, so none is drawn; save one with `paged-sim run" in err
    figures = {path.stem for path in (tmp_path / "p").iterdir()}
    assert figures >= {"seed-section2-ledger", "seed-section2-over-time"}
    assert "seed-section2-memory-map" not in figures


def test_a_run_saved_without_timelines(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = document_of(saved)
    del document["timelines"]
    assert report(document, tmp_path) == 0
    assert capsys.readouterr().out.startswith("━━ refusals")
    assert report(document, tmp_path, "--plot", str(tmp_path / "p"), "-o", str(tmp_path / "x")) == 2
    err = capsys.readouterr().err
    assert "made.json: holds no timelines of refusals to draw or to write; save one with `paged-sim run SCENARIO" in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["made.json"]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_saved_run_is_no_scenario(command: str, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved / "run.json"
    assert main([command, str(path)]) == 2
    message = f"paged-sim: error: {path}: a saved run, and no scenario; show it with `paged-sim report {path}`\n"
    assert capsys.readouterr().err == message


def test_several_runs_are_no_single_one(saved: Path) -> None:
    assert [run.scenario["name"] for run in load_runs(saved / "run.json")] == ["refusals", "seed-section2"]
    with pytest.raises(PagedSimError, match="holds 2 runs; load a file of one"):
        Run.load(saved / "run.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "made.json:1:1: not JSON"),
        (
            "name: x\n",
            "not JSON (Expecting value), so no saved run; save one with `paged-sim run SCENARIO -o RUN.json`",
        ),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "no saved run"),
        (
            '{"version": 1, "runs": []}',
            "made.json: runs: it is empty; it is damaged: run the scenario again and save it anew",
        ),
        ('{"version": 1, "runs": [{}]}', "made.json: runs[0].over: it is missing"),
        ('{"version": true, "runs": []}', "made.json: version: a whole number was expected, not true"),
        ('{"version": 2, "runs": []}', "a run of version 2"),
    ],
)
def test_what_is_no_saved_run(content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(content, tmp_path) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_truncated_file(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (saved / "run.json").read_text("utf-8")
    for share in (0.1, 0.5, 0.999):
        assert report(text[: int(share * len(text))], tmp_path) == 2
        err = capsys.readouterr().err
        assert "not JSON" in err
        assert err.count("\n") == 1


ZERO = dict.fromkeys(("mean", "peak", "p50", "p99"), 0.0)
STEP = ("timelines", "paged", "columns", "step")
SHORT = base64.b64encode(zlib.compress(b"\1\2")).decode()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("runs", 0, "batch"), {}, "runs[0].batch.mean: it is missing"),
        (("runs", 0, "batch", "mean"), "x", 'runs[0].batch.mean: a number was expected, not "x"'),
        (
            ("runs", 0, "batch", "mean"),
            float("nan"),
            "runs[0].batch.mean: a number from 0 to 2^63 was expected, not NaN",
        ),
        (("runs", 0, "steps"), -1, "runs[0].steps: a whole number from 0 to 2^63 was expected, not -1"),
        (("runs", 0, "steps"), 10**400, "runs[0].steps: a whole number from 0 to 2^63 was expected, not 1000"),
        (("runs", 0, "steps"), 1.5, "runs[0].steps: a whole number was expected, not 1.5"),
        (("runs", 0, "seeds"), [], "runs[0].seeds: it is empty"),
        (("runs", 0, "seeds", 0), True, "runs[0].seeds[0]: a whole number was expected, not true"),
        (("runs", 0, "over"), "some", 'runs[0].over: saturated or all was expected, not "some"'),
        (("runs", 0, "ledger"), 5, "runs[0].ledger: an object was expected, not 5"),
        (("runs", 0, "ledger", "all"), {}, "runs[0].ledger.all: it has no accounts"),
        (("runs", 0, "ledger", "all", "token_state"), ZERO, "runs[0].ledger.all: the means of the accounts sum to 0."),
        (("runs", 0, "capacity", "bytes"), 0, "runs[0].capacity.bytes: a number above 0 was expected, not 0"),
        (("runs", 0, "arena", "payload"), "x", "runs[0].arena.payload: none, tag, full or a number of bytes"),
        (("runs", 0, "at_step"), {}, "runs[0].at_step: step is missing"),
        (("runs", 0, "later\n"), float("inf"), 'runs[0]["later\\n"]: a number was expected, not Infinity'),
        (("runs", 0, "notes"), ["\ud800"], "runs[0].notes[0]: a text was expected that UTF-8 can write"),
        (("runs", 1, "name"), "paged", "runs: two are called paged"),
        (("scenario", "allocators"), [1], "scenario.allocators[0]: an object was expected, not 1"),
        (("timelines",), [], "timelines: an object was expected, not []"),
        (("timelines", "paged"), 3, "the timeline of paged is damaged: 3 is no packed array"),
        (("timelines", "paged"), [], "the timeline of paged is damaged: it is no object"),
        (("timelines", "paged", "columns"), {}, "holds no timelines"),
        (("timelines", "paged", "map_steps"), packed(np.arange(3)), "its memory map and the steps, times or accounts"),
        (("timelines", "paged", "map_times"), packed(np.arange(3)), "its memory map and the steps, times or accounts"),
        (("timelines", "paged", "map_accounts"), ["tail"], "its memory map and the steps, times or accounts"),
        (("timelines", "paged", "memory_map"), packed(np.ones((2, 2))), "memory_map holds no numbers"),
        (
            ("timelines", "paged", "memory_map"),
            packed(np.zeros((2, 2, 2), np.int64)),
            "its memory map and the steps, times",
        ),
        (("timelines", "paged", "map_accounts"), ["tail", "head"], "map_accounts holds what is no account"),
        (("timelines", "paged", "map_times"), packed(np.array([3.0, 1.0])), "map_times goes back in time"),
        (("timelines", "paged", "columns"), 3, "3 is no packed array"),
        (("timelines", "paged", "columns"), ["x"], "columns is no object"),
        (("timelines", "paged", "columns"), {"step": packed(np.zeros(3))}, "columns.time is missing"),
        (STEP, packed(np.arange(3)), "its columns differ in length"),
        (STEP, packed(np.array([0.0, np.nan])), "columns.step holds what is no number from 0 on"),
        (STEP, packed(np.array([0.0, -1.0])), "columns.step holds what is no number from 0 on"),
        (STEP, {"dtype": "|S2", "shape": [1], "stored": "|S2", "data": SHORT}, "columns.step holds no numbers"),
        (STEP, packed(np.zeros((2, 2))), "columns.step holds no numbers"),
        ((*STEP, "data"), "?", "a packed array cannot be read"),
        ((*STEP, "data"), "", "a packed array cannot be read"),
        ((*STEP, "data"), SHORT, "does not hold"),
        ((*STEP, "data"), base64.b64encode(zlib.compress(bytes(1 << 20))).decode(), "does not hold"),
        ((*STEP, "stored"), "O", "no array of"),
        ((*STEP, "stored"), "x9", "a packed array cannot be read"),
        ((*STEP, "shape"), [1 << 60], "no array of"),
        ((*STEP, "shape"), [-1], "no array of"),
        ((*STEP, "shape"), None, "a packed array cannot be read"),
    ],
)
def test_a_damaged_part(
    path: tuple[Any, ...], value: Any, message: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = document_of(saved)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert report(document, tmp_path, "--plot", str(tmp_path / "p")) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "made.json: " in err
    assert message in err


def assert_same(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> None:
    assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


@pytest.mark.parametrize(
    "array",
    [
        np.arange(300, dtype=np.float64),
        np.array([0.1, 1e300, -1.5, np.inf]),
        np.array([-0.0, 1.0]),
        np.array([np.nan, 1.0]),
        np.array([-1, 1 << 40]),
        np.zeros((0, 0), np.uint8),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        np.arange(24, dtype=np.int64).reshape(4, 6).T,
        np.array(3.0),
    ],
)
def test_an_array_reads_back_the_same(array: npt.NDArray[Any]) -> None:
    assert_same(array, unpacked(json.loads(json.dumps(packed(array)))))


def test_names_and_nested_arrays() -> None:
    ones = np.ones((2, 2, 2), np.uint8)
    again = unpacked(json.loads(json.dumps(packed({"names": ("token", "free"), "inner": {"map": ones}}))))
    assert again["names"] == ("token", "free")
    assert_same(again["inner"]["map"], ones)


def test_whole_numbers_take_no_more_room_than_they_need() -> None:
    assert packed(np.arange(300, dtype=np.float64))["stored"] == "<u2"
    assert packed(np.array([0.5]))["stored"] == "<f8"


def test_what_is_no_packed_array() -> None:
    with pytest.raises(DamagedError, match="'x' is no packed array"):
        unpacked({"columns": {"step": "x"}})
