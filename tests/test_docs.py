"""README and docs are true: every command is documented, every example runs and shows what it really prints."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from paged_sim.cli import cli, main
from paged_sim.engine import warm
from paged_sim.scenario import load_scenario, load_text
from paged_sim.simulation import simulate

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: what its fence says it is, its text, and the line it begins on."""

    kind: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [Block(found[1], found[2], text.count("\n", 0, found.start()) + 2) for found in FENCE.finditer(text)]


def prose_of(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def name_of(page: object) -> str:
    return page.relative_to(ROOT).as_posix() if isinstance(page, Path) else str(page)


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


# Commands and options


def commands_below(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands_below(command, f"{path} {name}")


@pytest.mark.parametrize(
    ("path", "command"),
    [pytest.param(path, command, id=path) for path, command in [("paged-sim", cli), *commands_below(cli, "paged-sim")]],
)
def test_every_command_and_option_is_documented(path: str, command: click.Command) -> None:
    text = (ROOT / "docs" / "cli.md").read_text("utf-8")
    options = [name for option in command.params if isinstance(option, click.Option) for name in option.opts]
    missing = [name for name in (path, *options) if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]
    assert not missing, f"docs/cli.md does not mention {missing} of `{path}`"


# Examples


@pytest.fixture(scope="module")
def compiled() -> None:
    """The step loop is compiled, in processes of their own that no coverage tool slows down."""
    command = [sys.executable, "-m", "paged_sim.engine.warm"]
    children = [
        subprocess.Popen([*command, family])
        for family in warm.missing({"contiguous", "paged", "cached", "paged-samples", warm.ARENA})
    ]
    codes = [child.wait() for child in children]
    assert not any(codes)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=name_of)
def test_examples_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In order, in one folder, as a reader would: scenarios are saved under the name in their first line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGED_SIM_COMPILE", "always")
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    names: dict[str, Any] = {"__name__": "example"}
    for block in blocks_of(page):
        where = f"{name_of(page)}:{block.line}"
        if block.kind == "console":
            run_console(block.text, where, capfd)
        elif block.kind == "yaml":
            check_yaml(block.text)
        elif block.kind == "python":
            exec(compile(block.text, where, "exec"), names)
        elif block.kind == "json":
            json.loads(block.text)


def check_yaml(text: str) -> None:
    """A scenario loads, and is saved if its first line says under which name; a part of one is YAML."""
    if "allocators:" not in text:
        assert isinstance(yaml.safe_load(text), dict | list)
        return
    if named := re.match(r"# ([\w./-]+\.yaml)\b", text):
        Path(named[1]).write_text(text, "utf-8")
        assert load_scenario(named[1]).allocators
    else:
        assert load_text(text).allocators


def run_console(text: str, where: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Each `$ paged-sim …` exits with 0, or as its comment `# exit N` says, and prints what is shown, if anything."""
    for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, shown = session.partition("\n")
        command, _, comment = line.partition("  # exit ")
        program, *arguments = shlex.split(command)
        assert program == "paged-sim", f"{where}: a console block shows `{program}`; only paged-sim is executed"
        capfd.readouterr()
        code = run_in_process(arguments)
        output = "".join(capfd.readouterr())
        assert code == int(comment or 0), f"{where}: {command}: exit code {code}\n{output}"
        assert not (problem := difference(shown, output)), f"{where}: {command}: {problem}\nThe real output:\n{output}"


def run_in_process(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


def difference(shown: str, output: str) -> str:
    """What is wrong with the lines shown, if any: a line `...` stands for any number of lines."""
    if not shown.strip():
        return ""
    expected, real = shown.rstrip("\n").split("\n"), output.rstrip("\n").split("\n")
    at, skipping = 0, False
    for line in expected:
        if line == "...":
            skipping = True
            continue
        if skipping:
            at = next((index for index in range(at, len(real)) if real[index] == line), len(real))
        if at == len(real) or real[at] != line:
            return f"does not print this line here: {line!r}"
        at, skipping = at + 1, False
    return "" if skipping or at == len(real) else f"prints more, from here on: {real[at]!r}"


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        ("", ""),
        ("a\nb\nc\n", ""),
        ("...\n", ""),
        ("a\n...\nc\n", ""),
        ("...\nb\n...\n", ""),
        ("a\nb\n", "prints more"),
        ("a\nc\n", "'c'"),
        ("...\nd\n...\n", "'d'"),
        ("...\nc\n...\nb\n...\n", "'b'"),
    ],
)
def test_shown_output_is_compared_line_by_line(shown: str, problem: str) -> None:
    found = difference(shown, "a\nb\nc\n")
    assert problem in found
    assert bool(problem) == bool(found)


# The example that is done by hand


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first Markdown table below a heading, header first."""
    _, _, below = page.read_text("utf-8").partition(f"{heading}\n")
    lines = re.search(r"(?:^\|.*\|\n)+", below, re.MULTILINE)
    assert lines, f"no table below {heading}"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[0].splitlines()]
    return [rows[0], *rows[2:]]


@pytest.mark.parametrize("policy", ["reserved", "paged"])
def test_the_ledger_done_by_hand(policy: str) -> None:
    """docs/concepts.md fills in these tables by hand; the simulation fills in the same, and nothing else."""
    header, *rows = table_rows(ROOT / "docs" / "concepts.md", f"#### {policy}")
    run = simulate(load_scenario(str(ROOT / "docs" / "examples" / "three-requests.yaml"), device="cpu"))
    part = next(part for part in run.policies if part.summary["name"] == policy)
    columns = {name.strip("`"): [int(row[index]) for row in rows] for index, name in enumerate(header)}
    assert len(columns["step"]) == part.summary["steps"]
    for name, values in columns.items():
        assert part.timeline.columns[name].tolist() == values, name
    accounts: dict[str, Any] = part.summary["ledger"]["all"]
    assert {name for name, account in accounts.items() if account["mean"]} <= columns.keys()


# Words and links


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors_of(page: Path) -> set[str]:
    return {slug(title) for title in re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)}


@every_page
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        other = page.parent / path if path else page
        assert other.exists(), f"{name_of(page)} links to {target}"
        assert not anchor or anchor in anchors_of(other), f"{name_of(page)} links to {target}"


def test_the_index_has_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    others = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert not [name for name in others if f"]({name})" not in index]


@every_page
def test_utilisation_is_never_said_bare(page: Path) -> None:
    """It means occupancy to some and fill to others: these are the words. A quoted one is spoken about, not used."""
    text = re.sub(r'gpu_memory_utili\w*|"utili[sz]ation"', "", page.read_text("utf-8"))
    assert not re.findall(r".*utili[sz]ation.*", text, re.IGNORECASE)


@every_page
def test_no_path_of_a_machine(page: Path) -> None:
    assert not re.findall(r"(?<![\w.])/(?:home|root|tmp|work|usr|opt|Users)/\S*|\bshared/\S*", page.read_text("utf-8"))


def test_the_first_test_command_of_the_readme_is_whole() -> None:
    """The CI script takes the first line with these words and runs it in a fresh environment."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    command = next(line for line in lines if "python -m pytest" in line)
    assert command.split(" && ") == [
        "python3 -m venv .venv-test",
        ".venv-test/bin/pip install -e '.[test]'",
        ".venv-test/bin/python -m pytest -n auto --dist loadfile",
    ]
