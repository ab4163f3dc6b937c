"""Pictures of small runs: what is said of each page is what happened to it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from helpers import CONTIGUOUS, by_name, drawn_workload, scenario_of

from paged_sim.cli import cli, main
from paged_sim.errors import PagedSimError
from paged_sim.pictures import Pictures, pictures_of
from paged_sim.scenario.models import AllocatorSpec, Beam, Prefix, Scheduler, Variant
from paged_sim.simulation import simulate

PAGES = AllocatorSpec(name="pages", policy="paged", page_size=4)
ORACLE = AllocatorSpec(name="oracle", policy="contiguous", reserve="oracle", placement="first_fit")
ONE_BY_ONE = Scheduler(max_num_seqs=1)


def pictures(slots: int = 64, scheduler: Scheduler | None = None, **settings: Any) -> Pictures:
    workload = drawn_workload(**{"count": 1, "prompt": 6, "output": 4, **settings})
    return pictures_of(scenario_of(PAGES, slots=slots, workload=workload, scheduler=scheduler))[0]


def test_a_sequence_alone_takes_a_page_when_it_needs_one() -> None:
    steps = pictures().steps
    assert [[(look.page, look.owners, look.filled) for look in step.pages] for step in steps] == [
        [(0, ("0",), 4), (1, ("0",), 2)],
        [(0, ("0",), 4), (1, ("0",), 3)],
        [(0, ("0",), 4), (1, ("0",), 4)],
        [(0, ("0",), 4), (1, ("0",), 4), (2, ("0",), 1)],
    ]
    assert [look.events for look in steps[0].pages] == [("allocated",)] * 2
    assert steps[3].pages[2].events == ("allocated",)


def test_pages_of_who_has_ended_are_freed_and_taken_by_the_next() -> None:
    steps = pictures(count=2, scheduler=ONE_BY_ONE).steps
    assert [step.step for step in steps] == list(range(8))
    assert [look.events for look in steps[4].pages].count(("freed by 0", "allocated")) == 2
    assert [look.events for look in steps[4].pages].count(("freed by 0",)) == 1


def test_beams_leave_and_share_pages() -> None:
    steps = pictures(slots=128, output=20, beam=Beam(width=3)).steps
    events = {event.split(" ")[0] for step in steps for look in step.pages for event in look.events}
    assert events == {"allocated", "shared", "copied", "left", "freed"}


def test_a_prompt_in_chunks_fills_its_pages_bit_by_bit() -> None:
    scheduler = Scheduler(max_num_seqs=2, max_num_batched_tokens=3, prefill="chunked")
    steps = pictures(scheduler=scheduler).steps
    assert [sum(look.filled for look in step.pages) for step in steps] == [3, 6, 7, 8, 9]


def cached_pictures(cache: str, **settings: Any) -> Pictures:
    spec = AllocatorSpec(name=cache, policy="paged", page_size=4, prefix_cache=cache)
    prefix = Prefix(groups=1, tokens=6)
    workload = drawn_workload(**{"count": 3, "prompt": 3, "output": 2, "prefix": prefix, **settings})
    return pictures_of(scenario_of(spec, slots=16, workload=workload, scheduler=ONE_BY_ONE))[0]


def test_a_cache_keeps_what_is_full_and_evicts_what_is_idle_longest() -> None:
    steps = cached_pictures("hash").steps
    assert [(look.owners, look.idle, look.filled, look.events) for look in steps[2].pages] == [
        (("1",), False, 4, ("freed by 0", "found by 1")),
        ((), True, 4, ("freed by 0", "kept")),
        (("1",), False, 4, ("freed by 0", "allocated")),
        (("1",), False, 1, ("allocated",)),
    ]
    assert steps[4].pages[1].events == ("evicted", "allocated")


def test_a_radix_tree_copies_the_page_that_agrees_in_part() -> None:
    assert cached_pictures("radix").steps[2].pages[3].events == ("copied from page 1",)


def test_samples_are_requests_of_their_own_for_a_cache() -> None:
    first = cached_pictures("running", count=1, samples=3).steps
    assert {owner for step in first for look in step.pages for owner in look.owners} == {"0.0", "0.1", "0.2"}
    assert not any(look.idle for step in first for look in step.pages)


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(PagedSimError, match="built, pages: 33 pages are too many to show; give it memory for at most"):
        pictures(slots=33 * 4)
    with pytest.raises(PagedSimError, match="more than 50 steps are too many"):
        pictures(output=52)
    many = scenario_of(ORACLE, slots=400, workload=drawn_workload(count=33, prompt=4, output=2))
    with pytest.raises(PagedSimError, match="built, oracle: more than 32 sequences at once are too many to show"):
        pictures_of(many)


def test_block_tables_are_the_pages_in_logical_order() -> None:
    steps = pictures(count=2, slots=32, output=8).steps
    assert [(look.label, look.tokens, look.table) for look in steps[-1].sequences] == [
        ("0", 13, (0, 1, 4, 6)),
        ("1", 13, (2, 3, 5, 7)),
    ]


def test_who_waits_and_who_was_preempted() -> None:
    steps = pictures(count=3, slots=16, output=8).steps
    assert steps[0].waiting == ("2",)
    assert {waiting for step in steps for waiting in [step.waiting]} >= {("2",), ("1 (preempted)", "2")}


def test_samples_wait_by_name_where_each_is_a_request() -> None:
    assert cached_pictures("running", count=1, samples=3).steps[0].waiting == ("0.1", "0.2")


@pytest.mark.parametrize("spec", CONTIGUOUS, ids=by_name)
def test_extents_are_what_the_ledger_says(spec: AllocatorSpec) -> None:
    workload = drawn_workload(
        count=6, prompt=Variant("uniform", {"low": 2, "high": 9}), output=Variant("uniform", {"low": 1, "high": 9})
    )
    scenario = scenario_of(spec, slots=112, max_model_len=20, workload=workload)
    steps = pictures_of(scenario)[0].steps
    columns = simulate(scenario).policies[0].timeline.columns
    held = ("token_state", "reservation", "over_reservation", "tail", "rounding")
    for step in steps:
        (at,) = [index for index, number in enumerate(columns["step"]) if number == step.step]
        shown = Counter[str]()
        end = 0
        for look in step.extents:
            assert look.start == end
            end += look.slots
            shown.update(dict(look.accounts))
        assert end == 112
        assert [shown[account] for account in held] == [columns[account][at] for account in held]
        assert len(step.waiting) == columns["waiting"][at]


def test_extents_are_placed_freed_moved_and_grow() -> None:
    spec = AllocatorSpec(name="grow", policy="contiguous", reserve="grow", placement="first_fit", chunk=4)
    workload = drawn_workload(count=2, prompt=4, output=6)
    first, second, *_ = pictures_of(scenario_of(spec, slots=32, workload=workload))[0].steps
    assert [(look.start, look.slots, look.owner, look.events) for look in first.extents] == [
        (0, 4, "0", ("placed",)),
        (4, 4, "1", ("placed",)),
        (8, 24, "", ()),
    ]
    assert [(look.start, look.slots, look.owner, look.events) for look in second.extents] == [
        (0, 8, "", ("freed by 0", "freed by 1")),
        (8, 8, "0", ("moved from 0-3",)),
        (16, 8, "1", ("moved from 4-7",)),
        (24, 8, "", ()),
    ]
    alone = pictures_of(scenario_of(spec, slots=32, workload=drawn_workload(count=1, prompt=4, output=6)))[0].steps
    assert alone[1].extents[0].events == ("grew by 4",)


def show(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["run", *arguments, "--show-blocks"])
    assert result.exit_code == 0
    return result.output


def test_show_blocks_prints_no_report() -> None:
    shown = show("docs/examples/three-samples.yaml")
    assert "copied from page 1" in shown
    assert "0.2            8  0->0 1->1\n" in shown
    assert "Arena" not in shown


def test_a_contiguous_policy_is_shown_on_a_ruler() -> None:
    shown = show("docs/examples/three-requests.yaml")
    assert max(map(len, shown.splitlines())) <= 80
    assert (
        "reserved, step 2: 44 of 64 slots held\n"
        "slot   0       8       16      24      32      40      48      56\n"
        "owner  0                   1\n"
        "       ████████░░░░░░░░░░░░████████████▒▒▒▒░░░░░░░░····················\n"
        "\n"
        "extent  slots  tokens  owner  what happens\n"
        "──────────────────────────────────────────\n"
        "0-19       20       8  0\n"
        "20-43      24      12  1\n"
        "44-63      20          free\n"
        "\n"
        "waiting: 2\n"
    ) in shown


def test_a_long_ruler_shows_most_of_each_stretch() -> None:
    shown = show("three-requests", "--set", "memory.slots=2560", "--set", "allocators.paged.page_size=128")
    assert "a character is 40 slots, shown as most of them are" in shown
    ruler = next(line for line in shown.splitlines() if line.startswith(" "))
    assert len(ruler.strip()) == 64


def test_long_pages_fit_on_a_line() -> None:
    requests = "workload={requests: 1, prompt: 71, output: 1}"
    sizes = ("--set", "memory.slots=512", "--set", "max_model_len=100", "--set", "allocators.paged.page_size=64")
    shown = show("docs/examples/three-samples.yaml", "--set", requests, *sizes)
    assert max(map(len, shown.splitlines())) <= 80
    lines = [line.split() for line in shown.splitlines()]
    assert ["paged", "2", "slots", "each", "owners", "what", "happens"] in lines
    assert ["page", "0", "█" * 32, "0", "allocated"] in lines
    assert ["page", "1", "█" * 4 + "·" * 28, "0", "allocated"] in lines


def test_many_who_wait_are_counted() -> None:
    requests = "workload={requests: 40, prompt: 6, output: 2}"
    shown = show("docs/examples/three-samples.yaml", "--set", requests, "--set", "scheduler.max_num_seqs=2")
    assert "waiting: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 26 more\n" in shown


@pytest.mark.parametrize(
    "option",
    [
        ["--plot", "p"],
        ["--timeline", "t.csv"],
        ["--requests", "r.csv"],
        ["--step", "0"],
        ["--jobs", "2"],
        ["--ops-log", "o.jsonl"],
        ["--ops-requests"],
        ["--timings"],
        ["--full"],
        ["--device", "cpu"],
        ["--columns", "name"],
        ["--format", "json"],
    ],
    ids=lambda option: option[0],
)
def test_show_blocks_refuses_what_it_would_ignore(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "docs/examples/three-samples.yaml", "--show-blocks", *option]) == 2
    message = f"paged-sim: error: {option[0]}: --show-blocks shows steps and no report; leave this out"
    assert capsys.readouterr().err.startswith(message)


def test_show_blocks_writes_text_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = show("docs/examples/three-samples.yaml")
    arguments = ["run", "docs/examples/three-samples.yaml", "--show-blocks", "-o"]
    assert main([*arguments, str(tmp_path / "x.txt")]) == 0
    assert (tmp_path / "x.txt").read_text("utf-8") == shown
    assert main([*arguments, str(tmp_path / "x.json")]) == 2
    assert "this command writes no json; choose from table" in capsys.readouterr().err
