"""What would write over an input or another output, or has no possible name, is refused before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paged_sim.cli import main

SCENARIO = "memory: {slots: 64}\nworkload: {trace: t.csv}\nallocators: [{name: a, policy: paged}]\n"
LONG = "n" * 300


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with inputs under several names; nothing is simulated."""
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SCENARIO)
    Path("t.csv").write_text("prompt,output\n5,3\n")
    Path("config.json").write_text("{}")
    Path("run.json").write_text("{}")
    Path("log.txt").write_text("vllm serve opt-13b")
    Path("link").symlink_to("s.yaml")
    Path("deep").mkdir()
    os.link("s.yaml", "hard")

    def simulated(*_: object, **__: object) -> None:
        raise AssertionError("it was simulated")

    monkeypatch.setattr("paged_sim.simulation.simulate", simulated)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        "run s.yaml -o s.yaml",
        "run s.yaml -o ./deep/../s.yaml",
        "run s.yaml -o link",
        "run link -o hard",
        "run s.yaml --timeline {here}/s.yaml",
        "run s.yaml --requests s.yaml",
        "run s.yaml --ops-log s.yaml",
        "run s.yaml --ops-log a=t.csv",
        "run s.yaml -o t.csv",
        "run s.yaml --set workload.trace=t.csv -o t.csv",
        "run s.yaml --trace hard -o link",
        "run s.yaml --set model.hf_config=config.json -o config.json",
        "run s.yaml --set model.hf_config=. -o config.json",
        "run s.yaml --set memory.log=log.txt --set model=opt-13b -o log.txt",
        "compare s.yaml -o t.csv",
        "compare run.json -o run.json",
        "report run.json -o run.json",
        "report run.json --timeline run.json",
        "check s.yaml --junit s.yaml",
        "check s.yaml --markdown t.csv",
        "check s.yaml --save-baseline s.yaml",
        "check s.yaml --baseline run.json --save-baseline run.json",
        "check bad.yaml s.yaml --junit s.yaml",
        "explain s.yaml -o s.yaml",
        "explain --model config.json -o config.json",
        "explain --log log.txt -o log.txt",
        "trace info log.txt -o log.txt",
        "hitrate t.csv -o t.csv",
        "ops replay log.txt -o log.txt",
        "ops diff log.txt run.json -o run.json",
        "init --from log.txt -o log.txt --force",
    ],
)
def test_an_input_stays_as_it_is(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    assert main(command.format(here=folder).split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "would overwrite" in err
    assert contents(folder) == before


@pytest.mark.parametrize(
    "command",
    [
        "run s.yaml -o x.csv --timeline x.csv",
        "run s.yaml -o x.csv --timeline ./deep/../x.csv",
        "run s.yaml -o x.csv -o {here}/x.csv",
        "run s.yaml --requests x.csv --ops-log x.csv",
        "check s.yaml --junit x --markdown x",
    ],
)
def test_a_file_takes_one_output(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command.format(here=folder).split()) == 2
    assert "already; give each a file of its own" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        f"run s.yaml --set name={LONG} --plot figures",
        f"run s.yaml --set name={'ä' * 130} --plot figures",
        f"run s.yaml -o {LONG}.json",
        f"run s.yaml --plot {LONG}",
        f"run s.yaml --timeline {LONG}/x.csv",
        f"run s.yaml -o {'deep/' * 1000}x",
        f"check s.yaml --junit {LONG}",
        f"report run.json -o {LONG}",
        f"hitrate {'t' * 250}.csv --plot figures",
        f"ops replay {'t' * 250} --plot figures",
        f"init seed-section2 -o {LONG}",
    ],
    ids=lambda command: command[:40],
)
def test_a_name_that_no_file_has(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    assert main(command.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "give a shorter one" in err
    assert contents(folder) == before
    assert not Path("figures").exists()


def test_a_long_name_that_a_file_may_have(tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * 250}.json"
    assert main(["schema", "-o", str(path)]) == 0
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_the_name_of_a_built_in_scenario_is_no_file(folder: Path) -> None:
    assert main(["explain", "seed-section2", "-o", "seed-section2"]) == 0
