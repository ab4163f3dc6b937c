"""The table of benchmarks, and the columns in which each is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks import (
    allocator_operations,
    bandwidth,
    million,
    peer_comparison,
    scaling,
    startup,
    throughput,
)
from benchmarks.settings import Settings
from benchmarks.timing import Row


class Column(NamedTuple):
    """A column of a table: the key in a row, its heading, and a format for the value over `scale`."""

    key: str
    heading: str
    form: str = ""
    scale: float = 1


class Benchmark(NamedTuple):
    """One benchmark: what it shows, how it is measured, and its table."""

    title: str
    measure: Callable[[Settings], list[Row]]
    columns: tuple[Column, ...]


def _seconds(key: str, heading: str) -> tuple[Column, ...]:
    return (
        Column(key, f"{heading} s", ".3f"),
        Column(f"{key}_min", "min", ".3f"),
        Column(f"{key}_max", "max", ".3f"),
    )


BENCHMARKS = {
    "throughput": Benchmark(
        "Throughput: every token written and checked on one core; no memory; arena beside; all of simulate()",
        throughput.measure,
        (
            Column("policy", "policy"),
            Column("load", "memory"),
            Column("pages", "pages", ",d"),
            Column("batch", "batch", ".0f"),
            Column("tag_rate", "M token-steps/s", ".0f", 1e6),
            *_seconds("tag_seconds", "tag"),
            Column("none_rate", "none M/s", ".0f", 1e6),
            Column("tag_over_none", "tag/none", ".2f"),
            Column("beside_rate", "beside M/s", ".0f", 1e6),
            Column("beside_over_none", "beside/none", ".2f"),
            Column("whole_rate", "whole M/s", ".0f", 1e6),
        ),
    ),
    "million": Benchmark(
        "A million requests: simulate() in a fresh process, and its peak memory beyond the arena",
        million.measure,
        (
            Column("policy", "policy"),
            Column("pages", "pages", ",d"),
            Column("requests", "requests", ",d"),
            Column("token_steps", "M token-steps", ".1f", 1e6),
            *_seconds("simulate_seconds", "simulate"),
            Column("loop_seconds", "loop s", ".3f"),
            Column("draw_seconds", "draw s", ".3f"),
            Column("mebibytes", "MiB", ".0f"),
        ),
    ),
    "scaling": Benchmark(
        "Scaling: time per token-step as requests, arena and queue grow",
        scaling.measure,
        (
            Column("what", "what grows"),
            Column("policy", "policy"),
            Column("size", "to", ",d"),
            Column("token_steps", "M token-steps", ".1f", 1e6),
            *_seconds("seconds", "loop"),
            Column("nanoseconds_per_token_step", "ns/token-step", ".2f"),
            Column("growth", "growth", ".2f"),
        ),
    ),
    "allocators": Benchmark(
        "Allocator operations among many free extents",
        allocator_operations.measure,
        (
            Column("policy", "policy"),
            Column("operation", "operation"),
            Column("free_extents", "free extents", ",d"),
            Column("state_bytes", "state MB", ".1f", 1e6),
            Column("nanoseconds", "ns", ",.0f"),
            Column("nanoseconds_min", "min", ",.0f"),
            Column("nanoseconds_max", "max", ",.0f"),
        ),
    ),
    "bandwidth": Benchmark(
        "The arena's bandwidth beside a plain copy and a plain scatter of the same bytes",
        bandwidth.measure,
        (
            Column("what", "what"),
            Column("run", "tokens a run", ",d"),
            Column("tokens", "tokens", ",d"),
            Column("nanoseconds_per_token", "ns/token", ".2f"),
            Column("gigabytes_per_second", "GB/s", ".2f"),
            Column("of_copy", "x copy", ".2f"),
            Column("of_scatter", "x scatter", ".2f"),
        ),
    ),
    "startup": Benchmark(
        "Start-up: whole processes",
        startup.measure,
        (
            Column("what", "what"),
            *_seconds("seconds", "process"),
            Column("processor_seconds", "processor s", ".3f"),
        ),
    ),
    "peers": Benchmark(
        "Peers: the same job done another way",
        peer_comparison.measure,
        (
            Column("peer", "peer"),
            Column("load", "memory"),
            Column("measured", "measured"),
            Column("seconds", "s", ".3f"),
            Column("rate", "M/s", ".3f", 1e6),
            Column("engine_over_peer", "engine/peer", ",.1f"),
        ),
    ),
}
