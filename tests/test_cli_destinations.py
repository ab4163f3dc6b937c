"""Which form goes where: suffixes, `--format`, several outputs, standard output taken once, chosen columns."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from paged_sim.cli import main
from paged_sim.cli.destinations import Destination, ResultOptions, plan
from paged_sim.errors import PagedSimError

SHAPES = ("table", "json", "csv", "markdown")


@pytest.mark.parametrize(
    ("output", "shape", "expected"),
    [
        ((), None, [("-", "table")]),
        ((), "csv", [("-", "csv")]),
        (("x.json", "x.CSV", "x.md", "x.markdown"), None, ["json", "csv", "markdown", "markdown"]),
        (("x.txt", "x", "x.log", "-"), None, ["table"] * 4),
        (("x.txt", "x", "x.log", "-"), "json", ["json"] * 4),
        (("x.csv", "-"), "json", ["csv", "json"]),
        (("x.csv", "x.json"), "json", ["csv", "json"]),
    ],
)
def test_the_form_of_each_output(
    output: tuple[str, ...],
    shape: str | None,
    expected: list[str] | list[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = plan(ResultOptions(shape, output), SHAPES).destinations
    pairs = zip(output, expected, strict=True) if output else expected
    assert list(found) == [Destination(*pair) for pair in pairs]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ResultOptions("json", ("x.csv",)), "--format json: -o x.csv is csv, by its name"),
        (ResultOptions("table", ("x.csv", "y.json")), "-o x.csv is csv, -o y.json is json, by its name"),
        (ResultOptions(None, ("x.csv",), columns="name"), ""),
        (ResultOptions(None, ("x.json",), columns="name"), "--columns: nothing is written as CSV"),
        (ResultOptions("csv", (), columns="name,,steps"), "--columns 'name,,steps': an empty name"),
        (ResultOptions(None, ("x", "./x")), "-o ./x: -o takes the file already"),
        (ResultOptions(None, ("-", "-")), "-o -: -o takes standard output already"),
        (ResultOptions(None, ("timeline",)), "--timeline timeline: -o takes the file already"),
        (ResultOptions(None, ("figures",)), "--plot figures: -o takes the file already"),
        (ResultOptions(None, ("new/",)), "-o new/: a directory"),
        (ResultOptions(None, ("no/x",)), "-o no/x: there is no folder no"),
        (ResultOptions(None, ("/dev/null", "/dev/null")), ""),
    ],
)
def test_what_cannot_be_meant_is_refused(
    options: ResultOptions, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def planned() -> None:
        plan(options, SHAPES, {"--timeline": "timeline", "--junit": None}, {"--plot": "figures"})

    if message:
        with pytest.raises(PagedSimError) as caught:
            planned()
        assert message in str(caught.value)
    else:
        planned()


def test_a_link_to_an_output_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with pytest.raises(PagedSimError, match="takes the file already"):
        plan(ResultOptions(None, (str(tmp_path / "x"), str(tmp_path / "link"))), SHAPES)


def test_another_output_takes_standard_output(tmp_path: Path) -> None:
    assert plan(ResultOptions(), SHAPES, {"--timeline": "-"}).destinations == ()
    with pytest.raises(PagedSimError, match="--timeline -: -o takes standard output already"):
        plan(ResultOptions(None, ("-",)), SHAPES, {"--timeline": "-"})
    with pytest.raises(PagedSimError, match="--format json: another output takes standard output; add -o FILE"):
        plan(ResultOptions("json"), SHAPES, {"--timeline": "-"})
    kept = plan(ResultOptions("json", (str(tmp_path / "x"),)), SHAPES, {"--timeline": "-"})
    assert kept.destinations == (Destination(str(tmp_path / "x"), "json"),)


def test_several_outputs_of_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["x.json", "x.csv", "x.md", "x.txt"]
    outputs = [part for name in names for part in ("-o", str(tmp_path / name))]
    assert main(["run", "seed-section2", *outputs]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads((tmp_path / "x.json").read_text())["scenario"]["name"] == "seed-section2"
    assert (tmp_path / "x.csv").read_text().startswith("scenario,name,")
    assert (tmp_path / "x.md").read_text().startswith("## seed-section2\n")
    assert main(["run", "seed-section2", "-o", str(tmp_path / "x.json"), "-o", "-"]) == 0
    assert capsys.readouterr().out == (tmp_path / "x.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["list", "placements"], {".json": "{", ".md": "### Placements"}),
        (["explain", "seed-section2"], {".json": "{", ".md": "## seed-section2"}),
        (["compare", "seed-section2"], {".json": "{", ".csv": "metric,paged", ".md": "## seed-section2"}),
        (["check", "seed-section2"], {".json": "{", ".csv": "scenario,file,", ".md": "## seed-section2"}),
        (["ops", "replay", "docs/examples/paged.ops.jsonl"], {".json": "{", ".csv": "path,", ".md": "## paged.ops"}),
        (["hitrate", "docs/examples/two-chats.jsonl"], {".json": "{", ".csv": "trace,", ".md": "## two-chats"}),
        (["schema"], {".json": "{"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_every_command_writes_by_suffix(arguments: list[str], start: dict[str, str], tmp_path: Path) -> None:
    outputs = [part for suffix in start for part in ("-o", str(tmp_path / f"x{suffix}"))]
    assert main([*arguments, *outputs]) == 0
    for suffix, text in start.items():
        assert (tmp_path / f"x{suffix}").read_text().startswith(text)


def test_a_form_that_a_command_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "-o", "x.csv"]) == 2
    assert "-o x.csv: this command writes no csv; choose from table, json, markdown" in capsys.readouterr().err


class TestColumns:
    def columns(self, capsys: pytest.CaptureFixture[str], wanted: str, code: int = 0) -> list[str]:
        assert main(["run", "seed-section2", "--format", "csv", "--columns", wanted]) == code
        return next(csv.reader(io.StringIO(capsys.readouterr().out)))

    def test_names_beginnings_and_patterns_in_this_order(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.columns(capsys, "steps, requests,f*.at_finish,requests.refused") == [
            "steps",
            "requests.finished",
            "requests.refused",
            "requests.preempted",
            "fill.at_finish",
        ]

    def test_an_unknown_one_names_the_nearest_and_loses_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "x.csv"
        arguments = ["run", "seed-section2", "-o", str(path), "-o", "-", "--columns", "name,batch.meen"]
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out.startswith("━━ seed-section2")
        assert err.startswith("paged-sim: error: --columns: no column batch.meen; did you mean batch.mean or ")
        assert err.endswith(f" ({path} has all columns)\n")
        assert len(path.read_text().splitlines()[0].split(",")) > 100
