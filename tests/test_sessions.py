"""Conversations: which turn follows which, what a later prompt holds, and that both prefix caches find just that.

The oracle writes every conversation out, token by token. The arena is the referee of the caches: what a page holds is
compared with what its finder would have written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, product
from pathlib import Path

import numpy as np
import pytest
from helpers import play, requests_of, scenario_of
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.content import content_of, stretch
from paged_sim.engine import felt
from paged_sim.engine import machine as m
from paged_sim.requests import Requests
from paged_sim.scenario import load_text
from paged_sim.scenario.models import AllocatorSpec, Scheduler, Variant
from paged_sim.simulation import draw, simulate
from paged_sim.workloads import trace_info
from paged_sim.workloads.prefixes import PrefixIds
from paged_sim.workloads.sessions import chains, continues, previous_turns, with_answers

ONE_BY_ONE = Scheduler(max_num_seqs=1, max_num_batched_tokens=4096)
TRACES = Path(__file__).parent / "data" / "traces"
CACHES = tuple(
    AllocatorSpec(
        name=f"{cache}-{evicted}-{size}", policy="paged", page_size=size, prefix_cache=cache, eviction=evicted
    )
    for cache, evicted, size in product(("hash", "radix"), ("lru", "lfu", "fifo", "belady"), (1, 4))
)


@dataclass(frozen=True)
class Told:
    """Requests, the tokens of each one's prompt and answer, and the session it belongs to."""

    requests: Requests
    tokens: list[list[int]]
    session: list[int]


@st.composite
def conversations(draw: st.DrawFn, block: int | None = None) -> Told:
    """Up to five conversations of up to four turns, side by side; some turns forget what was said before.

    With a `block` all begin with one of two system prompts, the whole blocks of every prompt have ids, and what forgets
    is seen by them; without, prompts have no token in common except within a session.
    """
    fresh = count(1)
    systems = [[next(fresh) for _ in range(6)], [next(fresh) for _ in range(3)]]
    turns: list[tuple[int, list[int], int]] = []
    for session in range(draw(st.integers(1, 5))):
        said, length = list(draw(st.sampled_from(systems))) if block else [], 0
        for _ in range(draw(st.integers(1, 4))):
            forgets = draw(st.integers(0, 4)) == 0 and length >= (block or 0)
            prompt = [*([] if forgets else said), *(next(fresh) for _ in range(draw(st.integers(block or 1, 9))))]
            length = len(prompt)
            output = draw(st.integers(1, 9))
            said = [*prompt, *(next(fresh) for _ in range(output))]
            turns.append((session, said, output))
    order = sorted(range(len(turns)), key=lambda index: (draw(st.integers(0, 3)) + index % 4, index))
    mixed = _in_turn(turns, order)
    session = [each[0] for each in mixed]
    tokens = [each[1] for each in mixed]
    prompt_lengths = [len(said) - output for _, said, output in mixed]
    outputs = [output for _, _, output in mixed]
    ids: list[list[int]] = [[] for _ in mixed]
    if block:
        names: dict[tuple[int, ...], int] = {}
        for index, length in enumerate(prompt_lengths):
            ends = range(block, length + 1, block)
            ids[index] = [names.setdefault(tuple(tokens[index][:end]), len(names)) for end in ends]
    made = requests_of(prompt_lengths, outputs, prefix_block=block or 0, prefixes=ids)
    return Told(linked(made, np.array(session), np.arange(len(mixed))), tokens, session)


def _in_turn(turns: list[tuple[int, list[int], int]], order: list[int]) -> list[tuple[int, list[int], int]]:
    """The turns of all sessions in this order, those of one session in their own."""
    queues: dict[int, list[tuple[int, list[int], int]]] = {}
    for turn in turns:
        queues.setdefault(turn[0], []).append(turn)
    return [queues[turns[index][0]].pop(0) for index in order]


def linked(requests: Requests, session: np.ndarray, turn: np.ndarray) -> Requests:
    """The requests with what their sessions share."""
    prefix = PrefixIds(requests.prefix_offsets, requests.prefix_ids, requests.prefix_block)
    previous = previous_turns(session, turn)
    goes_on = continues(previous, requests.prompt_tokens, requests.output_tokens, prefix)
    chain = chains(previous, goes_on)
    known, covered = with_answers(prefix, chain, session >= 0, requests.prompt_tokens, requests.output_tokens)
    return replace(requests, prefix_offsets=known.offsets, prefix_ids=known.ids, covered=covered, chain=chain)


def names_of(requests: Requests) -> list[list[tuple[int, int]]]:
    content = content_of(requests)
    return [
        [(int(stretch(content, request, position)[0]), position) for position in range(stored)]
        for request, stored in enumerate(requests.stored_tokens.tolist())
    ]


def alike(first: Sequence[object], second: Sequence[object], most: int) -> int:
    """Leading tokens that two sequences have in common, at most `most`."""
    pairs = zip(first[:most], second[:most], strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second), most))


@settings(max_examples=150)
@given(conversations())
def test_without_ids_turns_share_just_what_was_said(told: Told) -> None:
    """A turn that is long enough is taken to hold what was said: so is one that only happens to be."""
    names = names_of(told.requests)
    previous = previous_turns(np.array(told.session), np.arange(len(names))).tolist()
    held = [
        before >= 0 and told.requests.prompt_tokens[index] >= len(told.tokens[before])
        for index, before in enumerate(previous)
    ]
    first = list(range(len(names)))
    for index, before in enumerate(previous):
        first[index] = first[before] if held[index] else index
    for one, other in product(range(len(names)), repeat=2):
        both = min(len(names[one]), len(names[other]))
        expected = both if first[one] == first[other] else 0
        assert alike(names[one], names[other], both) == expected


@settings(max_examples=150)
@given(conversations(block=4))
def test_with_ids_nothing_is_shared_that_was_not_said(told: Told) -> None:
    """Sound: equal names are equal tokens. Complete: a turn shares all of the one before that it holds."""
    names = names_of(told.requests)
    for one, other in product(range(len(names)), repeat=2):
        most = min(len(names[one]), len(names[other]))
        named = alike(names[one], names[other], most)
        said = alike(told.tokens[one], told.tokens[other], most)
        assert named <= said
    for index, before in enumerate(previous_turns(np.array(told.session), np.arange(len(names))).tolist()):
        if before >= 0 and told.tokens[index][: len(told.tokens[before])] == told.tokens[before]:
            assert names[index][: len(names[before])] == names[before]


@settings(max_examples=60)
@given(st.one_of(conversations(), conversations(block=4)), st.sampled_from(CACHES), st.integers(0, 60))
def test_caches_find_conversations_and_nothing_is_corrupt(told: Told, spec: AllocatorSpec, more: int) -> None:
    slots = 4 * (int(told.requests.stored_tokens.max()) + more)
    played = play(scenario_of(spec, slots=slots, max_model_len=512), told.requests, slots=slots)
    assert played.stats.corrupt == 0
    assert played.counts["NUM_FINISHED"] == len(told.requests)


@settings(max_examples=60)
@given(st.one_of(conversations(), conversations(block=4)), st.integers(1, 5))
def test_hits_of_conversations_in_an_endless_cache(told: Told, size: int) -> None:
    names, prompts = names_of(told.requests), told.requests.prompt_tokens.tolist()
    to_the_token = [
        max((alike(names[index], names[before], prompt - 1) for before in range(index)), default=0)
        for index, prompt in enumerate(prompts)
    ]
    for cache in ("hash", "radix"):
        spec = AllocatorSpec(name=cache, policy="paged", page_size=size, prefix_cache=cache)
        played = play(scenario_of(spec, slots=9000, max_model_len=512, scheduler=ONE_BY_ONE), told.requests, slots=9000)
        expected = [hits // size * size if cache == "hash" else hits for hits in to_the_token]
        assert played.machine.counts[m.HIT] == sum(expected)
        assert played.stats.corrupt == 0


def test_turns_come_in_the_order_of_their_numbers_and_else_of_time() -> None:
    session, turn = np.array([0, 1, 0, -1, 0, -1]), np.array([2, -1, 1, 5, 2, 6])
    assert previous_turns(session, turn).tolist() == [2, -1, -1, -1, 0, -1]


def test_a_branch_behind_a_prompt_is_nobodys_answer() -> None:
    prefix = PrefixIds(np.array([0, 1, 3, 5]), np.array([7, 7, 8, 7, 9]), 4)
    known, covered = with_answers(
        prefix, np.full(3, -1), np.zeros(3, np.bool_), np.array([4, 8, 8]), np.array([3, 1, 1])
    )
    assert (known.ids.tolist(), covered.tolist()) == ([7, 7, 8, 7, 9], [4, 8, 8])
    alone = PrefixIds(np.array([0, 1, 3]), np.array([7, 7, 8]), 4)
    known, covered = with_answers(alone, np.full(2, -1), np.zeros(2, np.bool_), np.array([4, 8]), np.array([3, 1]))
    assert (known.ids.tolist(), covered.tolist()) == ([7, 8, 7, 8], [7, 8])


def test_a_prompt_too_short_for_the_answer_holds_none_of_it() -> None:
    prefix = PrefixIds(np.array([0, 1, 3]), np.array([7, 7, 8]), 4)
    known, covered = with_answers(prefix, np.full(2, -1), np.zeros(2, np.bool_), np.array([4, 8]), np.array([9, 1]))
    assert (known.ids.tolist(), covered.tolist()) == ([7, 7, 8], [4, 8])


SCENARIO = """
memory: {{slots: 4096}}
max_model_len: 1024
workload: {{trace: {{file: {file}{more}}}, samples: {samples}}}
clock: {{base: 10ms}}
allocators:
  - {{name: hash, policy: paged, prefix_cache: hash}}
  - {{name: radix, policy: paged, prefix_cache: radix}}
  - {{name: paged, policy: paged}}
  - {{name: reserved, policy: contiguous}}
"""


def scenario_text(file: Path, more: str = "", samples: int = 1) -> str:
    return SCENARIO.format(file=file, more=more, samples=samples)


@pytest.mark.parametrize("samples", [1, 2])
def test_a_turn_is_sent_its_delay_after_the_answer(samples: int) -> None:
    scenario = load_text(scenario_text(TRACES / "sessions.jsonl", samples=samples))
    requests = draw(scenario, 0).requests
    for spec in scenario.allocators:
        served = requests.spread_samples() if spec.prefix_cache != "none" else requests
        clock = Variant("linear", {"base": 0.01, "per_sequence": 0.0, "per_prefill_token": 0.0})
        played = play(scenario_of(spec, slots=4096, max_model_len=1024, clock=clock), served, slots=4096)
        ended, waits = felt.ended_at(played.machine), served.after >= 0
        assert np.all(np.isfinite(ended))
        sent = ended[served.after[waits]] + served.delay[waits]
        assert np.allclose(played.machine.arrival[waits], sent)
        assert np.all(np.diff(played.machine.arrival[played.machine.line]) >= 0)
        assert played.stats.corrupt == 0


@settings(max_examples=40)
@given(conversations(), st.integers(0, 1 << 16), st.booleans())
def test_closed_loops_of_sessions_send_every_turn_once(told: Told, seed: int, eager: bool) -> None:
    rng = np.random.default_rng(seed)
    total = len(told.requests)
    after = previous_turns(np.array(told.session), np.arange(total))
    delay = np.where(after >= 0, rng.integers(0, 9, total) / 4, 0.0)
    arrival = np.sort(rng.integers(0, 20, total) / 4)
    requests = replace(told.requests, after=after, delay=delay, arrival=arrival)
    spec = CACHES[seed % len(CACHES)]
    clock = Variant("linear", {"base": 0.25, "per_sequence": 0.0, "per_prefill_token": 0.0})
    slots = 4 * int(requests.stored_tokens.max())
    scenario = scenario_of(spec, slots=slots, max_model_len=64, clock=clock)
    played = play(scenario, requests, slots=slots, eager=eager)
    machine = played.machine
    assert sorted(machine.line.tolist()) == list(range(total))
    assert np.all(np.diff(machine.arrival[machine.line]) >= 0)
    done = np.isfinite(felt.ended_at(machine)[np.maximum(after, 0)]) & (after >= 0)
    assert np.allclose(machine.arrival[done], (felt.ended_at(machine)[np.maximum(after, 0)] + delay)[done])
    assert machine.counts[m.NUM_ENDED] == total
    assert played.stats.corrupt == 0


def test_answers_are_found_by_session_and_turn_alone(tmp_path: Path) -> None:
    """The second turn of `a` holds 64 prompt and 32 stored answer tokens; that of `b` is too short to hold anything."""
    run = simulate(load_text(scenario_text(TRACES / "sessions.jsonl")))
    found = {part.summary["name"]: part.summary["sharing"]["prefix_cache"] for part in run.policies[:2]}
    assert found["hash"]["hit_tokens"] == 96
    assert found["radix"]["hit_tokens"] == 96
    without = simulate(load_text(scenario_text(TRACES / "sessions.jsonl", more=", answers: false")))
    assert without.policies[0].summary["sharing"]["prefix_cache"]["hit_tokens"] == 0


def test_answers_are_found_by_ids_alone(tmp_path: Path) -> None:
    """Ten turns of one chat, each the last prompt, its answer of 192 stored tokens and 64 new ones, all in blocks."""
    prompts = [64 + 256 * turn for turn in range(10)]
    lines = (
        {"arrival": 30 * turn, "prompt_tokens": prompt, "output_tokens": 193, "hash_ids": list(range(prompt // 16))}
        for turn, prompt in enumerate(prompts)
    )
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    info = trace_info(path)
    assert info.prefix is not None
    assert (info.prefix.tokens, info.tokens_with_answers) == (9_792 / 12_160, 11_520 / 12_160)
    text = scenario_text(path).replace("4096", "65536").replace("1024", "8192")
    for more, found in (("", 11_520), (", answers: false", 9_792)):
        run = simulate(load_text(text.replace(str(path), f"{path}{more}")))
        for part in run.policies[:1]:
            cache = part.summary["sharing"]["prefix_cache"]
            assert (cache["query_tokens"], cache["hit_tokens"]) == (12_160, found)
            assert part.summary["arena"]["corrupt"] == 0


def test_a_shared_system_prompt_stays_with_its_session() -> None:
    text = scenario_text(TRACES / "sessions.jsonl").replace("samples: 1", "prefix: {groups: 2, tokens: 32, share: 0.5}")
    for seed in range(8):
        requests = draw(load_text(text), seed).requests
        assert len(set(requests.prompt_tokens[[0, 1]] - [64, 112])) == 1
        assert len(set(requests.prompt_tokens[[2, 3]] - [80, 32])) == 1
