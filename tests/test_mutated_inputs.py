"""Damaged scenarios, traces and logs: each is read, or refused with a line per mistake and exit code 2."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from paged_sim.cli import main
from paged_sim.scenario import builtin_scenarios

DATA = sorted(
    path
    for path in Path(__file__).parent.joinpath("data").rglob("*")
    if path.suffix in (".csv", ".jsonl", ".json", ".log") and path.stat().st_size < 100_000
)
PIECES = [
    b"-1", b"0", b"1e300", b"1e400", b"nan", b"true", b"null", b"[]", b"{}", b"9223372036854775808", b"1e-300", b"\x00",
    b"\xff", b"\xe2\x80\xae", b"\x1b[31m", b"*a", b"&a ", b"<<: ", b"!x ", b"'", b'"', b"%", b"1k", b"5ms", b"[", b"]",
    b"{", b"}", b":", b",", b"\n", b"\t", b"- ", b"#", b"9" * 6000, b"x" * 300,
]  # fmt: skip


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with a few pieces taken out, put in, doubled, or lines exchanged."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        start = rng.randrange(len(content) + 1)
        end = min(len(content), start + rng.choice([1, 2, 5, 40]))
        kind = rng.randrange(4)
        if kind == 0:
            content = content[:start] + content[end:]
        elif kind == 1:
            content = content[:start] + rng.choice(PIECES) + content[start:]
        elif kind == 2:
            content = content[:end] + content[start:]
        else:
            lines = content.split(b"\n")
            lines.insert(rng.randrange(len(lines)), lines.pop(rng.randrange(len(lines))))
            content = b"\n".join(lines)
    return content


def cases() -> Iterator[tuple[int, Path, list[str]]]:
    rng = random.Random(14)
    scenarios = [scenario.path for scenario in builtin_scenarios()]
    for number in range(120):
        yield number, rng.choice(scenarios), ["explain"]
        readers = (["trace", "info"], ["ops", "replay"], ["explain", "--log"], ["report"])
        yield number, rng.choice(DATA), rng.choice(readers)


@pytest.mark.parametrize(("number", "source", "command"), [*cases()])
def test_a_mutated_input(
    number: int, source: Path, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"input{source.suffix}"
    path.write_bytes(mutated(source.read_bytes(), random.Random(number)))
    code = main([*command, str(path)])
    out, err = capsys.readouterr()
    assert code in ((0, 1, 2) if command == ["ops", "replay"] else (0, 2))
    assert all(line.startswith("paged-sim: error: ") for line in err.splitlines())
    assert bool(err) == bool(code)
    assert all(line.isprintable() for line in (out + err).split("\n"))
