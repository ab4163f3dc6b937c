"""The pipelines of docs/ci.md, the GitHub Action and the pre-commit hook, as far as one machine can run them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from junit_rules import problems_of

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
WORSE = ("page_size: 16", "page_size: 32")


def example(name: str) -> Any:
    """The YAML block of the page whose first line names this file."""
    found = re.search(rf"^```yaml\n# {re.escape(name)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/ci.md has no {name}"
    return yaml.safe_load(found[1])


def scenario_text() -> str:
    found = re.search(r"^```yaml\n# memory\.yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with this Python's programs first on the path, as in a pipeline that has just installed them."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    given = {**os.environ, "PATH": path, "PAGED_SIM_COMPILE": "never", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=given)


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = run("git", *identity, *arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a repository with the page's scenario, on a branch that doubles the page size."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "origin" / "scenarios").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "origin")
    git("init", "--quiet", "--initial-branch=main")
    Path("scenarios/memory.yaml").write_text(scenario_text(), "utf-8")
    git("add", "scenarios")
    git("commit", "--quiet", "-m", "before")
    monkeypatch.chdir(tmp_path)
    git("clone", "--quiet", "origin", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    Path("scenarios/memory.yaml").write_text(scenario_text().replace(*WORSE), "utf-8")
    return tmp_path / "clone"


SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
"""How GitHub runs a script."""


def action() -> Any:
    return yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


def action_step(given: dict[str, str], name: str = "Check") -> tuple[str, dict[str, str]]:
    """The script of a step of the action, and its environment for these inputs."""
    inputs = action()["inputs"]
    assert given.keys() <= inputs.keys()
    values = {f"inputs.{name}": given.get(name, entry.get("default", "")) for name, entry in inputs.items()}
    values["runner.temp"] = str(Path.cwd() / "temp")
    (step,) = [step for step in action()["runs"]["steps"] if step.get("name") == name]
    filled = {
        key: re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values[found[1]], value)
        for key, value in step["env"].items()
    }
    return step["run"], filled


@pytest.mark.slow
@pytest.mark.usefixtures("change")
def test_the_github_action(tmp_path: Path) -> None:
    """As the workflow of the page calls it; GitHub gives a file for the summary."""
    workflow = example(".github/workflows/memory.yml")
    (step,) = [step for step in workflow["jobs"]["memory"]["steps"] if "paged_sim" in step["uses"]]
    given = {name: value.replace("${{ github.base_ref }}", "main") for name, value in step["with"].items()}
    script, environment = action_step({**given, "junit": "memory.xml"})
    summary = tmp_path / "summary.md"
    summary.touch()
    done = run(*SHELL, script, **environment, GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true")
    assert done.returncode == 99, done.stderr
    assert done.stderr.startswith("::error file=scenarios/memory.yaml,line=15,title=chat::paged.ledger.saturated.tail")
    told = summary.read_text("utf-8")
    assert "allocators.paged.page_size: 16 -> 32" in told
    assert "| tail per sequence | 120.95 KiB | 544.09 KiB | +423.14 KiB | -0.12 |" in told
    assert problems_of(Path("memory.xml").read_text("utf-8")) == []
    git("checkout", "--quiet", "scenarios")
    done = run(*SHELL, script, **environment, GITHUB_STEP_SUMMARY=str(summary))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("change")
def test_the_github_action_tells_of_a_mistake_everywhere(tmp_path: Path) -> None:
    Path("scenarios/memory.yaml").write_text(scenario_text().replace("policy: paged", "policy: [paged"), "utf-8")
    script, environment = action_step(
        {"scenarios": "scenarios/*.yaml", "against": "origin/main", "junit": "memory.xml"}
    )
    summary = tmp_path / "summary.md"
    done = run(*SHELL, script, **environment, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 2
    assert done.stderr.startswith("::error file=scenarios/memory.yaml,line=13,")
    for told in (summary.read_text("utf-8"), Path("memory.xml").read_text("utf-8")):
        assert "scenarios/memory.yaml:13: broken YAML" in told
    assert problems_of(Path("memory.xml").read_text("utf-8")) == []


@pytest.mark.usefixtures("change")
def test_the_action_keeps_compiled_code_by_all_that_it_depends_on(tmp_path: Path) -> None:
    """Where the check compiles to, the cache keeps; other scenarios get another key, and begin with the same code."""
    (cache,) = [step for step in action()["runs"]["steps"] if step.get("uses", "").startswith("actions/cache@")]
    assert cache["with"]["path"] == action_step({})[1]["PAGED_SIM_CACHE_DIR"].replace(
        str(Path.cwd() / "temp"), "${{ runner.temp }}"
    )
    assert cache["with"]["key"] == "${{ steps.compiled.outputs.key }}"
    assert cache["with"]["restore-keys"] == "${{ steps.compiled.outputs.program }}-"
    (named,) = [step["name"] for step in action()["runs"]["steps"] if step.get("id") == "compiled"]
    found = []
    for text in (scenario_text(), scenario_text().replace(*WORSE), None):
        Path("scenarios/memory.yaml").unlink()
        if text is not None:
            Path("scenarios/memory.yaml").write_text(text, "utf-8")
        script, environment = action_step({"scenarios": "scenarios/*.yaml"}, named)
        output = tmp_path / "output"
        output.unlink(missing_ok=True)
        done = run(*SHELL, script, **environment, GITHUB_OUTPUT=str(output), PAGED_SIM_CACHE_DIR=str(tmp_path))
        assert (done.returncode, done.stderr) == (0, "")
        found.append(dict(line.split("=") for line in output.read_text("utf-8").splitlines()))
        assert found[-1]["key"].startswith(f"{found[-1]['program']}-")
    assert re.fullmatch(r"paged-sim-[0-9a-f]{16}-[0-9a-f]{8}", found[0]["program"])
    assert len({each["program"] for each in found}) == 1
    assert len({each["key"] for each in found}) == 3


def test_every_input_of_the_action_is_on_the_page() -> None:
    assert set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == set(action()["inputs"])


def test_the_action_installs_what_lies_beside_it() -> None:
    steps = action()["runs"]["steps"]
    assert steps[1]["run"].endswith('"$GITHUB_ACTION_PATH"')
    assert (ROOT / "pyproject.toml").is_file()


@pytest.mark.usefixtures("change")
def test_the_gitlab_job() -> None:
    job = example(".gitlab-ci.yml")["memory"]
    install, *script = job["script"]
    assert install.startswith("pip install")
    assert job["variables"]["PAGED_SIM_CACHE_DIR"] == f"$CI_PROJECT_DIR/{job['cache']['paths'][0].rstrip('/')}"
    done = run("bash", "-e", "-c", "\n".join(script), CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert done.returncode == 99, done.stderr
    report = job["artifacts"]["reports"]["junit"]
    assert problems_of(Path(report).read_text("utf-8")) == []
    assert all(Path(path).is_file() for path in job["artifacts"]["paths"])


@pytest.mark.usefixtures("change")
def test_the_pre_commit_hook() -> None:
    """pre-commit calls the entry with the arguments of the configuration, then the files that match."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    (configured,) = example(".pre-commit-config.yaml")["repos"][0]["hooks"]
    assert configured["id"] == hook["id"]
    files = [name for name in ("scenarios/memory.yaml", "README.md") if re.search(hook["files"], name)]
    done = run(*shlex.split(hook["entry"]), *configured["args"], *files)
    assert done.returncode == 99, done.stderr
    assert "1 failed" in done.stdout


@pytest.mark.slow
def test_the_pytest_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scenarios").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    (tmp_path / "scenarios" / "memory.yaml").write_text(scenario_text(), "utf-8")
    blocks = re.findall(r"^```(?:text|ini)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    command, compared, settings, module = (
        next(block for block in blocks if begins in block) for begins in ("pytest sc", "-baseline", "[", "def")
    )
    done = run(sys.executable, "-m", *shlex.split(command))
    assert "2 passed, 1 skipped" in done.stdout, done.stdout
    saved = run("paged-sim", "check", "scenarios/memory.yaml", "--save-baseline", "before.json", "--quiet")
    assert saved.returncode == 0, saved.stderr
    done = run(sys.executable, "-m", *shlex.split(compared))
    assert "3 passed" in done.stdout, done.stdout
    (tmp_path / "pytest.ini").write_text(settings, "utf-8")
    (tmp_path / "test_memory.py").write_text(module, "utf-8")
    done = run(sys.executable, "-m", "pytest")
    assert "3 passed, 1 skipped" in done.stdout, done.stdout


def test_the_repository_checks_itself() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"^\.venv-test/bin/paged-sim check scenarios/\*\.yaml", script, re.MULTILINE)
    assert shutil.which("bash"), "the script needs it"
