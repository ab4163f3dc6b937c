"""Everything that is wrong with a scenario is said at once, in the order of the file."""

from __future__ import annotations

import pytest
from bad_scenarios import refusals, text_with

from paged_sim.cli import main
from paged_sim.scenario.mistakes import MOST_SHOWN


def test_mistakes_of_all_sections_in_the_order_of_the_file() -> None:
    text = "\n".join(
        [
            "memory: {slots: -5}",
            "seeed: 3",
            "workload:",
            "  requests: 4",
            "  prompt: {uniform: [9, 2]}",
            "  output: none",
            "  arrival: {poisson: 2}",
            "allocators:",
            "  - {name: a, policy: pagged, page_size: 0}",
            "  - {name: b, policy: paged, reserve: max}",
            "arena: {poison: maybe}",
        ]
    )
    assert [message.partition(";")[0] for message in refusals(text)] == [
        "bad.yaml:1: memory.slots: -5 is too small",
        "bad.yaml:2: seeed: unknown key 'seeed'",
        "bad.yaml:5: workload.prompt.uniform: low 9 is above high 2",
        "bad.yaml:6: workload.output: 'none' will not do",
        "bad.yaml:7: workload.arrival.poisson: '2' has no unit",
        "bad.yaml:7: workload.arrival: requests arrive in time, but clock: step only counts steps",
        "bad.yaml:9: allocators.a.policy: unknown 'pagged'",
        "bad.yaml:9: allocators.a.page_size: 0 is too small",
        "bad.yaml:10: allocators.b.reserve: only policy: contiguous uses it",
        "bad.yaml:11: arena.poison: 'maybe' is neither true nor false",
    ]


def test_rules_about_several_keys_are_checked_where_these_are_sound() -> None:
    found = refusals(
        text_with("seed: x\nscheduler: {max_num_seqs: 8, max_num_batched_tokens: 4}\nchecks: {b.steps: 1}")
    )
    assert [message.split(":")[1:3] for message in found] == [
        ["1", " seed"],
        ["2", " scheduler.max_num_batched_tokens"],
        ["3", " checks.b.steps"],
    ]
    assert len(refusals(text_with("scheduler: {max_num_seqs: 8.5, max_num_batched_tokens: 4}"))) == 1
    assert len(refusals(text_with("allocators: [{name: a, policy: pged}, {name: a, policy: paged}]"))) == 2


def test_a_misspelt_key_is_not_also_missing() -> None:
    assert len(refusals("memroy: {slots: 5}\nworkload: {requests: 4, promt: 5, output: 3}\nallocators: []")) == 3


def test_mistakes_of_yaml_do_not_hide_others() -> None:
    found = refusals(text_with("seed: 1\nseed: 2\nname: !mine x\nrepeats: 0"))
    assert [message.split(": ", 1)[0] for message in found] == ["bad.yaml:2", "bad.yaml:3", "bad.yaml:4"]


def test_flags_come_last() -> None:
    found = refusals(text_with("repeats: 0"), ("seed=x", "nothing", "memory.slots=0"))
    assert [message.split(": ")[0] for message in found] == [
        "bad.yaml:1",
        "--set nothing",
        "--set seed=x",
        "--set memory.slots=0",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        "\n".join(f"key{number}: 1" for number in range(1000)),
        "checks:\n" + "\n".join(f"  no.b{number}: 1" for number in range(1000)),
        f"workload: {{requests: [{', '.join(['{prompt: 0, output: 1}'] * 1000)}]}}",
    ],
    ids=["keys", "checks", "requests"],
)
def test_beyond_twenty_they_are_counted(lines: str) -> None:
    found = refusals(text_with(lines))
    assert len(found) == MOST_SHOWN + 1
    assert found[-1] == "and 980 mistakes more"


def test_each_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "seed-section2", "--set", "seed=x", "--set", "repeats=0"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "paged-sim: error: --set seed",
        "paged-sim: error: --set repeats",
    ]
