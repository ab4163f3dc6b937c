"""The built-in scenarios: each runs, balances, meets its checks and gives the numbers recorded in tests/golden."""

from __future__ import annotations

import configparser
import fnmatch
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from golden_files import FOLDER, differences, numbers_of, recorded, run_builtin

import paged_sim
from paged_sim.checks import evaluate
from paged_sim.ledger import ACCOUNTS
from paged_sim.run import Run
from paged_sim.scenario import builtin_scenarios, load_scenario
from paged_sim.simulation import draw, simulate

ROOT = Path(__file__).parent.parent
NAMES = [builtin.name for builtin in builtin_scenarios()]

SAME_EITHER_WAY = {
    "burst": (),
    "chunked-prefill": (),
    "grow": (),
    "trace-requests": (),
    "vllm-fig2": ("repeats=1", "workload.requests=200", "measure.warmup_requests=20"),
}
"""Scenarios (shortened) that are compared compiled and as plain Python, each for another part of the engine."""


@cache
def run_of(name: str) -> Run:
    """The run of a built-in scenario, once for all tests."""
    return run_builtin(name)


def mean_fill(run: Run, name: str) -> float:
    """Tokens stored over slots held, both averaged over time."""
    entry = next(part.summary for part in run.policies if part.summary["name"] == name)
    share: float = entry["occupancy"]["mean"] / entry["held"]["mean"]
    return share


@pytest.mark.parametrize("name", NAMES)
class TestEach:
    def test_meets_its_checks(self, name: str) -> None:
        verdicts = evaluate(run_of(name).to_json(), load_scenario(name).checks)
        assert verdicts, "a built-in scenario states what it reproduces"
        assert [verdict for verdict in verdicts if not verdict.passed] == []

    def test_every_sample_sums_to_the_arena(self, name: str) -> None:
        for part in run_of(name).policies:
            columns, slots = part.timeline.columns, part.summary["capacity"]["slots"]
            total = sum(columns[account] for account in ACCOUNTS)
            assert len(columns["step"]) > 0
            assert np.all(np.abs(total / slots - 1) <= 1e-12)
            assert all(np.all(columns[account] >= 0) for account in ACCOUNTS)

    def test_every_token_is_read_back_once(self, name: str) -> None:
        for part in run_of(name).policies:
            arena = part.summary["arena"]
            assert arena["corrupt"] == 0
            sharing = part.summary["sharing"]
            cache = sharing["prefix_cache"]
            shares = cache["hit_tokens"] > 0 if cache else sharing["pages_saved_fraction"] > 0
            assert arena["tokens_written"] > 0
            # What is shared is read by each sequence that sees it.
            assert (arena["tokens_checked"] > arena["tokens_written"]) == shares
            assert arena["tokens_checked"] >= arena["tokens_written"]

    def test_gives_the_recorded_numbers(self, name: str) -> None:
        """After a change that is meant: `python tests/golden_files.py` records all again."""
        assert differences(numbers_of(run_of(name)), recorded(name)) == {}

    def test_says_what_it_shows(self, name: str) -> None:
        builtin = next(builtin for builtin in builtin_scenarios() if builtin.name == name)
        assert builtin.description.endswith(".")
        assert 20 < len(builtin.description) < 120
        assert load_scenario(builtin.path).name == name

    def test_is_linked_where_a_checkout_shows_it(self, name: str) -> None:
        link = ROOT / "scenarios" / f"{name}.yaml"
        assert link.is_symlink()
        assert link.resolve() == (ROOT / "paged_sim/data/scenarios" / f"{name}.yaml").resolve()
        assert load_scenario(link).workload == load_scenario(name).workload

    def test_has_a_paragraph_in_the_docs(self, name: str) -> None:
        commands = (ROOT / "docs/scenarios.md").read_text(encoding="utf-8").splitlines()
        assert any(line.split()[:4] == ["$", "paged-sim", "run", name] for line in commands)


def test_nothing_else_is_recorded_or_linked() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)
    assert {path.stem for path in (ROOT / "scenarios").glob("*.yaml")} == set(NAMES)


def test_a_wheel_takes_every_data_file() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = config["options.package_data"]["paged_sim"].split()
    package = Path(paged_sim.__file__).parent
    data = [path.relative_to(package).as_posix() for path in (package / "data").rglob("*") if path.is_file()]
    files = [name for name in data if not name.endswith((".py", ".pyc"))]
    assert len(files) > len(NAMES)
    # A star of package_data, unlike one of fnmatch, stays within a folder.
    taken = {name for name in files for pattern in patterns if _matches(name, pattern)}
    assert set(files) == taken


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


@pytest.mark.parametrize("name", SAME_EITHER_WAY)
def test_compiled_and_plain_python_give_the_same_numbers(name: str) -> None:
    overrides = SAME_EITHER_WAY[name]
    plain, compiled = (numbers_of(run_builtin(name, *overrides, compiled=wish)) for wish in (False, True))
    assert differences(compiled, plain) == {}


def ledger_at(run: Run, name: str) -> dict[str, float]:
    """The row of the watched step of a policy, without what is 0."""
    row = next(part.summary["at_step"] for part in run.policies if part.summary["name"] == name)
    return {account: row[account] for account in (*ACCOUNTS, "held", "batch") if row[account]}


class TestSeedTutorial:
    """The tutorial's sections 1, 2 and 4."""

    def test_wasted_memory_of_one_user_and_of_a_hundred(self) -> None:
        one, hundred = (
            run_of(name).policies[0].summary["waste"]["bytes"] for name in ("seed-section1", "seed-section1-100-users")
        )
        assert f"{one / 2**20:.1f} MiB" == "774.0 MiB"
        assert f"{hundred / 2**30:.2f} GiB" == "75.59 GiB"

    def test_pages_before_and_after_the_second_request_ends(self) -> None:
        before, after = (ledger_at(run_builtin("seed-section2", at_step=step), "paged") for step in (3, 4))
        assert (before["held"], before["batch"]) == (16 * (20 + 3 + 10 + 6 + 17), 5)
        assert (after["held"], after["batch"]) == (16 * (20 + 10 + 6 + 17), 4)
        assert [f"{row['held'] / (16 * 512):.1%}" for row in (before, after)] == ["10.9%", "10.4%"]

    def test_lengths_are_one_stream_of_the_legacy_generator(self) -> None:
        stream = np.random.RandomState(42)
        for batch in (10, 25, 50, 100, 200):
            stored = np.clip(stream.normal(500, 200, batch).astype(int), 200, 2048)
            requests = draw(load_scenario(f"seed-section4-{batch}"), 0).requests
            assert requests.stored_tokens.tolist() == stored.tolist()


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("prompt: 7, output: 4, max_tokens: 2041", {"token_state": 8, "reservation": 2, "over_reservation": 2038}),
        ("prompt: 3, output: 3, max_tokens: 509", {"token_state": 4, "reservation": 1, "over_reservation": 507}),
    ],
    ids=["A", "B"],
)
def test_pagedattention_fig3_request_by_request(request_line: str, expected: dict[str, int]) -> None:
    slots = sum(expected.values())
    run = run_builtin(
        "pagedattention-fig3", f"workload.requests=[{{{request_line}}}]", f"memory.slots={slots}", at_step=1
    )
    assert ledger_at(run, "reserved") == {**expected, "held": slots, "batch": 1}


def test_pagedattention_fig3_together() -> None:
    row = ledger_at(run_builtin("pagedattention-fig3", at_step=1), "reserved")
    assert row == {"token_state": 12, "reservation": 3, "over_reservation": 2545, "held": 2560, "batch": 2}


def test_page_fill_of_uncut_sharegpt_lengths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pairs of more than 2048 tokens drawn again, every page size is within 0.4 points of what is expected."""
    monkeypatch.setenv("PAGED_SIM_COMPILE", "always")
    uncut = load_scenario(
        "page-sizes", overrides=("max_model_len=100000", "workload.requests=8000", "workload.max_tokens=100000")
    )
    requests = draw(uncut, seed=42).requests
    pairs = zip(requests.prompt_tokens.tolist(), requests.output_tokens.tolist(), strict=True)
    rows = [f"{prompt},{output}" for prompt, output in pairs if prompt + output <= 2048]
    file = tmp_path / "lengths.csv"
    file.write_text("\n".join(["num_prefill_tokens,num_decode_tokens", *rows]) + "\n", encoding="utf-8")
    run = simulate(load_scenario("page-sizes", trace=file, device="cpu"))
    expected = {1: 1.0, 8: 0.9918, 16: 0.9825, 32: 0.9645, 64: 0.9304, 128: 0.8681, 256: 0.7608}
    measured = {size: mean_fill(run, f"page-{size}") for size in expected}
    assert measured == pytest.approx(expected, abs=0.004)


def test_placements_in_order_of_what_they_lose_in_holes() -> None:
    lost = {
        part.summary["name"]: part.summary["ledger"]["saturated"]["external"]["mean"]
        for part in run_of("placement-shootout").policies
    }
    assert 0 == lost["paged"] < lost["best-fit"] < lost["first-fit"] < lost["next-fit"] < lost["worst-fit"]


def test_without_the_watermark_twice_as_many_preemptions() -> None:
    with_it, without = (
        run.policies[0].summary["requests"]["preempted"]
        for run in (run_of("watermark"), run_builtin("watermark", "scheduler.watermark=0"))
    )
    assert without > 2 * with_it > 0


def test_reserved_but_unwritten_memory_is_not_taken() -> None:
    reserved, paged = (part.summary for part in run_of("measured-memory").policies)
    assert reserved["capacity"]["bytes"] == 4 * 2**30
    assert reserved["held"]["peak"] * reserved["capacity"]["bytes"] == 3 * 2**30
    assert reserved["arena"]["resident_bytes"] <= 1.05 * paged["arena"]["touched_bytes"]


class TestTraces:
    def test_failed_requests_of_burstgpt_are_counted(self) -> None:
        assert dict(draw(load_scenario("trace-burstgpt"), 0).skipped) == {"failed": 2}

    @pytest.mark.parametrize(
        ("name", "format_"),
        [
            ("trace-azure", "azure"),
            ("trace-burstgpt", "burstgpt"),
            ("trace-kv-cache-tester", "kv-cache-tester"),
            ("trace-llmservingsim", "llmservingsim"),
            ("trace-mooncake", "mooncake"),
            ("trace-requests", "requests"),
            ("trace-sarathi", "vidur"),
            ("trace-vidur", "vidur"),
        ],
    )
    def test_each_file_is_of_its_format(self, name: str, format_: str) -> None:
        assert draw(load_scenario(name), 0).trace_format == format_
