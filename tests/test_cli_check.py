"""`paged-sim check`: exit codes, what a pipeline reads, baselines, and another git revision."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from junit_rules import problems_of

from paged_sim.checks import Verdict
from paged_sim.cli import main
from paged_sim.reports.annotations import as_annotations
from paged_sim.reports.findings import Checked, findings_of
from paged_sim.reports.junit import as_junit

DATA = Path(__file__).parent / "data" / "checks"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of the scenarios in the current folder, run as plain Python, outside of any pipeline."""
    for source in DATA.glob("*.yaml"):
        shutil.copy(source, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGED_SIM_COMPILE", "never")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


def check(*arguments: str) -> int:
    return main(["check", *arguments])


def squeezed(text: str) -> str:
    return " ".join(text.split())


# One broken check of every kind


@pytest.fixture
def broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What `check` writes about broken.yaml, by the name of the golden file."""
    assert check("broken.yaml", "--set", "allocators.paged.page_size=8", "--save-baseline", "base.json") == 99
    capsys.readouterr()
    others = ("--junit", "junit.xml", "--markdown", "summary.md", "--annotations", "github")
    assert check("broken.yaml", "--baseline", "base.json", *others) == 99
    table, annotations = capsys.readouterr()
    return {
        "broken.txt": table,
        "broken.annotations.txt": annotations,
        "broken.junit.xml": Path("junit.xml").read_text("utf-8"),
        "broken.md": Path("summary.md").read_text("utf-8"),
    }


def test_golden_files(broken: dict[str, str]) -> None:
    """Set PAGED_SIM_WRITE_GOLDEN=1 to write the golden files anew; then read the difference."""
    for name, text in broken.items():
        if os.environ.get("PAGED_SIM_WRITE_GOLDEN"):
            (DATA / name).write_text(text, "utf-8")
        assert text == (DATA / name).read_text("utf-8"), name


def test_junit_keeps_to_the_schema(broken: dict[str, str]) -> None:
    assert problems_of(broken["broken.junit.xml"]) == []


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        ("<testsuite name='a' tests='0' failures='0' skipped='0'/>", "the root is testsuite"),
        ("<testsuites><testsuite tests='0' failures='0' skipped='0'/></testsuites>", "testsuite lacks name"),
        (
            "<testsuites><testsuite name='a' tests='1' failures='0' skipped='0'><testcase name='a' line='3'/>"
            "</testsuite></testsuites>",
            "testcase has line",
        ),
        ("<testsuites><testsuite name='a' tests='x' failures='0' skipped='0'/></testsuites>", "tests is no number"),
        ("<testsuites><testcase name='a'/></testsuites>", "testcase in testsuites"),
        ("<testsuites><case/></testsuites>", "unknown element case"),
        ("<testsuites><testsuite name='a' tests='2' failures='0' skipped='0'/></testsuites>", "tests is not 0"),
    ],
)
def test_the_rules_of_junit_find_what_is_wrong(xml: str, problem: str) -> None:
    assert problem in problems_of(xml)


def test_as_json_and_csv(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("broken.yaml", "--save-baseline", "base.json", "--format", "json") == 99
    found = json.loads(capsys.readouterr().out)
    assert {key: found[key] for key in ("version", "passed", "failed", "warned", "skipped")} == {
        "version": 1,
        "passed": 2,
        "failed": 8,
        "warned": 1,
        "skipped": 4,
    }
    (scenario,) = found["scenarios"]
    assert (scenario["scenario"], scenario["file"]) == ("broken", "broken.yaml")
    first = scenario["checks"][0]
    assert (first["path"], first["verdict"], first["level"]) == ("paged.fill.at_finish", "FAIL", "error")
    assert first["spread"] > 0
    assert "paged loses most to tail" in first["explanation"]
    assert check("broken.yaml", "--save-baseline", "base.json", "--format", "csv") == 99
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["verdict"] for row in rows] == [one["verdict"] for one in scenario["checks"]]


def test_markdown_in_place_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("seed-section2", "--markdown", "-") == 0
    out = capsys.readouterr().out
    assert out.startswith("## seed-section2\n\n### Checks: 4 of 4 pass")
    assert "```text\npaged " in out, "the ledger as bars"
    assert check("seed-section2", "--format", "markdown") == 0
    assert capsys.readouterr().out == out


# Exit codes


def test_all_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("seed-section2", "trace-azure") == 0
    out, err = capsys.readouterr()
    assert "Checks: 4 of 4 pass" in out
    assert "Checks: 3 of 3 pass" in out
    assert err == ""


def test_a_warning_is_only_shown(capsys: pytest.CaptureFixture[str]) -> None:
    setting = "checks.paged.fill.at_finish={check: < 0.5, level: warn}"
    assert check("seed-section2", "--set", setting, "--annotations", "github", "--junit", "junit.xml") == 0
    out, err = capsys.readouterr()
    assert "3 of 4 pass, 1 warned" in out
    assert err.startswith("::warning file=")
    assert problems_of(Path("junit.xml").read_text("utf-8")) == []
    assert "warning: paged.fill.at_finish is 1" in Path("junit.xml").read_text("utf-8")


def test_a_scenario_without_checks_beside_one_with(capsys: pytest.CaptureFixture[str]) -> None:
    Path("none.yaml").write_text(
        "memory: {slots: 64}\nmax_model_len: 64\nworkload: {requests: 2, prompt: 3, output: 3}\n"
        "allocators: [{name: paged, policy: paged, page_size: 4}]\n"
    )
    assert check("none.yaml", "seed-section2") == 0
    assert "━━ none\n\nNo checks." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.yaml"], "missing.yaml: no such file"),
        (["seed-section2", "--set", "checks.paged.fill.at_finish=!! 3"], "--set checks.paged.fill.at_finish=!! 3"),
        (["seed-section2", "--set", "checks.paged.fill.at_finsh=> 3"], "did you mean paged.fill.at_finish"),
        (["chat.yaml"], "chat.yaml:16: checks.paged.ledger.saturated.tail.mean: '<= baseline * 1.02' needs a baseline"),
        (["broken.yaml", "broken.yaml", "--save-baseline", "b.json"], "two scenarios are called broken"),
        (["chat.yaml", "--baseline", "no.json"], "no.json: cannot be read"),
        (["chat.yaml", "--baseline", "a", "--against", "b"], "--baseline and --against exclude each other"),
        (["seed-section2", "--junit", "no/where.xml"], "--junit no/where.xml: there is no folder no"),
        (["seed-section2", "--markdown", "no/where.md"], "--markdown no/where.md: there is no folder no"),
        (["chat.yaml", "--save-baseline", "no/b.json"], "--save-baseline no/b.json: there is no folder no"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(*arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_no_checks_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    Path("none.yaml").write_text(
        "memory: {slots: 64}\nmax_model_len: 64\nworkload: {requests: 2, prompt: 3, output: 3}\n"
        "allocators: [{name: paged, policy: paged, page_size: 4}]\n"
    )
    assert check("none.yaml") == 2
    assert "no checks in none; add some under `checks:`" in capsys.readouterr().err


def test_what_cannot_be_served_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("seed-section2", "--set", "memory.pages=1", "--set", "max_model_len=16") in (1, 2)
    assert check("seed-section2", "--set", "memory.pages=2") == 1
    assert "no request could be served" in capsys.readouterr().err


# What cannot be compared


@pytest.mark.parametrize(
    ("path", "expression", "reason"),
    [
        ("paged.ledger.saturated.tail.mean", "< 0.1", "no request waits on any step, and this number is over"),
        ("paged.batch.saturated.mean", "> 3", "no request waits on any step, and this number is over"),
        ("paged.occupancy.saturated", "p99 > 0", "no request waits on any step, and this number is over"),
    ],
)
def test_a_number_that_is_empty_since_nobody_waited(
    path: str, expression: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("seed-section2", "--set", f"checks.{path}={expression}", "--junit", "j.xml")
    assert check(*given) == 0
    out = squeezed(capsys.readouterr().out)
    assert "Checks: 4 of 5 pass, 1 skipped" in out
    assert f"{path} {expression}: Skipped: {reason}" in out
    assert problems_of(Path("j.xml").read_text("utf-8")) == []
    assert check(*given, "--fail-on-skip", "--annotations", "github") == 99
    out, err = capsys.readouterr()
    assert "Checks: 4 of 5 pass, 1 failed" in out
    assert "--fail-on-skip was given" in squeezed(out)
    assert f"{path} is empty, expected" in err


def test_fail_on_skip_fails_no_warning() -> None:
    setting = "checks.paged.batch.saturated.mean={check: '> 3', level: warn}"
    assert check("seed-section2", "--set", setting, "--fail-on-skip") == 0


def test_a_number_that_is_empty_for_another_reason_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("seed-section2", "--set", "checks.paged.arena.first_corrupt=0") == 2
    assert "the run leaves this number empty (null); check another one" in capsys.readouterr().err


def test_numbers_over_other_steps_are_compared_over_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The baseline has a queue and this run, in twice the memory, has none."""
    setting = ("--set", "checks.paged.batch.mean=>= baseline * 0.5")
    assert check("chat.yaml", *setting, "--save-baseline", "base.json") in (0, 99)
    capsys.readouterr()
    check("chat.yaml", *setting, "--baseline", "base.json", "--set", "memory.kv_cache=16GiB", "--format", "json")
    (scenario,) = json.loads(capsys.readouterr().out)["scenarios"]
    (verdict,) = [one for one in scenario["checks"] if one["path"] == "paged.batch.mean"]
    before = json.loads(Path("base.json").read_text("utf-8"))
    assert verdict["baseline"] == before["runs"][0]["batch"]["all"]["mean"]
    assert verdict["reason"] == "compared over all steps, as the run's own means are"
    assert "Compared over all steps, as the run's own means are." in verdict["explanation"]
    assert scenario["differences"] == [
        {"path": "memory.kv_cache", "before": 2 << 30, "after": 16 << 30, "source": ""},
    ]


# Mistakes, also where a pipeline looks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.yaml"], "missing.yaml: no such file"),
        (["bad.yaml"], "bad.yaml:2: memry: unknown key"),
        (["chat.yaml", "--baseline", "no.json"], "no.json: cannot be read"),
        (["chat.yaml", "--against", "nowhere"], "--against"),
        (["chat.yaml", "--baseline", "a", "--against", "b"], "--baseline and --against exclude each other"),
        (["seed-section2", "--set", "checks.paged.fill.at_finsh=> 3"], "did you mean paged.fill.at_finish"),
        (["seed-section2", "--plot", "no/where"], "--plot no/where: there is no folder no"),
        (["seed-section2", "--save-baseline", "no/b.json"], "--save-baseline no/b.json: there is no folder no"),
        (["seed-section2", "--set", "memory.pages=2"], "no request could be served"),
        (["seed-section2", "--set", "checks.paged.arena.first_corrupt=0"], "empty (null)"),
    ],
)
def test_a_mistake_is_left_in_every_report(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    Path("bad.yaml").write_text("seed: 3\nmemry: {slots: 3}\n", "utf-8")
    Path("j.xml").write_text("an older one", "utf-8")
    code = check(*arguments, "--junit", "j.xml", "--markdown", "s.md", "--annotations", "github")
    assert code == (1 if "no request" in message else 2)
    xml = Path("j.xml").read_text("utf-8")
    assert problems_of(xml) == []
    assert 'errors="1"' in xml
    assert message in xml
    assert message in Path("s.md").read_text("utf-8")
    told = capsys.readouterr().err.splitlines()
    annotations, said = told[: len(told) // 2], told[len(told) // 2 :]
    assert all(annotation.startswith("::error file=") for annotation in annotations)
    assert all(line.startswith("paged-sim: error: ") for line in said)
    assert message in annotations[0]
    assert message in said[0]


def test_a_mistake_is_annotated_at_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.yaml").write_text("seed: 3\nmemry: {slots: 3}\n", "utf-8")
    assert check("bad.yaml", "--annotations", "github") == 2
    assert capsys.readouterr().err.startswith("::error file=bad.yaml,line=2,title=bad::bad.yaml:2: memry: unknown key")


def test_a_report_that_cannot_be_written_hides_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("seed-section2", "--junit", "no/where.xml", "--markdown", "s.md") == 2
    assert capsys.readouterr().err.startswith("paged-sim: error: --junit no/where.xml: there is no folder no")
    assert "--junit no/where.xml: there is no folder no" in Path("s.md").read_text("utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat.yaml", "--set", "checks.paged.stps=> 3", "--save-baseline", "b.json"],
        ["chat.yaml", "--set", "checks.pagd.steps=> 3", "--save-baseline", "b.json"],
        ["chat.yaml", "--set", "checks.paged.batch=p42 > 3", "--save-baseline", "b.json"],
        ["chat.yaml", "--set", "checks.paged.batch=> 3", "--save-baseline", "b.json"],
        ["chat.yaml", "--save-baseline", "b.json", "--junit", "no/where.xml"],
        ["chat.yaml", "--save-baseline", "b.json", "--markdown", "."],
        ["chat.yaml", "--save-baseline", "b.json", "-o", "no/where.txt"],
        ["chat.yaml", "--save-baseline", "b.json", "--timeline", "no/where.csv"],
        ["chat.yaml", "--baseline", "no.json"],
    ],
)
def test_paths_are_checked_before_anything_is_simulated(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate_all(*given: object) -> None:
        raise AssertionError("simulated")

    monkeypatch.setattr(sys.modules["paged_sim.cli.check"], "simulate_all", simulate_all)
    assert check(*arguments) == 2
    with pytest.raises(AssertionError, match="simulated"):
        monkeypatch.setenv("PAGED_SIM_DEBUG", "1")
        check("chat.yaml", "--save-baseline", "b.json")


def test_corrupted_content_is_an_error_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from paged_sim import simulation
    from paged_sim.run import Run

    real = simulation.simulate

    def simulate(scenario: Any, **given: Any) -> Run:
        run = real(scenario, **given)
        run.policies[0].summary["arena"]["corrupt"] = 3
        return run

    monkeypatch.setattr("paged_sim.simulation.simulate", simulate)
    assert check("seed-section2", "--junit", "j.xml") == 1
    xml = Path("j.xml").read_text("utf-8")
    assert problems_of(xml) == []
    assert "corrupted content: paged (3 tokens)" in xml
    assert 'tests="5" failures="0" errors="1"' in xml


# Baselines


def test_a_planted_waste_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """Pages of twice the size: the message names what changed, and the accounts that grew in bytes and sequences."""
    assert check("chat.yaml", "--save-baseline", "base.json", "--quiet") == 0
    assert check("chat.yaml", "--baseline", "base.json") == 0
    assert check("chat.yaml", "--baseline", "base.json", "--set", "allocators.paged.page_size=32") == 99
    out, err = capsys.readouterr()
    message = squeezed(out)
    assert "differs from the baseline's: allocators.paged.page_size: 16 -> 32" in message
    held = "paged holds 24.31 sequences on the steps on which a request waits, 25.65 in the baseline (-1.34)"
    assert f"{held}: reservation per sequence grew from 3.63 MiB to 7.24 MiB, -1.12;" in message
    assert "tail per sequence 120.95 KiB 544.09 KiB +423.14 KiB -0.12" in message
    assert err == ""


def test_a_baseline_of_other_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("seed-section2", "--save-baseline", "base.json") == 0
    assert check("chat.yaml", "--baseline", "base.json") == 2
    assert "--baseline base.json: holds seed-section2, not chat; save it anew" in capsys.readouterr().err
    assert check("chat.yaml", "seed-section2", "--baseline", "base.json") == 0
    assert "2 skipped" in capsys.readouterr().out


def test_a_stale_baseline_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("chat.yaml", "--save-baseline", "base.json", "--set", "repeats=1") == 0
    check("chat.yaml", "--baseline", "base.json")
    out = capsys.readouterr().out
    assert "repeats: 1 -> 2\n\nNote: the baseline served other requests" in out


def test_a_renamed_allocator_fails_its_baseline_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("chat.yaml", "--save-baseline", "base.json") == 0
    text = Path("chat.yaml").read_text("utf-8").replace("name: paged", "name: p16").replace("  paged.", "  p16.")
    Path("chat.yaml").write_text(text, "utf-8")
    capsys.readouterr()
    assert check("chat.yaml", "--baseline", "base.json") == 99
    out = squeezed(capsys.readouterr().out)
    assert "Checks: 1 of 3 pass, 2 failed" in out
    assert "The baseline has no allocator p16, it has paged; keep the name, or take a baseline that has it." in out
    assert "allocators.paged.name: paged -> p16" in out


def test_a_default_that_changed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("chat.yaml", "--save-baseline", "base.json") == 0
    saved = json.loads(Path("base.json").read_text("utf-8"))
    saved["scenario"]["scheduler"]["prefill"] = "none of today's"
    Path("base.json").write_text(json.dumps(saved), "utf-8")
    capsys.readouterr()
    assert check("chat.yaml", "--baseline", "base.json") == 0
    assert "the default of scheduler.prefill changed: none of today's -> " in squeezed(capsys.readouterr().out)


def test_paths_are_shown_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    """So that they can be copied; a table too wide for the screen gives way to two lines a check."""
    name = "an-allocator-whose-name-somebody-has-written-out"
    text = (
        Path("chat.yaml").read_text("utf-8").replace("name: paged", f"name: {name}").replace("  paged.", f"  {name}.")
    )
    Path("chat.yaml").write_text(text, "utf-8")
    check("chat.yaml", "--save-baseline", "base.json")
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    for path in (f"{name}.ledger.saturated.tail.mean", f"{name}.arena.corrupt"):
        assert any(path in line for line in lines)


def test_a_baseline_is_a_saved_run_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("chat.yaml", "seed-section2", "--save-baseline", "base.json") == 0
    assert main(["compare", "base.json", "base.json"]) == 0
    out = capsys.readouterr().out
    assert "chat: paged" in out
    assert "seed-section2: paged" in out


# Another git revision


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git checkout whose last commit holds chat.yaml; in the working tree its pages are twice as large."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git("init", "--quiet", "--initial-branch=main")
    Path("nested").mkdir()
    Path("chat.yaml").rename("nested/chat.yaml")
    git("add", "nested")
    git("commit", "--quiet", "-m", "before")
    text = Path("nested/chat.yaml").read_text("utf-8")
    Path("nested/chat.yaml").write_text(text.replace("page_size: 16", "page_size: 32"), "utf-8")
    return folder


def commit_program(answer: dict[str, Any], code: int = 0) -> None:
    """Commit a package of that name that answers every run with this, and this exit code."""
    Path("paged_sim").mkdir()
    Path("paged_sim/__init__.py").touch()
    Path("paged_sim/__main__.py").write_text(
        "import sys\n"
        f"open(sys.argv[sys.argv.index('-o') + 1], 'w').write({json.dumps(answer)!r})\n"
        f"print('said', file=sys.stderr)\nsys.exit({code})\n",
        "utf-8",
    )
    git("add", "paged_sim")
    git("commit", "--quiet", "-m", "a program of its own")


@pytest.mark.usefixtures("checkout")
def test_against_a_revision(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("nested/chat.yaml", "--against", "main") == 99
    out = squeezed(capsys.readouterr().out)
    assert "tail per sequence 120.95 KiB 544.09 KiB +423.14 KiB -0.12" in out
    same = ("--set", "allocators.paged.page_size=16", "--seed", "5", "--device", "cpu")
    assert check("nested/chat.yaml", "--against", "main", *same) == 0, "flags hold for both"
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1, "no worktree is left behind"


@pytest.mark.usefixtures("checkout")
def test_inside_a_git_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of the commit being made stays as it is."""
    git("add", "nested")
    index = Path(".git/index").read_bytes()
    monkeypatch.setenv("GIT_INDEX_FILE", str(Path(".git/index").resolve()))
    monkeypatch.setenv("GIT_DIR", ".git")
    assert check("nested/chat.yaml", "--against", "HEAD") == 99
    assert Path(".git/index").read_bytes() == index


@pytest.mark.usefixtures("checkout")
def test_a_scenario_that_the_revision_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("nested/chat.yaml", "new.yaml")
    assert check("new.yaml", "--against", "HEAD") == 0
    out = squeezed(capsys.readouterr().out)
    assert "1 of 3 pass, 2 skipped" in out
    assert "no baseline to compare with" in out


@pytest.mark.usefixtures("checkout")
def test_a_revision_that_git_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("nested/chat.yaml", "--against", "nowhere") == 2
    assert "--against nowhere: git knows no such revision" in capsys.readouterr().err
    assert check("nested/chat.yaml", "--against", "--all") == 2


@pytest.mark.usefixtures("checkout")
def test_a_revision_whose_scenario_does_not_load(capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path("nested/chat.yaml").read_text("utf-8")
    Path("nested/chat.yaml").write_text("memory: {slots: 3}\n", "utf-8")
    git("commit", "--quiet", "-a", "-m", "broken")
    Path("nested/chat.yaml").write_text(whole, "utf-8")
    assert check("nested/chat.yaml", "--against", "HEAD") == 1
    err = capsys.readouterr().err
    assert "--against HEAD: nested/chat.yaml cannot be run there: error: nested/chat.yaml: " in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("checkout")
def test_a_revision_with_a_program_of_its_own_runs_that(capsys: pytest.CaptureFixture[str]) -> None:
    """The revision's package here answers with a run in which tokens that were stored are padding."""
    assert main(["run", "nested/chat.yaml", "--format", "json", "-o", "run.json"]) == 0
    answer = json.loads(Path("run.json").read_text("utf-8"))
    answer["runs"][0]["ledger"]["saturated"]["padding"]["mean"] = 0.1
    answer["runs"][0]["ledger"]["saturated"]["token_state"]["mean"] -= 0.1
    commit_program(answer)
    setting = ("--set", "checks.paged.ledger.saturated.padding.mean=== baseline")
    assert check("nested/chat.yaml", "--against", "HEAD", *setting) == 99
    assert "padding per sequence shrank from 8.43 MiB to 0 B, +2.47" in squeezed(capsys.readouterr().out)


@pytest.mark.usefixtures("checkout")
def test_a_revision_of_an_older_program(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own program has another default, and knows neither a key of the scenario nor some numbers of today: that a
    check names one of these is a mistake to it (exit code 2), once it has written its results.
    """
    assert main(["run", "nested/chat.yaml", "--format", "json", "-o", "run.json"]) == 0
    answer = json.loads(Path("run.json").read_text("utf-8"))
    answer["scenario"]["scheduler"]["prefill"] = "another"
    del answer["scenario"]["scheduler"]["watermark"]
    for key in ("time", "throughput", "latency", "tokens", "blocked_by", "measured"):
        answer["runs"][0].pop(key, None)
    commit_program(answer, code=2)
    setting = ("--set", "checks.paged.latency.queue.mean=<= baseline * 1.1")
    assert check("nested/chat.yaml", "--against", "HEAD", *setting) == 0
    out = squeezed(capsys.readouterr().out)
    assert "Skipped: the baseline has no such number." in out
    assert "the default of scheduler.prefill changed: another -> " in out
    assert "watermark" not in out


@pytest.mark.usefixtures("checkout")
def test_a_revision_whose_results_are_worthless(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 after the results: corrupted content."""
    assert main(["run", "nested/chat.yaml", "--format", "json", "-o", "run.json"]) == 0
    commit_program(json.loads(Path("run.json").read_text("utf-8")), code=1)
    assert check("nested/chat.yaml", "--against", "HEAD") == 1
    assert "--against HEAD: nested/chat.yaml cannot be run there: said" in capsys.readouterr().err


def test_no_checkout(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    assert check("chat.yaml", "--against", "HEAD") == 2
    assert "--against: chat.yaml lies in no git checkout; use --baseline RUN.json" in capsys.readouterr().err


def test_no_git(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from paged_sim.cli import against

    monkeypatch.setenv("PATH", "")
    with pytest.raises(against.PagedSimError, match="needs git"):
        against._git(Path(), "status")


# Annotations and other details


def checked_of(**verdict: Any) -> list[Checked]:
    given: dict[str, Any] = {"path": "a.b", "expression": "> 3", "value": 1.0, "passed": False, "where": "s,1.yaml:3"}
    one = Verdict(**{**given, **verdict})
    document = {
        "scenario": {"name": "50%\nof"},
        "runs": [{"name": "a", "over": "all", "capacity": {"bytes": 8}, "ledger": {"all": _empty_ledger()}}],
        "checks": [{name: getattr(one, name) for name in Verdict.__slots__}],
    }
    return [Checked(document, "s.yaml")]


def _empty_ledger() -> dict[str, dict[str, float]]:
    from paged_sim.changes import ACCOUNT_BETTER

    return {account: {"mean": 0.0} for account in ACCOUNT_BETTER}


def test_annotations_escape_what_github_reads() -> None:
    said = as_annotations(checked_of())
    assert said.startswith(
        "::error file=s%2C1.yaml,line=3,title=50%25%0Aof::a.b is 1, expected > 3. a: nothing is lost"
    )
    assert said.count("\n") == 1


def test_a_check_from_a_flag_is_annotated_at_the_file() -> None:
    assert as_annotations(checked_of(where="--set checks.a.b=> 3")).startswith("::error file=s.yaml,title=")
    assert as_annotations(checked_of(passed=True)) == ""


def test_github_is_recognised(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    setting = ("--set", "checks.paged.fill.at_finish=< 0.5")
    assert check("seed-section2", *setting) == 99
    assert "::error file=" in capsys.readouterr().err
    assert check("seed-section2", *setting, "--annotations", "none") == 99
    assert capsys.readouterr().err == ""


def test_junit_leaves_out_what_xml_cannot_hold() -> None:
    text = as_junit(checked_of(passed=None, reason="\x00 because"))
    assert problems_of(text) == []
    assert "? because" in text


def test_a_pass_by_the_spread_says_so() -> None:
    (finding,) = findings_of(checked_of(passed=True, spread=2.5)[0])
    assert finding.because == "The mean alone misses; it passes by the spread over the seeds."
    (finding,) = findings_of(checked_of(passed=True, value=4.0, spread=2.5)[0])
    assert finding.because == ""
