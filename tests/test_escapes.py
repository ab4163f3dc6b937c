"""What names hold to order a terminal, a page or a workflow about is shown, and not carried out."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from paged_sim.cli import main
from paged_sim.errors import PagedSimError
from paged_sim.reports.blocks import Bars, Grid, Heading, Paragraph, Screen, Styled
from paged_sim.reports.markdown import render_markdown
from paged_sim.reports.text import render_text
from paged_sim.wording import printable

EVIL = "\x1b[31mRED\x1b]0;pwn\x07 \x9b2J \u202egnp \u2066x $x_{$ `a` | <b>"
SHOWN = r"\x1b[31mRED\x1b]0;pwn\x07 \x9b2J \u202egnp \u2066x $x_{$ `a` "
SCENARIO = f"""\
name: {json.dumps(EVIL)}
memory: {{slots: 1000}}
workload: {{requests: 4, prompt: 5, output: 3}}
allocators: [{{name: a, policy: paged}}]
checks: {{a.batch.mean: ">= 100"}}
"""


def raw(text: str) -> set[str]:
    """The control and format characters of a text, line ends aside."""
    return {letter for letter in text if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a scenario and a trace of evil names."""
    monkeypatch.chdir(tmp_path)
    Path("evil.yaml").write_text(SCENARIO)
    Path("t\n::error::\x1b[31m.csv").write_text("prompt,output,\x1b[31mRED\n5,3,4\n")
    return tmp_path


COMMANDS = [
    "run evil.yaml",
    "run evil.yaml --format markdown",
    "run evil.yaml --timings",
    "check evil.yaml --annotations github",
    "check evil.yaml --markdown -",
    "compare evil.yaml",
    "explain evil.yaml",
    "run evil.yaml --trace TRACE",
    "trace info TRACE",
    "trace info TRACE --format markdown",
    "trace info TRACE.csv",
    "ops replay TRACE",
    "hitrate TRACE",
    "run TRACE",
    "run TRACE.yaml",
    "report TRACE",
    "explain --log TRACE",
    "run evil.yaml --set TRACE=1",
    "check TRACE.yaml --annotations github",
    "list TRACE",
    "run evil.yaml --format TRACE",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_raw_reaches_a_terminal(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([word.replace("TRACE", "t\n::error::\x1b[31m.csv") for word in command.split(" ")])
    out, err = capsys.readouterr()
    assert (raw(out), raw(err)) == (set(), set())
    assert not any(line.startswith("::error::") for line in err.splitlines())


def test_figures_of_any_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "evil.yaml", "--plot", "figures"]) == 0
    assert raw(capsys.readouterr().err) == set()
    assert all(raw(path.name) == set() for path in (folder / "figures").iterdir())


def test_json_keeps_names_as_they_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "evil.yaml", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["scenario"]["name"] == EVIL


def test_saved_runs_of_any_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "evil.yaml", "-o", "a.json"]) == 0
    saved = json.loads(Path("a.json").read_text())
    saved["scenario"]["name"] = f"{EVIL}\n::error::"
    Path("b\x1b[31m.json").write_text(json.dumps(saved))
    for command in (["report", "b\x1b[31m.json"], ["compare", "a.json", "b\x1b[31m.json"]):
        for shape in ("table", "markdown"):
            assert main([*command, "--format", shape]) == 0
            out, err = capsys.readouterr()
            assert (raw(out), raw(err)) == (set(), set())
            assert "\n::error::" not in out


def test_the_scenario_of_a_command_is_one_comment_a_note(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from", "vllm serve 'x\x1b[31m' 'a\nmemory: 1' --odd\x1b", "-o", "made.yaml"]) == 0
    assert raw(capsys.readouterr().out + Path("made.yaml").read_text()) == set()


def test_every_block_of_a_report() -> None:
    bad = f"{EVIL}\n\r"
    blocks = [
        Heading(bad, bad),
        Paragraph(f"one\n{EVIL}"),
        Grid(bad, (EVIL, "two-\nlines"), ((bad, Styled(bad, "red")),)),
        Bars(bad, ((bad, (("tail", 1.0),)),)),
    ]
    for text in (render_text(blocks, Screen(400)), render_markdown(blocks)):
        assert raw(text) == set()
    assert render_text(blocks[:1], Screen(400)).count("\n") == 1
    assert SHOWN in render_text(blocks[:1], Screen(400))


def test_messages_are_lines() -> None:
    assert str(PagedSimError("a\nb\x1b", "c\rd")) == "a\\nb\\x1b\nc\\rd"
    assert PagedSimError("a\nb").messages == ("a\\nb",)
    assert printable("größe → 5 µs, 日本語 \u202f±") == "größe → 5 µs, 日本語 \u202f±"
