"""Saved runs with any part of them damaged: read as they are, or refused in one line that names file and path."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from paged_sim import load_scenario, simulate
from paged_sim.checks import evaluate
from paged_sim.cli import main
from paged_sim.errors import PagedSimError
from paged_sim.reports.blocks import Screen
from paged_sim.reports.check_report import CHECK_FORMATS
from paged_sim.reports.findings import Checked
from paged_sim.saved import read_saved

SCENARIO = """
version: 1
name: small
repeats: 2
memory: {slots: 256}
max_model_len: 256
clock: {base: 36ms}
workload:
  requests: 12
  prompt: {uniform: [4, 20]}
  output: {uniform: [4, 20]}
  arrival: {poisson: 20/s}
allocators:
  - {name: max, policy: contiguous, reserve: max}
  - {name: page, policy: paged, page_size: 8, prefix_cache: hash}
checks:
  page.batch.mean: ">= baseline"
  page.ledger.all.tail.mean: "<= baseline * 0.1"
"""
DELETED = object()
DAMAGES = {
    "deleted": DELETED,
    "null": None,
    "text": "x",
    "true": True,
    "list": [],
    "list of one": [1],
    "object": {},
    "another object": {"x": 1},
    "negative": -1,
    "zero": 0,
    "huge": 10**30,
    "infinite": float("inf"),
    "not a number": float("nan"),
}
EACH = 97
"""So many parts apart are those of which the quick test damages one."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("damaged") / "whole.json"
    path.with_suffix(".yaml").write_text(SCENARIO, "utf-8")
    scenario = load_scenario(path.with_suffix(".yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAGED_SIM_COMPILE", "never")
        document: dict[str, Any] = dict(simulate(scenario, at_step=3).to_json())
    document["checks"] = [verdict.to_json() for verdict in evaluate(document, scenario.checks, document)]
    path.write_text(json.dumps(document), "utf-8")
    return path


def parts(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all parts of a document; of a list those of its first elements."""
    if path:
        yield path
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree[:2]) if isinstance(tree, list) else ()
    for key, below in inside:
        yield from parts(below, (*path, key))


def damaged(document: Any, path: tuple[Any, ...], damage: Any) -> Any:
    made = copy.deepcopy(document)
    above = made
    for key in path[:-1]:
        above = above[key]
    if damage is DELETED:
        del above[path[-1]]
    else:
        above[path[-1]] = copy.deepcopy(damage)
    return made


def check_against(whole: Path, made: Path) -> None:
    """What `check --baseline` does with a file, in every form of its report."""
    (document,), (baseline,) = read_saved(whole), read_saved(made)
    checks = load_scenario(whole.with_suffix(".yaml")).checks
    verdicts = [verdict.to_json() for verdict in evaluate(document, checks, baseline)]
    for report in CHECK_FORMATS.values():
        report([Checked({**document, "checks": verdicts}, "s.yaml", baseline)], Screen())


def assert_read_or_refused(whole: Path, made: Path, said: Callable[[], Any]) -> bool:
    """Report, compare and check; whether the file was read."""
    commands = [["report", made, "--full"], ["report", made, "--format", "json"], ["compare", made]]
    commands += [
        ["compare", whole, made],
        ["compare", made, whole, "--format", "json"],
        ["report", made, "-o", "x.csv"],
    ]
    codes = set()
    for command in commands:
        codes.add(main([str(part) for part in command]))
        err = said().err
        if codes == {2}:
            assert err.startswith(f"paged-sim: error: {made}: "), err
            assert err.count("\n") == 1
            break
        assert err == ""
    assert codes in ({0}, {2}), codes
    try:
        check_against(whole, made)
    except PagedSimError:
        assert codes == {2}
    return codes == {0}


def try_all(saved: Path, folder: Path, name: str, each: int, said: Callable[[], Any]) -> None:
    document = json.loads(saved.read_text("utf-8"))
    made = folder / "made.json"
    offset = list(DAMAGES).index(name)
    read = 0
    chosen = list(parts(document))[offset % each :: each]
    for path in chosen:
        made.write_text(json.dumps(damaged(document, path, DAMAGES[name])), "utf-8")
        read += assert_read_or_refused(saved, made, said)
    assert read < len(chosen), "some parts are needed"


@pytest.mark.parametrize("name", DAMAGES)
def test_some_parts(
    name: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try_all(saved, tmp_path, name, EACH, capsys.readouterr)


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
def test_every_part(
    name: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try_all(saved, tmp_path, name, 1, capsys.readouterr)
