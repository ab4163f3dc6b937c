"""Definitions of a hit by hand, capacities, several traces as one, and the published hit rates."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hitrate_oracles import ORACLES, Chains, chains, references_to, requests_with_ids
from hypothesis import given, settings

from paged_sim.content import number_blocks
from paged_sim.errors import PagedSimError
from paged_sim.hitrate import measure
from paged_sim.hitrate.capacities import INFINITE, Capacity, parse_capacities
from paged_sim.hitrate.definitions import DEFINITIONS
from paged_sim.hitrate.lru import lru
from paged_sim.hitrate.measure import hit_rates, lru_curve, spaced
from paged_sim.hitrate.references import references_of
from paged_sim.workloads.traces.info import prefix_sharing

DATA = Path(__file__).parent / "data"
SAMPLE = DATA / "traces" / "mooncake.jsonl"
PUBLISHED: dict[str, Any] = json.loads((DATA / "prefix_hit_rates.json").read_text())


def write_trace(path: Path, requests: Chains, prompts: list[int] | None = None) -> Path:
    """A trace of JSON lines with blocks of 16 tokens; prompts are full blocks unless given."""
    given = prompts or [16 * max(len(ids), 1) for ids in requests]
    lines = (
        json.dumps({"prompt_tokens": prompt, "output_tokens": 1, "hash_ids": ids})
        for ids, prompt in zip(requests, given, strict=True)
    )
    path.write_text("\n".join(lines) + "\n")
    return path


# Blocks and definitions


def test_a_block_is_known_by_all_blocks_before_it() -> None:
    assert number_blocks(np.array([0, 2, 4, 4, 7]), np.array([5, 6, 7, 6, 5, 6, 9])).tolist() == [0, 1, 2, 3, 0, 1, 4]


# Prompts of 40, 40, 48 and 10 tokens, blocks of 16: the third blocks of the first two are partly filled (8 tokens).
BY_HAND = requests_with_ids([[1, 2, 3], [1, 2, 3], [1, 2, 4], []], [40, 40, 48, 10], 16)


@pytest.mark.parametrize(
    ("definition", "rate"),
    [
        ("blocks", Fraction(5, 9)),
        ("full-blocks", Fraction(5, 7)),
        ("full-only", Fraction(4, 7)),
        ("tokens", Fraction(40 + 32, 138)),
        ("requests", (1 + Fraction(32, 48)) / 4),
    ],
)
def test_definitions_by_hand(definition: str, rate: Fraction) -> None:
    references = references_of(BY_HAND, definition)
    assert references.rate(references.leading(references.repeated())) == pytest.approx(float(rate), abs=1e-12)


def test_partly_filled_blocks_take_no_room_where_they_are_not_cached() -> None:
    references = references_of(BY_HAND, "full-only")
    assert references.blocks.tolist() == [0, 1, 0, 1, 0, 1, 2]
    assert references.offsets.tolist() == [0, 2, 4, 7, 7]
    assert references.num_blocks == 3


def test_hits_on_partly_filled_blocks_may_exceed_full_blocks() -> None:
    references = references_of(requests_with_ids([[1, 2], [1, 2], [1, 2]], [17, 17, 17], 16), "full-blocks")
    assert references.rate(references.repeated()) == pytest.approx(4 / 3)


@settings(max_examples=60)
@given(requests=chains)
def test_an_infinite_cache_hits_what_the_trace_is_said_to_share(requests: Chains) -> None:
    """`trace info` walks the tree of prefixes; here it is counted as references to blocks seen before."""
    columns = requests_with_ids(requests, [max(16 * len(ids) - 5, 1) for ids in requests], 16)
    sharing = prefix_sharing(columns)
    for definition, expected in (("blocks", sharing.blocks), ("tokens", sharing.tokens)):
        references = references_of(columns, definition)
        assert references.rate(references.leading(references.repeated())) == pytest.approx(expected, abs=1e-11)


# Capacities


@pytest.mark.parametrize(
    ("text", "label", "blocks"),
    [
        ("1", "1", 1),
        ("1k", "1,000", 1000),
        ("2.5k", "2,500", 2500),
        ("1M", "1,000,000", 10_000),
        ("10%", "10%", 1000),
        ("0.1", "10%", 1000),
        ("1.0", "100%", 10_000),
        ("150%", "150%", 10_000),
        ("12.5%", "12.5%", 1250),
        ("0.00001", "0.001%", 1),
        ("0.015%", "0.015%", 2),
        ("inf", "infinite", 10_000),
        ("infinite", "infinite", 10_000),
    ],
)
def test_a_capacity(text: str, label: str, blocks: int) -> None:
    capacity = parse_capacities(text)[0]
    assert capacity.label == label
    assert capacity.of(10_000) == blocks


def test_capacities_come_once_in_order_with_an_infinite_one_last() -> None:
    labels = [capacity.label for capacity in parse_capacities("inf, 10k,10%,0.1,5")]
    assert labels == ["10,000", "10%", "5", "infinite"]
    assert parse_capacities("7") == (Capacity("7", blocks=7), INFINITE)


@pytest.mark.parametrize(
    "text", ["", "0", "0%", "0.0", "1.5", "0.5k,x", "-1", "1e3", "1.0001k", "1K", "1,,2", "9" * 16]
)
def test_no_capacity(text: str) -> None:
    with pytest.raises(PagedSimError, match=r"^--capacity: .*give blocks \(500, 10k, 2M\)"):
        parse_capacities(text)


def test_a_small_share_is_still_a_block() -> None:
    assert parse_capacities("1%")[0].of(3) == 1


# Whole measurements


def test_every_point_is_what_the_definition_finds(tmp_path: Path) -> None:
    requests = [[0, 1, 2], [0, 1], [3], [0, 1, 2, 4], [3, 5], [0, 6], [0, 1, 2]]
    rates = hit_rates([write_trace(tmp_path / "t", requests)], capacities="1,2,3,50%,6", curves=True)
    trace = rates.traces[0]
    assert (trace.name, trace.format, trace.requests, trace.references) == ("t", "requests", 7, 17)
    assert (trace.unique_blocks, rates.block_size, rates.together) == (7, 16, None)
    references = references_to(requests)
    for point in trace.points:
        assert point.share == round(point.blocks / 7, 12)
        for policy, rate in point.rates.items():
            found = np.array(ORACLES[policy](references.blocks.tolist(), point.blocks))
            assert rate == references.rate(references.leading(found))
            assert policy != "belady" or point.bound == references.rate(found)
    assert [point.blocks for point in trace.points] == [1, 2, 3, 4, 6, 7]
    assert list(trace.curves) == ["lru", "lfu", "fifo", "belady", "bound"]
    for name, curve in trace.curves.items():
        assert curve.blocks == (1, 2, 3, 4, 5, 6, 7)
        at = dict(zip(curve.blocks, curve.rates, strict=True))
        assert [at[point.blocks] for point in trace.points] == pytest.approx(
            [point.bound if name == "bound" else point.rates[name] for point in trace.points]
        )


@pytest.mark.parametrize("hits", DEFINITIONS)
def test_only_where_all_references_weigh_the_same_there_is_a_bound(hits: str) -> None:
    trace = hit_rates([SAMPLE], hits=hits, curves=True).traces[0]
    bounded = hits in ("blocks", "full-blocks", "full-only")
    assert all((point.bound is not None) == bounded for point in trace.points)
    assert ("bound" in trace.curves) == bounded


def test_without_belady_there_is_no_bound_and_without_lru_no_free_curve() -> None:
    assert hit_rates([SAMPLE], policies="lru,fifo").traces[0].points[0].bound is None
    trace = hit_rates([SAMPLE], policies="fifo").traces[0]
    assert (trace.curves, trace.lru_needs) == ({}, {})


@settings(max_examples=40)
@given(requests=chains)
def test_the_curve_of_lru_is_that_of_every_capacity(requests: Chains) -> None:
    references = references_to(requests)
    stack = lru(references, False)
    curve, needs = lru_curve(references, stack)
    assert curve.blocks == tuple(range(1, references.num_blocks + 1))
    assert curve.rates == tuple(references.rate(stack(capacity)) for capacity in curve.blocks)
    most = curve.rates[-1]
    assert bool(needs) == (most > 0)
    for share, blocks in needs.items():
        reached = [
            size for size, rate in zip(curve.blocks, curve.rates, strict=True) if rate >= float(share) * most - 1e-9
        ]
        assert blocks == reached[0]


def test_capacities_of_a_curve() -> None:
    assert spaced(1, 1, 400) == [1]
    sizes = spaced(1, 10**6, 400)
    assert (sizes[0], sizes[-1]) == (1, 10**6)
    assert len(sizes) <= 400
    assert sizes == sorted(set(sizes))


def test_several_traces_are_counted_as_one(tmp_path: Path) -> None:
    """Each in a cache of its own: hits and references are added up."""
    small = write_trace(tmp_path / "small", [[1, 2], [1, 2]])
    large = write_trace(tmp_path / "large", [[1, 2], [3, 4], [1, 2], [3, 4], [1, 5]])
    rates = hit_rates([small, large], capacities="2,50%")
    together = rates.together
    assert together is not None
    assert (together.name, together.requests, together.references, together.unique_blocks) == ("all", 7, 14, 7)
    assert [(point.capacity, point.blocks) for point in together.points] == [("2", 4), ("50%", 4), ("infinite", 7)]
    # lru with room for 2: 2 of 4 hit, and 0 of 10; without end 2 of 4 and 5 of 10.
    assert [point.rates["lru"] for point in together.points] == pytest.approx([2 / 14, 0, 7 / 14])
    assert together.points[0].share == pytest.approx(4 / 7)
    for at, point in enumerate(together.points):
        weighted = [(trace.counted, trace.points[at]) for trace in rates.traces]
        assert point.bound == pytest.approx(sum(weight * (one.bound or 0) for weight, one in weighted) / 14)
    assert (together.format, together.curves, together.lru_needs) == (None, {}, {})


def test_progress_counts_requests_over_all_capacities() -> None:
    class Listener:
        heard: list[tuple[str, int, int]]

        def __init__(self) -> None:
            self.heard = []

        def update(self, name: str, done: int, total: int) -> None:
            self.heard.append((name, done, total))

    listener = Listener()
    hit_rates([SAMPLE], capacities="2,3", policies="lru,fifo", progress=listener)
    assert listener.heard == [(f"mooncake.jsonl: {name}", done, 12) for name in ("lru", "fifo") for done in (4, 8, 12)]


@pytest.mark.parametrize(
    ("wish", "small", "large"), [("never", False, False), ("always", True, True), ("auto", False, True)]
)
def test_small_traces_are_not_compiled(wish: str, small: bool, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", wish)
    assert measure.worth_compiling(measure.COMPILE_FROM - 1, measure.COMPILE_FROM) == small
    assert measure.worth_compiling(measure.COMPILE_FROM, measure.COMPILE_FROM) == large


# Mistakes


def test_a_trace_without_ids() -> None:
    with pytest.raises(
        PagedSimError, match=r"azure.csv: no block ids, .* \(formats mooncake, kv-cache-tester, requests\)$"
    ):
        hit_rates([DATA / "traces" / "azure.csv"])


def test_traces_of_different_blocks() -> None:
    with pytest.raises(PagedSimError, match="blocks of 64 and 512 tokens"):
        hit_rates([SAMPLE, DATA / "traces" / "conversation.json"])


@pytest.mark.parametrize("hits", ["full-blocks", "full-only"])
def test_a_trace_without_full_blocks(hits: str, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "short", [[1], [1]], [9, 9])
    with pytest.raises(PagedSimError, match="short: no prompt fills a block of 16 tokens; give --hits blocks"):
        hit_rates([path], hits=hits)
    assert hit_rates([path], hits="tokens").traces[0].points[-1].rates["lru"] == 0.5


def test_an_unknown_definition() -> None:
    with pytest.raises(PagedSimError, match="--hits: unknown definition 'block'; the definitions are blocks, "):
        hit_rates([SAMPLE], hits="block")


# Published numbers


@pytest.fixture(scope="module")
def mooncake() -> Path:
    folder = os.environ.get("PAGED_SIM_TRACES")
    if not folder:
        pytest.skip("PAGED_SIM_TRACES does not name the folder of the public traces")
    path = Path(folder) / PUBLISHED["mooncake_synthetic"]["file"]
    if not path.exists():
        pytest.skip(f"PAGED_SIM_TRACES has no {path.name}")
    return path


@pytest.mark.parametrize("policy", ["lru", "lfu"])
def test_published_rates_of_mooncake_over_capacity(
    mooncake: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGED_SIM_COMPILE", "always")
    expected = PUBLISHED["mooncake_synthetic"][policy]
    trace = hit_rates([mooncake], capacities=",".join(expected), policies=policy).traces[0]
    assert (trace.references, trace.unique_blocks) == (121_877, 43_924)
    assert [round(point.rates[policy], 4) for point in trace.points[:-1]] == list(expected.values())


@pytest.mark.parametrize("hits", ["blocks", "tokens", "full-blocks", "requests"])
def test_published_rates_of_mooncake_without_end(mooncake: Path, hits: str) -> None:
    trace = hit_rates([mooncake], capacities="inf", policies="lru", hits=hits).traces[0]
    assert round(trace.points[-1].rates["lru"], 4) == PUBLISHED["mooncake_synthetic"]["infinite"][hits]


def test_the_paper_of_mooncake(mooncake: Path) -> None:
    trace = hit_rates([mooncake], capacities="inf", policies="lru", hits="full-blocks").traces[0]
    assert round(trace.points[-1].rates["lru"], 2) == PUBLISHED["mooncake_paper"]["rate"]


@pytest.mark.slow
def test_all_public_conversations(mooncake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a conversation 96.3 % of the blocks were seen before, as published with the traces."""
    paths = sorted((mooncake.parent / "kv_cache_tester").glob("*.json.gz"))
    if not paths:
        pytest.skip("PAGED_SIM_TRACES has no kv_cache_tester")
    monkeypatch.setenv("PAGED_SIM_COMPILE", "always")
    rates = hit_rates(paths, capacities="10%", policies="lru,belady")
    assert rates.together is not None
    assert (len(rates.traces), rates.together.requests, rates.block_size) == (31, 2129, 64)
    assert rates.together.points[-1].rates["lru"] == pytest.approx(0.963, abs=5e-4)
    for trace in (*rates.traces, rates.together):
        for point in trace.points:
            assert point.bound is not None
            assert 0 <= point.rates["lru"] <= point.bound <= trace.points[-1].rates["lru"]
            assert point.rates["belady"] <= point.bound
