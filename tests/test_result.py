"""The structure of a run: what the engine writes, what the documentation says, and the table of accounts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from paged_sim import ledger, load_scenario, simulate
from paged_sim.changes import BETTER
from paged_sim.checks import evaluate
from paged_sim.result import ACCOUNTS, Document, Entry
from paged_sim.result.accounts import LOST, TABLE, owned_by, paper_view
from paged_sim.result.entry import Statistics
from paged_sim.result.validate import mistake_in

ROOT = Path(__file__).parent.parent
CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")
CONCEPTS = (ROOT / "docs" / "concepts.md").read_text("utf-8")
SOURCES = sorted((ROOT / "paged_sim").rglob("*.py"))


def inside(kind: Any) -> Iterator[Any]:
    """The kinds that a type wraps: those of a union, a list or the values of a dictionary."""
    if get_origin(kind) in (Union, UnionType, list, dict, Annotated):
        for part in get_args(kind):
            yield from inside(part)
    else:
        yield kind


def paths(kind: Any, prefix: str = "") -> Iterator[str]:
    """Every path of a structure; lists and dictionaries with free keys add none."""
    for part in inside(kind):
        if is_typeddict(part):
            for key, below in get_type_hints(part, include_extras=True).items():
                yield prefix + key
                yield from paths(below, f"{prefix}{key}.")


def words(kind: Any) -> Iterator[str]:
    """The words that a structure's texts are chosen from."""
    for part in inside(kind):
        if get_origin(part) is Literal:
            yield from get_args(part)
        elif is_typeddict(part):
            for below in get_type_hints(part, include_extras=True).values():
                yield from words(below)


def unknown(value: Any, kind: Any, path: str = "") -> Iterator[str]:
    """The keys of JSON that the structure does not have."""
    parts = [part for part in inside(kind) if is_typeddict(part)]
    if isinstance(value, list):
        for each in value:
            yield from unknown(each, kind, path)
    elif isinstance(value, dict) and parts:
        known = get_type_hints(parts[0], include_extras=True)
        for key, below in value.items():
            if get_origin(kind) is Annotated or get_origin(kind) is dict:
                yield from unknown(below, kind if get_origin(kind) is Annotated else parts[0], f"{path}.{key}")
            elif key not in known:
                yield f"{path}.{key}"
            else:
                yield from unknown(below, known[key], f"{path}.{key}")


SCENARIOS = ("three-requests", "refusals", "chat-2rps", "three-samples", "watermark")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_is_what_its_structure_says(name: str) -> None:
    scenario = load_scenario(name)
    run = simulate(scenario, at_step=1, timings=True)
    document = run.to_json(timelines=True)
    document["checks"] = [verdict.to_json() for verdict in evaluate(document, scenario.checks)]
    assert mistake_in(document, Document) == ""
    for part in document["runs"]:
        free = ("ledger", "policy", "spread", "at_step", "blocked_by", "waiting")
        assert list(unknown({key: value for key, value in part.items() if key not in free}, Entry)) == []
        assert set(part) | {"at_steps", "booking"} == {path for path in paths(Entry) if "." not in path}
        assert set(part["ledger"]["all"]) == set(ACCOUNTS)
        assert part["ledger"]["all"]["idle"].keys() == get_type_hints(Statistics).keys()


def test_every_key_is_on_its_page_and_every_key_there_exists() -> None:
    _, _, section = CLI.partition("### The JSON of a run\n")
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", section.partition("## ")[0], re.M)[2:]
    page = {word for row in rows for cell in row for word in re.findall(r"`([a-z_0-9.]+)`", cell)}
    said = {part for word in page for part in word.split(".")}
    keys = {part for path in paths(Document) for part in path.split(".")}
    beside = {"fragmentation", "max_num_seqs", "token_budget", "watermark", "after_preemption", "step", "error", "warn"}
    of_the_scenario = {"allocators", "workload"}
    assert keys - of_the_scenario - said == set()
    assert said - keys - set(words(Document)) - beside == set()


def test_the_accounts_are_numbered_as_the_ledger_numbers_them() -> None:
    assert [getattr(ledger, name.upper()) for name in ACCOUNTS] == list(range(ledger.NUM_ACCOUNTS))
    assert [ACCOUNTS[index] for index in ledger.FREE_ACCOUNTS] == ["external", "short", "withheld", "idle"]


def test_the_accounts_are_documented_in_their_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", CONCEPTS.partition("| account | slots that |")[2], re.M)
    assert rows[: len(TABLE)] == [(account.name, account.meaning) for account in TABLE]


def test_what_is_lost_is_said_in_a_sentence() -> None:
    assert [account.name for account in TABLE if account.lost] == list(LOST)
    assert len(owned_by("sequence", "cache", "free", "nobody")) == len(TABLE)
    for looks in ("label", "colour", "glyph"):
        assert len({getattr(account.look, looks) for account in TABLE}) == len(TABLE)


def test_the_paper_view() -> None:
    shares = dict.fromkeys(ACCOUNTS, 0.0) | {"token_state": 0.25, "over_reservation": 0.125, "tail": 0.125, "idle": 0.5}
    accounts: Any = {name: {"mean": share} for name, share in shares.items()}
    view = paper_view(accounts)
    assert view == {"token_state": 0.25, "reservation": 0.0, "internal": 0.25, "external_and_others": 0.5}
    empty: Any = {name: {"mean": None} for name in ACCOUNTS}
    assert set(paper_view(empty).values()) == {None}


def literal_paths() -> Iterator[tuple[str, str]]:
    """Every text in the package that reads like the path of a number of an entry."""
    first = {path for path in paths(Entry) if "." not in path}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            head, dot, _ = text.partition(".")
            if dot and head in first and re.fullmatch(r"[a-z_0-9.]+", text):
                yield source.name, text


def test_every_path_in_the_sources_leads_somewhere() -> None:
    """A misspelt path would be a dash in a table for ever."""
    known = set(paths(Entry))
    free = ("ledger.", "policy.", "blocked_by.", "waiting.share_by.")
    found = {(file, text) for file, text in literal_paths() if not text.endswith(".") and not text.startswith(free)}
    assert len(found) > 50
    assert {(file, text) for file, text in found if text not in known and file != "keys.py"} == set()
    assert {path for path in BETTER if path not in known and not path.startswith(free)} == set()
