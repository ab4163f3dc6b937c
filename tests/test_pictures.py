"""Pictures of small runs: what is said of each page is what happened to it."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from helpers import CONTIGUOUS, drawn_workload, scenario_of

from paged_sim.cli import cli
from paged_sim.errors import PagedSimError
from paged_sim.pictures import Pictures, pictures_of
from paged_sim.scenario.models import AllocatorSpec, Beam, Prefix, Scheduler

PAGES = AllocatorSpec(name="pages", policy="paged", page_size=4)
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
    with pytest.raises(PagedSimError, match="33 pages are too many to show"):
        pictures(slots=33 * 4)
    with pytest.raises(PagedSimError, match="more than 50 steps are too many"):
        pictures(output=52)
    with pytest.raises(PagedSimError, match="no allocator has pages"):
        pictures_of(scenario_of(CONTIGUOUS[0]))


def test_show_blocks_prints_no_report() -> None:
    result = CliRunner().invoke(cli, ["run", "docs/examples/three-samples.yaml", "--show-blocks"])
    assert result.exit_code == 0
    assert "copied from page 1" in result.stdout
    assert "Arena" not in result.stdout
