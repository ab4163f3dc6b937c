"""Random small simulations: Hypothesis strategies shared by the engine's tests."""

from __future__ import annotations

from typing import NamedTuple

from helpers import ALL_ROWS, POLICIES, Played, play, requests_of, scenario_of
from hypothesis import strategies as st

from paged_sim.requests import Requests
from paged_sim.scenario.models import AllocatorSpec, ArenaSpec, Measure, Scenario, Scheduler, Variant


class Case(NamedTuple):
    """A scenario of one allocator and the requests to run it over."""

    scenario: Scenario
    requests: Requests

    def play(self, *, eager: bool = False, flush_at: int = 1 << 16, compiled: bool = False) -> Played:
        return play(self.scenario, self.requests, eager=eager, flush_at=flush_at, compiled=compiled)


@st.composite
def scheduler_settings(draw: st.DrawFn) -> Scheduler:
    return Scheduler(
        max_num_seqs=draw(st.sampled_from([1, 2, 5, 256])),
        max_num_batched_tokens=draw(st.sampled_from([1, 3, 16, 64, 8192])),
        prefill=draw(st.sampled_from(["whole", "chunked"])),
        preemption=draw(st.sampled_from(["recompute", "none"])),
        watermark=draw(st.sampled_from([0.0, 0.0, 0.1, 0.4])),
        reserve_full_prompt=draw(st.booleans()),
    )


@st.composite
def small_requests(draw: st.DrawFn, timed: bool, max_model_len: int) -> Requests:
    """Up to 24 requests; a tenth of them too long to be served. With `timed` they arrive over time, or from users."""
    total = draw(st.integers(1, 24))
    longest = st.integers(1, draw(st.sampled_from([4, 20, max_model_len])))
    prompt = draw(st.lists(longest, min_size=total, max_size=total))
    wanted = draw(st.lists(longest, min_size=total, max_size=total))
    # An output is cut so that the sequence fits the model, unless the prompt leaves no room at all.
    output = [min(tokens, max(1, max_model_len - first)) for first, tokens in zip(prompt, wanted, strict=True)]
    spare = draw(st.lists(st.integers(0, 6), min_size=total, max_size=total))
    max_tokens = [tokens + more for tokens, more in zip(output, spare, strict=True)]
    if timed and draw(st.booleans()):
        users = draw(st.integers(1, total))
        return requests_of(prompt, output, max_tokens=max_tokens, users=users, think=draw(st.sampled_from([0.0, 0.5, 9.0])))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.1, 1.0, 30.0]), min_size=total, max_size=total)) if timed else [0.0] * total
    arrival = [sum(gaps[: index + 1]) for index in range(total)]
    return requests_of(prompt, output, max_tokens=max_tokens, arrival=arrival)


@st.composite
def cases(draw: st.DrawFn, specs: tuple[AllocatorSpec, ...] = POLICIES, poison: bool | None = None) -> Case:
    """Any policy under any scheduler over any small workload, every token checked."""
    timed = draw(st.booleans())
    max_model_len = draw(st.sampled_from([8, 30, 64]))
    clock = Variant("linear", {"base": 0.25, "per_sequence": 0.125, "per_prefill_token": 0.5})
    scenario = scenario_of(
        draw(st.sampled_from(specs)),
        slots=draw(st.integers(18, 200)),
        max_model_len=max_model_len,
        scheduler=draw(scheduler_settings()),
        clock=clock if timed else Variant("step"),
        arena=ArenaSpec(device="cpu", check="all", poison=draw(st.booleans()) if poison is None else poison),
        measure=Measure(warmup_requests=draw(st.sampled_from([0, 0, 3])), samples=ALL_ROWS),
    )
    return Case(scenario, draw(small_requests(timed, max_model_len)))
