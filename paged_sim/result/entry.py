"""The JSON of a run as types: what the engine makes, reports and checks read, and a saved run is validated by.

Keys of a base class have been there from the first version on; those of a class with `total=False` may be absent. None
stands where there is nothing to measure: a mean over no steps, the page size of a policy without pages. A key here is a
row of "The JSON of a run" in docs/cli.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from . import rules

Steps = Literal["saturated", "all"]
"""What means are over: the steps on which a request waits, or all."""

Number = float | None
Size = Annotated[int, rules.above_zero]
Row = Annotated[dict[str, float], rules.row_of_the_ledger]
"""The ledger at one step, in slots, and what is booked beside it."""


class Statistics(TypedDict):
    """A series over the steps of one side."""

    mean: Number
    peak: Number
    p50: Number
    p99: Number


class _Series(TypedDict):
    mean: Number
    saturated: Statistics
    all: Statistics


class Series(_Series, total=False):
    """A series over the steps that count, and over each side."""

    peak: Number


class Fill(Series, total=False):
    """Tokens stored / slots held, over time and as sequences ended."""

    at_finish: Number


class Waiting(Series, total=False):
    """The queue over time; the share of the time in which anybody waits, and for what."""

    share: Number
    share_by: dict[str, Number]


class Behind(TypedDict):
    """What is behind the means of one side."""

    steps: int
    time: float


class Measured(TypedDict):
    """What is behind the means of each side."""

    saturated: Behind
    all: Behind


Accounts = Annotated[dict[str, Statistics], rules.accounts_of_an_arena]


class Ledger(TypedDict):
    """Every account's share of the arena, by side."""

    saturated: Accounts
    all: Accounts


class PaperView(TypedDict):
    """The segments of PagedAttention's Fig. 2."""

    token_state: Number
    reservation: Number
    internal: Number
    external_and_others: Number


class Lost(TypedDict):
    """Mean share of the lost accounts, and the bytes that is."""

    share: Number
    bytes: Number


class Waste(Lost, total=False):
    """The same over the steps that count, and over each side."""

    saturated: Lost
    all: Lost


class ByLabel(TypedDict):
    """Steps or preemptions, by what they are for want of."""

    fragmentation: int
    capacity: int
    policy: int


class Requests(TypedDict):
    """What became of the requests; `preempted` counts events."""

    finished: int
    refused: int
    preempted: int


class _Refusal(TypedDict):
    reason: str
    label: str
    count: int
    first: int


class Refusal(_Refusal, total=False):
    """Requests that were refused for one reason, and the number of the first of them."""

    key: str


class Times(TypedDict):
    """When the last request ended and when the last one came."""

    end: float
    last_arrival: float
    unit: Literal["s", "steps"]


class Throughput(TypedDict):
    """Of the finished requests, for each second or step of the run."""

    requests: Number
    output_tokens: Number


class Quantiles(TypedDict):
    """A time over the finished requests."""

    mean: Number
    p50: Number
    p90: Number
    p99: Number
    max: Number


class Latency(TypedDict):
    """From arrival until a request is admitted, has its first token, and is done."""

    queue: Quantiles
    first_token: Quantiles
    total: Quantiles


class Tokens(TypedDict):
    """Tokens computed, and those that were again after a preemption."""

    computed: int
    recomputed: int
    recomputed_share: Number


class _Capacity(TypedDict):
    slots: Size
    bytes: Size
    bytes_per_slot: Size


class Capacity(_Capacity, total=False):
    """The size of the arena."""

    page_size: Size | None
    pages: int | None


class Pages(TypedDict):
    """Pages handed out, and copies made on write."""

    mean: Number
    allocated_peak: int | None
    cow_copies: int


class PrefixCache(TypedDict):
    """Tokens that requests asked a prefix cache for, and those it had."""

    requests: int
    query_tokens: int
    hit_tokens: int
    hit_rate: Number
    preempted_requests: int
    preempted_query_tokens: int
    preempted_hit_tokens: int
    beyond_whole_pages: int


class _Sharing(TypedDict):
    logical_tokens_mean: float
    physical_tokens_mean: float
    pages_saved_fraction: float


class Sharing(_Sharing, total=False):
    """What sharing spares."""

    prefix_cache: PrefixCache | None


class ExternalIndex(TypedDict):
    """1 - largest allocatable / free."""

    mean: Number


class FirstCorrupt(TypedDict):
    """The first token that was read back wrong."""

    slot: int
    generation: int
    position: int


class _Arena(TypedDict):
    device: str
    payload: Annotated[str, rules.payload]
    tokens_written: int
    tokens_checked: int
    corrupt: int
    touched_bytes: int | None
    resident_bytes: int | None


class Arena(_Arena, total=False):
    """What the arena did and holds."""

    bytes: int
    tokens_copied: int
    tokens_discarded: int
    first_corrupt: FirstCorrupt | None
    hash: str


class Timings(TypedDict):
    """How long it took, which is never the same."""

    wall_seconds: float


class _Measurements(TypedDict):
    over: Steps
    steps: int
    token_steps: int
    requests: Requests
    batch: Series
    occupancy: Series
    fill: Fill
    pages: Pages
    ledger: Ledger
    paper_view: PaperView
    waste: Waste
    blocked_steps: ByLabel
    preemptions: ByLabel
    sharing: Sharing


class Measurements(_Measurements, total=False):
    """What the steps of one policy came to."""

    measured: Measured
    waiting: Waiting
    held: Series
    blocked_by: dict[str, int]
    external_index: ExternalIndex


class Felt(TypedDict, total=False):
    """What its requests felt."""

    time: Times
    throughput: Throughput
    latency: Latency
    tokens: Tokens


class _OfSeed(Measurements, Felt):
    arena: Arena


class OfSeed(_OfSeed, total=False):
    """What is measured in each seed."""

    refusals: list[Refusal]


class _Entry(OfSeed):
    name: str
    policy: dict[str, str | int | bool | None]
    seeds: Annotated[list[int], rules.not_empty]
    capacity: Capacity


class Entry(_Entry, total=False):
    """One policy's part of a run."""

    spread: dict[str, Number] | None
    notes: list[str]
    timings: Timings | None
    booking: list[str]
    at_step: Row | None
    at_steps: list[Row]


class _Verdict(TypedDict):
    path: str
    expression: str
    value: Number
    passed: bool | None
    where: str


class Verdict(_Verdict, total=False):
    """What became of one check."""

    level: str
    spread: Number
    baseline: Number
    reason: str


class Named(TypedDict):
    """A thing with a name, such as an allocator, and with other settings."""

    name: str


class ResolvedScenario(Named, total=False):
    """The resolved scenario, as far as anything reads it but to show it."""

    allocators: Annotated[list[Named], rules.named_differently]
    origins: dict[str, str]
    checks: dict[str, Any] | None
    workload: dict[str, Any]


class _Document(TypedDict):
    version: int
    scenario: ResolvedScenario
    runs: Annotated[list[Entry], rules.not_empty, rules.named_differently]


class Document(_Document, total=False):
    """A run: the scenario, its policies and, where asked for, verdicts and timelines."""

    checks: list[Verdict]
    timelines: dict[str, Any]
