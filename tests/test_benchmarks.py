"""The benchmark suite runs and writes sound results; how long anything takes is nobody's business here."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def importable() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        patch.setenv("PAGED_SIM_COMPILE", "never")
        yield patch


@pytest.fixture(scope="module")
def results(importable: pytest.MonkeyPatch) -> dict[str, Any]:
    """All benchmarks at their smallest, in plain Python."""
    from benchmarks.__main__ import run
    from benchmarks.settings import SMALLEST
    from benchmarks.suite import BENCHMARKS

    screen = Console(file=io.StringIO(), width=180)
    return run(replace(SMALLEST, compiled=False), tuple(BENCHMARKS), screen, note="a test")


@pytest.mark.slow
def test_every_benchmark_has_rows_that_its_table_shows(results: dict[str, Any]) -> None:
    from benchmarks.report import cell
    from benchmarks.suite import BENCHMARKS

    assert results["benchmarks"].keys() == BENCHMARKS.keys()
    for name, part in results["benchmarks"].items():
        assert part["rows"], name
        for column in BENCHMARKS[name].columns:
            assert any(cell(row.get(column.key), column) for row in part["rows"]), (name, column.key)


@pytest.mark.slow
def test_medians_lie_between_the_least_and_the_most(results: dict[str, Any]) -> None:
    timings = 0
    for part in results["benchmarks"].values():
        for row in part["rows"]:
            for name in [name.removesuffix("_min") for name in row if name.endswith("_min")]:
                assert row[f"{name}_min"] <= row[name] <= row[f"{name}_max"]
                timings += 1
    assert timings > 100


@pytest.mark.slow
def test_results_are_json_with_the_machine_and_the_goals(results: dict[str, Any]) -> None:
    document = json.loads(json.dumps(results, allow_nan=False))
    assert document == results
    assert (document["version"], document["settings"], document["compiled"]) == (1, "smallest", False)
    assert document["note"] == "a test"
    assert {"cpu", "cores", "memory_bytes", "python", "numpy", "numba", "load_average", "date"} <= document[
        "machine"
    ].keys()
    assert all(isinstance(goal["met"], bool) for goal in document["reaches"])
    assert any(goal["what"].startswith("paged 16") for goal in document["reaches"])


@pytest.mark.slow
def test_every_figure_is_drawn(results: dict[str, Any], tmp_path: Path) -> None:
    from benchmarks.plots import FIGURES, draw

    written = draw(results, tmp_path / "figures")
    assert sorted(path.name for path in written) == sorted(
        f"{name}.{end}" for name in FIGURES for end in ("png", "svg")
    )
    assert all(path.stat().st_size > 1000 for path in written)


def test_the_command_writes_what_it_is_asked_for(
    importable: pytest.MonkeyPatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks import __main__ as command
    from benchmarks.settings import SMALLEST

    monkeypatch.setattr(command, "QUICK", replace(SMALLEST, compiled=False))
    file = tmp_path / "results.json"
    arguments = ["--quick", "--only", "bandwidth", "-o", str(file), "--plot", str(tmp_path / "figures")]
    answer = CliRunner().invoke(command.main, arguments, catch_exceptions=False)
    assert answer.exit_code == 0
    assert "The arena's bandwidth" in answer.output
    assert list(json.loads(file.read_text())["benchmarks"]) == ["bandwidth"]
    assert (tmp_path / "figures" / "bandwidth.png").exists()


@pytest.mark.parametrize("pages", [160, 480])
def test_the_plain_server_agrees_with_the_step_loop(importable: pytest.MonkeyPatch, pages: int) -> None:
    """Where memory is so short that sequences are preempted, and prompts are longer than a step's budget."""
    from benchmarks.peer_comparison import VLLM_ALLOCATOR, compare_answers
    from benchmarks.settings import SMALLEST
    from benchmarks.workload import SHORT, scenario_of

    load = SHORT._replace(pages=pages, max_num_seqs=32)
    scenario = scenario_of(load, 40, VLLM_ALLOCATOR, prefill="chunked")
    scenario = replace(scenario, scheduler=replace(scenario.scheduler, max_num_batched_tokens=64))
    from paged_sim.simulation import draw

    requests = draw(scenario, 3).requests
    _, server = compare_answers(scenario, requests, replace(SMALLEST, compiled=False))
    assert len(server.finished) + server.num_refused == 40
    assert server.num_preempted > 0
