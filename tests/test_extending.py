"""The recipes of the guide, carried out on a copy of the package: what they add is there, and passes as it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "extending.md").read_text("utf-8")

SCENARIO = """\
model: llama-2-7b
memory: {slots: 2048}
max_model_len: 256
workload: {requests: 60, prompt: {uniform: [1, 100]}, output: {uniform: [1, 60]}}
allocators:
"""
PAGED = "{name: paged, policy: paged, page_size: 8}"


def recipe(heading: str) -> list[str]:
    """The diffs in a section of the guide."""
    section = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```diff\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def carry_out(diffs: list[str], folder: Path) -> int:
    """Make the changes that diffs say to the files of a folder; how many files it were."""
    files = [part for diff in diffs for part in re.split(r"^--- .*\n\+\+\+ b/", diff, flags=re.MULTILINE)[1:]]
    for part in files:
        name, _, rest = part.partition("\n")
        path = folder / name
        text = path.read_text("utf-8") if path.exists() else ""
        for hunk in rest.split("@@\n")[1:]:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(before) == 1 or not text, f"the guide shows {name} as it is not:\n{before}"
            text = text.replace(before, after) if text else after
        path.write_text(text, "utf-8")
    return len(files)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "paged_sim", tmp_path / "paged_sim", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(folder: Path, entries: list[str], *arguments: str) -> str:
    """What a command of the copy prints, for a scenario with these allocators."""
    scenario = folder / "new.yaml"
    scenario.write_text(SCENARIO + "".join(f"  - {entry}\n" for entry in entries), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder), "PAGED_SIM_COMPILE": "never"}
    command = [sys.executable, "-m", "paged_sim", *arguments, *([str(scenario)] if entries else [])]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_placement_is_a_file_and_a_line(copy: Path) -> None:
    assert carry_out(recipe("A placement"), copy) == 2
    entries = [
        f"{{name: {rule}, policy: contiguous, reserve: {rule}, placement: roomy_fit}}" for rule in ("grow", "oracle")
    ]
    assert run(copy, entries, "run", "--format", "json").count('"placement": "roomy_fit"') == 4
    assert "prompt" in run(copy, entries, "explain")


def test_a_reservation_rule_is_a_function_and_a_line(copy: Path) -> None:
    assert carry_out(recipe("A reservation rule"), copy) == 1
    entries = ["{name: new, policy: contiguous, reserve: double}"]
    assert run(copy, entries, "run", "--format", "json").count('"reserve": "double"') == 2
    assert "2 x " in run(copy, entries, "explain")


def test_an_eviction_is_a_file_and_a_line(copy: Path) -> None:
    assert carry_out(recipe("An eviction of the prefix cache"), copy) == 2
    entries = [
        f"{{name: {kind}, policy: paged, prefix_cache: {kind}, eviction: unfound}}" for kind in ("hash", "radix")
    ]
    assert run(copy, entries, "run", "--format", "json").count('"eviction": "unfound"') == 4
    assert "found by nobody" in run(copy, [], "list")


def test_a_family_is_a_file_and_a_line(copy: Path) -> None:
    """A family like paging, under a name of its own: JSON, `explain` and pictures know it as well."""
    source = (copy / "paged_sim" / "allocators" / "paged.py").read_text("utf-8")
    mine = source.replace('"paged"', '"mine"').replace("class Paged(", "class Mine(").replace("Paged", "Mine")
    (copy / "paged_sim" / "allocators" / "mine.py").write_text(mine, "utf-8")
    assert carry_out(recipe("A policy family"), copy) == 1
    entries = [f"{{name: {word}, policy: {word}, page_size: 8}}" for word in ("mine", "paged")]
    mine_part, paged_part = json.loads(run(copy, entries, "run", "--format", "json"))["runs"]
    assert mine_part["policy"] == {"policy": "mine", "page_size": 8, "null_page": False}
    for part in (mine_part, paged_part):
        del part["name"], part["policy"]
    assert mine_part == paged_part
    assert run(copy, entries, "explain").count("pages of 8, taken") == 2


def test_a_length_distribution_is_a_function_a_line_and_a_way(copy: Path) -> None:
    assert carry_out(recipe("A length distribution or an arrival process"), copy) == 3
    printed = run(copy, [PAGED], "run", "--format", "json", "--set", "workload.prompt={exponential: 9}")
    assert json.loads(printed)["runs"][0]["requests"]["finished"] == 60


def test_a_trace_format_is_a_row(copy: Path) -> None:
    assert carry_out(recipe("A trace format"), copy) == 1
    for name, text in {
        "new.jsonl": '{"tok_input_length": 15, "tok_output_length": 182}\n',
        "new.csv": "tok_input_length,tok_output_length\n15,182\n",
    }.items():
        (copy / name).write_text(text, "utf-8")
        said = run(copy, [], "trace", "info", name, "--format", "json")
        assert '"mlperf"' in said


def test_a_report_is_a_file_and_a_line(copy: Path) -> None:
    assert carry_out(recipe("A report"), copy) == 3
    lines = run(copy, [PAGED], "run", "--format", "lines")
    assert "paged requests.finished 60\n" in lines
    run(copy, [PAGED], "run", "-o", "out.lines")
    assert (copy / "out.lines").read_text("utf-8") == lines


def test_a_figure_is_a_file_and_a_line(copy: Path) -> None:
    assert carry_out(recipe("A figure"), copy) == 2
    run(copy, [PAGED], "run", "--plot", "figures")
    assert len(list((copy / "figures").rglob("*batch.svg"))) == 1


def test_a_number_is_a_type_and_where_it_comes_from(copy: Path) -> None:
    assert carry_out(recipe("A number of a run"), copy) == 4
    document = json.loads(run(copy, [PAGED], "run", "--format", "json"))
    (copy / "one.json").write_text(json.dumps(document), "utf-8")
    length = document["runs"][0]["length"]
    assert 2 <= length["mean"] <= length["p99"] <= length["max"] <= 160
    compared = run(copy, [], "compare", "one.json", "one.json")
    assert "tokens of a sequence, p99" in compared


def test_an_account_is_a_row_and_who_books_it(copy: Path) -> None:
    """Its slots are no longer in the account that they were in, and books still balance."""
    entries = ["{name: cache, policy: paged, page_size: 16, prefix_cache: radix}"]
    shared = ["--set", "workload.prefix={groups: 3, tokens: 40}", "--format", "json"]

    def shares() -> dict[str, float]:
        ledger = json.loads(run(copy, entries, "run", *shared))["runs"][0]["ledger"]["all"]
        return {account: share["mean"] for account, share in ledger.items()}

    before = shares()
    assert carry_out(recipe("An account of the ledger"), copy) == 4
    after = shares()
    assert after["cached_tail"] > 0
    assert after["cached_tail"] + after["tail"] == pytest.approx(before["tail"])
    assert "cached_tail" in run(copy, entries, "run", "--full", *shared[:2])
