"""From a workload to its requests: order of draws, cuts, limits, prefixes, lists, users and traces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paged_sim.errors import PagedSimError
from paged_sim.scenario.models import ListedRequest, Prefix, TraceSource, Variant, Workload
from paged_sim.workloads import Drawn, make_requests

TRACES = Path(__file__).parent / "data" / "traces"
SATURATED = Variant("saturated")


def constant(value: int) -> Variant:
    return Variant("constant", {"value": value})


def workload(**changes: Any) -> Workload:
    base = Workload(
        count=100,
        prompt=Variant("uniform", {"low": 1, "high": 200}),
        output=Variant("lognormal", {"mean": 80, "sigma": 1.0}),
        max_tokens=constant(4096),
        arrival=SATURATED,
    )
    return replace(base, **changes)


def make(max_model_len: int = 4096, seed: int = 1, **changes: Any) -> Drawn:
    return make_requests(workload(**changes), max_model_len, np.random.default_rng(seed))


def test_another_arrival_process_leaves_the_lengths() -> None:
    first = make().requests
    second = make(arrival=Variant("poisson", {"rate": 2.0})).requests
    assert np.array_equal(first.prompt_tokens, second.prompt_tokens)
    assert np.array_equal(first.output_tokens, second.output_tokens)
    assert not np.array_equal(first.arrival, second.arrival)


def test_draws_follow_the_documented_order() -> None:
    rng = np.random.default_rng(9)
    prompt = rng.integers(1, 200, size=100, endpoint=True)
    rng.lognormal(0, 1, size=100)
    gaps = rng.exponential(0.5, size=100)
    member = rng.random(100) < 0.5
    requests = make(
        seed=9, arrival=Variant("poisson", {"rate": 2.0}), prefix=Prefix(groups=2, tokens=32, share=0.5)
    ).requests
    assert np.array_equal(requests.prompt_tokens, prompt + 32 * member)
    assert np.array_equal(requests.arrival, np.cumsum(gaps))


def test_same_seed_same_requests_other_seed_others() -> None:
    first, again, other = make(seed=3).requests, make(seed=3).requests, make(seed=4).requests
    assert np.array_equal(first.prompt_tokens, again.prompt_tokens)
    assert not np.array_equal(first.prompt_tokens, other.prompt_tokens)


def test_output_is_cut_to_the_model_and_counted() -> None:
    drawn = make(max_model_len=100, count=2, prompt=constant(60), output=constant(50))
    assert drawn.requests.output_tokens.tolist() == [40, 40]
    assert drawn.requests.max_tokens.tolist() == [4096, 4096]
    assert drawn.cut_outputs == 2


@pytest.mark.parametrize("prompt", [100, 101, 500])
def test_a_prompt_without_room_for_one_token_is_left_as_it_is(prompt: int) -> None:
    drawn = make(max_model_len=100, count=1, prompt=constant(prompt), output=constant(50))
    assert drawn.requests.prompt_tokens.tolist() == [prompt]
    assert drawn.requests.output_tokens.tolist() == [50]
    assert drawn.cut_outputs == 0


def test_a_prompt_one_below_the_model_length_keeps_one_output_token() -> None:
    assert make(max_model_len=100, count=1, prompt=constant(99)).requests.output_tokens.tolist() == [1]


def test_a_server_stops_at_max_tokens() -> None:
    drawn = make(count=1, output=constant(50), max_tokens=constant(16))
    assert drawn.requests.output_tokens.tolist() == [16]
    assert drawn.cut_outputs == 1


def test_exact_limit() -> None:
    drawn = make(max_model_len=128, max_tokens=Variant("output"))
    assert np.array_equal(drawn.requests.max_tokens, drawn.requests.output_tokens)


@pytest.mark.parametrize(("factor", "limit"), [(1.1, 11), (1.11, 12), (2, 20), (0.001, 1)])
def test_factor_rounds_up(factor: float, limit: int) -> None:
    drawn = make(count=1, output=constant(10), max_tokens=Variant("factor", {"factor": factor}))
    assert drawn.requests.max_tokens.tolist() == [limit]
    assert drawn.requests.output_tokens.tolist() == [min(10, limit)]


def test_samples_are_a_column() -> None:
    assert make(count=3, samples=4).requests.samples.tolist() == [4, 4, 4]


def test_times_matter_only_where_there_are_some() -> None:
    assert not make().timed
    assert make(arrival=Variant("every", {"interval": 0.5})).timed
    assert not make(arrival=Variant("users", {"users": 8, "think": 0.0})).timed
    assert make(arrival=Variant("users", {"users": 8, "think": 2.0})).timed


def test_closed_loop() -> None:
    requests = make(arrival=Variant("users", {"users": 8, "think": 2.0})).requests
    assert (requests.users, requests.think) == (8, 2.0)
    assert not requests.arrival.any()


def test_listed_requests_are_sorted_by_their_own_arrivals_ties_in_order() -> None:
    listed = (
        ListedRequest(7, 4, max_tokens=2041, arrival=1.0),
        ListedRequest(8, 5),
        ListedRequest(9, 6, arrival=1.0),
    )
    drawn = make(count=None, prompt=None, output=None, listed=listed, max_tokens=Variant("output"))
    assert drawn.requests.prompt_tokens.tolist() == [8, 7, 9]
    assert drawn.requests.output_tokens.tolist() == [5, 4, 6]
    assert drawn.requests.max_tokens.tolist() == [5, 2041, 6]
    assert drawn.requests.arrival.tolist() == [0, 1, 1]
    assert drawn.timed
    assert drawn.notes == ()


def test_listed_requests_without_times_arrive_as_the_workload_says() -> None:
    listed = (ListedRequest(7, 4), ListedRequest(8, 5))
    drawn = make(count=None, listed=listed, arrival=Variant("every", {"interval": 2.0}))
    assert drawn.requests.arrival.tolist() == [0, 2]


def test_listed_output_stops_at_its_own_limit() -> None:
    drawn = make(count=None, listed=(ListedRequest(7, 40, max_tokens=10),))
    assert drawn.requests.output_tokens.tolist() == [10]


def test_no_source_of_requests() -> None:
    with pytest.raises(PagedSimError, match=r"^workload: no requests; give requests with prompt and output"):
        make(count=None)


def test_prefix_goes_in_front_and_names_whole_blocks() -> None:
    drawn = make(count=2000, prompt=constant(10), prefix=Prefix(groups=4, tokens=200, share=0.6))
    requests = drawn.requests
    member = np.diff(requests.prefix_offsets) == 1
    assert np.array_equal(requests.prompt_tokens, np.where(member, 210, 10))
    assert member.mean() == pytest.approx(0.6, abs=0.04)
    assert requests.prefix_block == 200
    found, counts = np.unique(requests.prefix_ids, return_counts=True)
    assert found.tolist() == [0, 1, 2, 3]
    assert counts / member.sum() == pytest.approx([0.25] * 4, abs=0.05)


def test_prefix_counts_for_the_cut() -> None:
    drawn = make(
        max_model_len=100, count=1, prompt=constant(10), output=constant(50), prefix=Prefix(groups=1, tokens=60)
    )
    assert drawn.requests.prompt_tokens.tolist() == [70]
    assert drawn.requests.output_tokens.tolist() == [30]


def test_prefix_on_a_trace_with_ids_uses_its_blocks() -> None:
    trace = TraceSource((TRACES / "requests_shared.jsonl",))
    requests = make(count=None, trace=trace, prefix=Prefix(groups=1, tokens=32)).requests
    assert requests.prompt_tokens.tolist() == [72, 65, 80]
    # The third prompt is just as long as the first one and its answer, and has the only block ever seen behind it.
    assert requests.prefix_offsets.tolist() == [0, 5, 7, 12]
    assert requests.prefix_ids.tolist() == [3, 4, 0, 1, 2, 3, 4, 3, 4, 0, 1, 2]
    assert requests.covered.tolist() == [80, 32, 80]
    assert requests.prefix_block == 16


def test_prefix_that_does_not_fit_the_blocks_of_the_trace() -> None:
    trace = TraceSource((TRACES / "mooncake.jsonl",))
    with pytest.raises(PagedSimError, match=r"^workload\.prefix\.tokens: 200 is no multiple of the 512-token blocks"):
        make(count=None, trace=trace, prefix=Prefix(groups=1, tokens=200))


def test_trace_with_times_keeps_them_and_says_so() -> None:
    drawn = make(
        count=None,
        trace=TraceSource((TRACES / "burstgpt.csv",), speedup=2.0),
        arrival=Variant("poisson", {"rate": 1.0}),
        max_tokens=Variant("factor", {"factor": 2}),
        samples=2,
    )
    assert drawn.requests.arrival.tolist() == [0, 6]
    assert drawn.requests.max_tokens.tolist() == [40, 800]
    assert drawn.requests.samples.tolist() == [2, 2]
    assert drawn.trace_format == "burstgpt"
    assert drawn.skipped == {"failed": 2}
    assert drawn.notes == (
        "the requests keep the times they come with; arrival 'poisson' is not used",
        "the run begins at the trace's first request, at 3 s",
    )


def test_users_are_not_used_on_a_trace_with_times() -> None:
    drawn = make(count=None, trace=TraceSource((TRACES / "vidur.csv",)), arrival=Variant("users", {"users": 3}))
    assert drawn.requests.users == 0


def test_trace_without_times_arrives_as_the_workload_says() -> None:
    trace = TraceSource((TRACES / "sarathi.csv",))
    assert not make(count=None, trace=trace).timed
    drawn = make(count=None, trace=trace, arrival=Variant("users", {"users": 3}))
    assert (drawn.requests.users, drawn.requests.think) == (3, 0.0)
    assert make(count=None, trace=trace, arrival=Variant("every", {"interval": 1.0})).requests.arrival.tolist() == [
        0,
        1,
        2,
    ]


def test_notes_of_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n2,10,0\n1,20,5\n")
    assert make(count=None, trace=TraceSource((path,))).notes == (
        "the run begins at the trace's first request, at 1 s",
        "requests of the trace with an output of 0 tokens, read as 1: 1",
        "rows that the trace lists after a later one, sorted by time: 1",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"prompt": Variant("lognormal", {"mean": 10, "sigma": 1e200})},
            r"^workload\.prompt: cannot draw from lognorm",
        ),
        ({"output": Variant("gamma", {"mean": 10, "cv": 1e-200})}, r"^workload\.output: cannot draw from gamma"),
        ({"arrival": Variant("poisson", {"rate": 1e-320})}, r"^workload\.arrival: cannot draw from poisson"),
        ({"arrival": Variant("on_off", {"rate": 1e-9, "on": 1e-12, "off": 1.0})}, r"^workload\.arrival: cannot draw"),
        ({"prompt": Variant("values", {"values": (1, 2)})}, r"^workload\.prompt: 100 requests need as many lengths"),
        ({"output": Variant("histogram", {"preset": "x"})}, r"^workload\.output: unknown histogram preset 'x'"),
    ],
)
def test_parameters_that_cannot_be_drawn_from_are_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PagedSimError, match=message) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


@settings(max_examples=60)
@given(
    max_model_len=st.integers(2, 2000),
    prompt=st.integers(1, 2500),
    mean_output=st.floats(1, 5000),
    limit=st.one_of(
        st.builds(constant, st.integers(1, 3000)),
        st.just(Variant("output")),
        st.builds(lambda factor: Variant("factor", {"factor": factor}), st.floats(1, 4)),
    ),
    prefix=st.one_of(st.none(), st.builds(Prefix, st.integers(1, 5), st.integers(1, 400), st.floats(0, 1))),
    seed=st.integers(0, 1000),
)
def test_cut_rules(
    max_model_len: int, prompt: int, mean_output: float, limit: Variant, prefix: Prefix | None, seed: int
) -> None:
    drawn = make(
        max_model_len,
        seed,
        count=50,
        prompt=Variant("uniform", {"low": 1, "high": prompt}),
        output=Variant("gamma", {"mean": mean_output, "cv": 1.0}),
        max_tokens=limit,
        prefix=prefix,
    )
    requests = drawn.requests
    assert np.all(requests.output_tokens >= 1)
    assert np.all(requests.output_tokens <= requests.max_tokens)
    fits = requests.prompt_tokens < max_model_len
    assert np.all((requests.prompt_tokens + requests.output_tokens)[fits] <= max_model_len)
    assert 0 <= drawn.cut_outputs <= 50
    blocks = np.diff(requests.prefix_offsets)
    assert np.all(blocks * requests.prefix_block <= requests.prompt_tokens)
    assert len(requests.prefix_ids) == requests.prefix_offsets[-1]
