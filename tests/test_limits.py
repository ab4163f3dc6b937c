"""What has no end, or nearly none, is refused with one line before it is held: the limits of every file."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from bad_scenarios import refusals, text_with

from paged_sim import files
from paged_sim.cli import main
from paged_sim.errors import PagedSimError
from paged_sim.files import open_bytes, read_bounded
from paged_sim.scenario import load_text
from paged_sim.scenario.load import MOST_BYTES
from paged_sim.scenario.nodes import MOST_VALUES

READERS = (
    ("run",),
    ("check",),
    ("explain",),
    ("explain", "--log"),
    ("explain", "--model"),
    ("trace", "info"),
    ("hitrate",),
    ("ops", "replay"),
    ("report",),
    ("compare",),
    ("run", "three-requests", "--trace"),
    ("check", "seed-section2", "--baseline"),
)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that is said."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize("name", ["/dev/zero", "./pipe.yaml", "./pipe.json"])
def test_devices_and_pipes_with_a_name(
    command: tuple[str, ...],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.yaml")
    os.mkfifo("pipe.json")
    assert "a device or a pipe" in refused(capsys, *command, name)


def test_what_the_shell_opened_is_read(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"seed: 1")
    os.close(writing)
    assert read_bounded(Path(f"/dev/fd/{reading}"), 100, "scenario") == b"seed: 1"
    os.close(reading)


BIG_SCENARIOS = {
    "repeats: 1000000000000": "repeats: 1000000000000 is too large; write at most 10,000",
    f"seed: {'9' * 6000}": f"seed: '{'9' * 57}...' has 6,000 characters; write a shorter number",
    f"memory: {{kv_cache: 1.{'0' * 9000}GiB}}": "characters; write a shorter number",
    "checks:\n" + "".join(f"  vllm.b{n}: 1\n" for n in range(1001)): "checks: 1,001 checks; give at most 1,000",
    f"checks: {{vllm.steps: [{'1, ' * 1001}]}}": "checks: 1,001 checks; give at most 1,000",
    f"checks: {{vllm.{'x' * 500}: 1}}": "is no path; write allocator.key.key",
    f"allocators: [{'{name: a, policy: paged}, ' * 101}]": "allocators: 101 items; give at most 100",
    f"workload: {{requests: [{'{prompt: 1, output: 1}, ' * 10_001}]}}": "10,001 items; give at most 10,000",
    f"workload: {{requests: 1, prompt: {{values: [{'1, ' * MOST_VALUES}]}}, output: 1}}": "put long lists of requests",
    f"name: {'n' * 1001}": "name: 1,001 characters; write at most 1,000",
    f"? {'k' * 100_000}\n: 1": "unknown key 'kkkk",
    "a: " + "[" * 200_000: "bad.yaml: more than 50,000 values",
    "a: " + "[" * 2000: "bad.yaml:1: broken YAML: ",
    "base: &b {"
    + ", ".join(f"k{n}: 1" for n in range(900))
    + "}\n"
    + "".join(f"x{n}: {{<<: *b}}\n" for n in range(900)): ("<< makes more than"),
}


@pytest.mark.parametrize(("lines", "message"), BIG_SCENARIOS.items(), ids=range(len(BIG_SCENARIOS)))
def test_large_scenarios(lines: str, message: str) -> None:
    assert any(message in told for told in refusals(text_with(lines)))


def test_an_alias_is_read_once_however_often_it_stands_for_others() -> None:
    tower = "a0: &a0 [1, 1, 1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    with pytest.raises(PagedSimError, match="unknown key 'a0'"):
        load_text(tower)


def test_a_large_scenario_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    assert "more than 4 MiB, so no scenario; check the path" in refused(capsys, "run", str(path))
    path.write_bytes(b"#" * MOST_BYTES)
    assert "the file holds nothing" in refused(capsys, "run", str(path))


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_without_end(packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 1 << 20)
    path = tmp_path / "log"
    content = b"short\nshort\n" + b"x" * (4 << 20)
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    with pytest.raises(PagedSimError, match=r"log:3: a line of more than 1 MiB; a record"), open_bytes(path) as lines:
        list(lines)
    path.write_bytes(b"short\n" * (1 << 19))
    with open_bytes(path) as lines:
        assert sum(map(len, lines)) == 6 << 19


@pytest.mark.parametrize(
    ("content", "message"),
    [("[" * 200_000, "nested too deep"), ("9" * 6000, "number"), ('{"runs": ' * 200_000, "nested too deep")],
)
@pytest.mark.parametrize("command", [("report",), ("ops", "replay"), ("trace", "info"), ("explain", "--model")])
def test_json_deep_and_long(
    command: tuple[str, ...], content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep.json"
    path.write_text(content)
    assert refused(capsys, *command, str(path))


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "seed-section2", "--jobs", "1000000"),
        ("run", "seed-section2", "--seed", "9" * 6000),
        ("run", "seed-section2", "--seed", str(2**70)),
        ("run", "seed-section2", "--step", "9" * 6000),
        ("run", "seed-section2", "--step", f"0..{'9' * 18}"),
        ("run", "seed-section2", "--set", "measure.samples=1000001"),
        ("run", "seed-section2", "--set", "workload.samples=10001"),
        ("run", "seed-section2", "--set", "workload.beam=10001"),
        ("ops", "diff", "a", "b", "--context", "9" * 30),
        ("ops", "replay", "a", "--pages", "9" * 30),
        ("trace", "info", "a", "--block-size", "9" * 30),
        ("hitrate", "a", "--capacity", "9" * 6000),
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_numbers_beyond_all_bounds(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert len(refused(capsys, *arguments)) < 700
