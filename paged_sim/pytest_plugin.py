"""The plugin for pytest: scenarios with checks as tests, and a fixture that simulates.

It is loaded in every pytest run of an environment, so what it works with is imported where it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from paged_sim.result import Document

if TYPE_CHECKING:
    from _pytest._code.code import ExceptionInfo, TerminalRepr

    from paged_sim.run import Run
    from paged_sim.scenario.models import Check, Scenario

_PACKAGE = Path(__file__).parent
_LOOKS_LIKE_ONE = (re.compile(r"^checks\s*:", re.MULTILINE), re.compile(r"^allocators\s*:", re.MULTILINE))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--paged-sim` and `paged_sim_scenarios`; `--paged-sim-baseline` and `paged_sim_baseline`."""
    text = "collect scenarios of paged_sim (YAML files with checks) as tests, one a check"
    group = parser.getgroup("paged-sim")
    group.addoption("--paged-sim", action="store_true", default=False, help=text)
    parser.addini("paged_sim_scenarios", text, type="bool", default=False)
    text = "file of saved runs that checks which name a baseline are compared with"
    group.addoption("--paged-sim-baseline", metavar="RUN.json", help=text)
    parser.addini("paged_sim_baseline", f"{text}, beside the file of these settings", type="string", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse, before anything runs, a baseline that is not there."""
    file = baseline_file(config)
    if _wants_scenarios(config) and file and not file.is_file():
        raise pytest.UsageError(f"--paged-sim-baseline {file}: no such file; save one with `paged-sim check`")


def _wants_scenarios(config: pytest.Config) -> bool:
    return bool(config.getoption("--paged-sim") or config.getini("paged_sim_scenarios"))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """A YAML file with the keys `checks` and `allocators`, where scenarios are asked for."""
    if not _wants_scenarios(parent.config) or file_path.suffix not in (".yaml", ".yml"):
        return None
    text = file_path.read_text("utf-8", errors="replace")
    if not all(key.search(text) for key in _LOOKS_LIKE_ONE):
        return None
    made: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """Show a mistake at the line of the test that made it, without the way it took through this program."""
    from paged_sim.errors import PagedSimError

    if call.excinfo is not None and isinstance(call.excinfo.value, PagedSimError):
        mistake = call.excinfo.value
        call.excinfo = pytest.ExceptionInfo.from_exception(mistake.with_traceback(_outside(mistake.__traceback__)))


def _outside(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this package."""
    if traceback is None:
        return None
    rest = _outside(traceback.tb_next)
    if Path(traceback.tb_frame.f_code.co_filename).is_relative_to(_PACKAGE):
        return rest
    return TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


def baseline_file(config: pytest.Config) -> Path | None:
    """The file to compare with: of the option, from the current directory; of the ini file, from where that lies."""
    if given := config.getoption("--paged-sim-baseline"):
        return Path(given)
    if named := config.getini("paged_sim_baseline"):
        return (config.inipath.parent if config.inipath else config.rootpath) / str(named)
    return None


class CheckError(Exception):
    """A check that is not as expected; the message is what `paged-sim check` says about it."""


class ScenarioFile(pytest.File):
    """A scenario; its checks are the tests. It is simulated once, at the first of them."""

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario of the file."""
        from paged_sim.scenario import load_scenario

        return load_scenario(self.path)

    @cached_property
    def document(self) -> Document:
        """The JSON of its run."""
        from paged_sim.simulation import simulate

        return simulate(self.scenario).to_json()

    @cached_property
    def baseline(self) -> Document | None:
        """The run of this scenario in the file of saved runs; None where it has none or there is no file."""
        from paged_sim.saved import read_saved

        file = baseline_file(self.config)
        saved = read_saved(file) if file else []
        return next((one for one in saved if one["scenario"]["name"] == self.scenario.name), None)

    def collect(self) -> Iterator[CheckItem]:
        """One test a check, in order."""
        from paged_sim.errors import PagedSimError

        try:
            checks = self.scenario.checks
        except PagedSimError as error:
            raise self.CollectError(str(error)) from None
        for check in checks:
            yield CheckItem.from_parent(self, name=f"{check.path} {check.expression}", check=check)


class CheckItem(pytest.Item):
    """One check of a scenario. A failed warning is a warning of pytest's; without a baseline a check is skipped."""

    def __init__(self, *, check: Check, **given: Any) -> None:
        super().__init__(**given)
        self.check = check

    def runtest(self) -> None:
        """Compare the number with what is expected. Raises CheckError."""
        from paged_sim.checks import evaluate
        from paged_sim.reports.findings import Checked, findings_of

        assert isinstance(self.parent, ScenarioFile)
        run = self.parent.document
        baseline = self.parent.baseline
        (verdict,) = evaluate(run, [self.check], baseline)
        (finding,) = findings_of(Checked({**run, "checks": [verdict.to_json()]}, str(self.path), baseline))
        message = f"{finding.message}\n{finding.explanation}"
        if finding.word == "SKIP":
            pytest.skip(verdict.reason)
        if finding.word == "WARN":
            self.warn(pytest.PytestWarning(message))
        if finding.word == "FAIL":
            raise CheckError(f"{finding.where}: {message}")

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:
        """A failed check and a user's mistake are told without a traceback."""
        from paged_sim.errors import PagedSimError

        if isinstance(excinfo.value, CheckError | PagedSimError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The file, the line of the check (from 0), and what a report calls it (pytest takes a bare name apart)."""
        line = self.check.where.rpartition(":")[2]
        return self.path, int(line) - 1 if line.isdecimal() else None, f"checks.{self.name}"


@pytest.fixture(scope="session")
def paged_sim_run() -> Callable[..., Run]:
    """A function (scenario, **overrides) that simulates and returns the Run; the same call is simulated once.

    `scenario` is a file or a built-in name. An override is one of `--set`: its path with `__` for each dot, such as
    `scheduler__max_num_seqs=64`, or any path in a dictionary, such as `**{"allocators.vllm.page_size": 32}`.
    """

    @cache
    def simulated(scenario: str, overrides: tuple[str, ...]) -> Run:
        from paged_sim.scenario import load_scenario
        from paged_sim.simulation import simulate

        return simulate(load_scenario(scenario, overrides=overrides))

    def run(scenario: str | Path, **overrides: object) -> Run:
        return simulated(str(scenario), tuple(_assignment(path, value) for path, value in overrides.items()))

    return run


def _assignment(path: str, value: object) -> str:
    """`path=value` as `--set` reads it; JSON is YAML."""
    return f"{path.replace('__', '.')}={value if isinstance(value, str) else json.dumps(value)}"
