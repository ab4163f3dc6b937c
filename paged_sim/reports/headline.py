"""What policies are judged by, a row each: what requests felt, or how many sequences were held, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from paged_sim.result import Entry, Steps, value_at

from .basis import OVER, is_timed, side_of
from .blocks import Block, Cell, Grid
from .numbers import amount, count, duration, mean_spread, percent, percent_spread, seconds, seconds_spread

CAUSES = {
    "fragmentation": "fragmen-\ntation",
    "capacity": "capacity",
    "max_num_seqs": "max num\nseqs",
    "token_budget": "token\nbudget",
    "watermark": "watermark",
    "after_preemption": "after a\npreemption",
}
"""Why a request waits, and how a column of it is headed; all but the first two are rules of the scheduler."""

Column = tuple[str, Callable[[Entry], Cell]]


def headline(runs: Sequence[Entry]) -> list[Block]:
    """What the policies are judged by: what requests felt where they arrive in time, else how many were held."""
    return [_served(runs), *_waited(runs), _memory(runs)] if is_timed(runs) else [held_grid(runs), _cost(runs)]


def _grid(title: str, runs: Sequence[Entry], columns: Sequence[Column]) -> Grid:
    """A row per policy."""
    rows = tuple((str(run["name"]), *(cell(run) for _, cell in columns)) for run in runs)
    return Grid(title, ("policy", *(head for head, _ in columns)), rows, spreads=True)


def _served(runs: Sequence[Entry]) -> Grid:
    columns: list[Column] = [
        *_ended(runs),
        ("req\n/s", lambda run: mean_spread(run, "throughput.requests", value_at(run, "throughput.requests"))),
        ("tokens\n/s", lambda run: count(value_at(run, "throughput.output_tokens"))),
        ("ended\nat", lambda run: seconds_spread(run, "time.end")),
        ("queued\nmean", lambda run: seconds_spread(run, "latency.queue.mean")),
        ("queued\np99", lambda run: seconds(value_at(run, "latency.queue.p99"))),
        ("took\nmean", lambda run: seconds_spread(run, "latency.total.mean")),
        ("took\np99", lambda run: seconds(value_at(run, "latency.total.p99"))),
    ]
    return _grid("What requests felt, over the whole run, in seconds", runs, columns)


def _waited(runs: Sequence[Entry]) -> list[Block]:
    """Why somebody waits: shares of the time, by cause; nothing in a run saved without them."""
    if not any(value_at(run, "waiting.share") for run in runs):
        return []
    causes = [cause for cause in CAUSES if any(value_at(run, f"waiting.share_by.{cause}") for run in runs)]
    columns: list[Column] = [
        ("waits", lambda run: percent_spread(run, "waiting.share", value_at(run, "waiting.share"))),
        *((CAUSES[cause], _share_for(cause)) for cause in causes),
        ("next\nstep", _share_for("step")),
        ("mean\nqueue", lambda run: mean_spread(run, "waiting.all.mean", value_at(run, "waiting.all.mean"))),
        *_repetition(runs),
    ]
    return [_grid("Share of the time in which a request waits, and for what", runs, columns)]


def _share_for(cause: str) -> Callable[[Entry], Cell]:
    return lambda run: percent(value_at(run, f"waiting.share_by.{cause}"))


def _ended(runs: Sequence[Entry]) -> list[Column]:
    """Requests that were served and, last, that were refused if any were."""
    columns: list[Column] = [("finished", lambda run: count(run["requests"]["finished"]))]
    if any(run["requests"]["refused"] for run in runs):
        columns.append(("refused", lambda run: count(run["requests"]["refused"])))
    return columns


def _repetition(runs: Sequence[Entry]) -> list[Column]:
    """How often sequences were preempted, if any was, and the share of all computed tokens that it cost."""
    if not any(run["requests"]["preempted"] for run in runs):
        return []
    return [("preempted\n(computed again)", _preempted)]


def _preempted(run: Entry) -> Cell:
    times, again = run["requests"]["preempted"], value_at(run, "tokens.recomputed_share")
    return f"{count(times)} ({percent(again)})" if times and again is not None else count(times)


def _memory(runs: Sequence[Entry]) -> Grid:
    columns: list[Column] = [
        ("steps", lambda run: count(run["steps"])),
        ("occupancy\nmean", lambda run: percent_spread(run, "occupancy.all.mean", run["occupancy"]["all"]["mean"])),
        ("peak", lambda run: percent(run["occupancy"]["all"]["peak"])),
        ("held\nmean", lambda run: mean_spread(run, "batch.all.mean", run["batch"]["all"]["mean"])),
        ("peak", lambda run: count(run["batch"]["all"]["peak"])),
        *_hit_rate(runs),
        ("one waits\non steps", lambda run: count(value_at(run, "measured.saturated.steps"))),
        ("waste\nthen", lambda run: amount(value_at(run, "waste.saturated.bytes"))),
    ]
    return _grid("Memory, and sequences held, over all steps", runs, columns)


def _hit_rate(runs: Sequence[Entry]) -> list[Column]:
    if not any(value_at(run, "sharing.prefix_cache") for run in runs):
        return []
    path = "sharing.prefix_cache.hit_rate"
    return [("hit\nrate", lambda run: percent_spread(run, path, value_at(run, path)))]


def held_grid(runs: Sequence[Entry]) -> Grid:
    """One row per policy: sequences held, occupancy, fill and waste, all over the same steps."""
    over = side_of(runs)
    columns: list[Column] = [
        ("held\nmean", lambda run: mean_spread(run, f"batch.{over}.mean", run["batch"][over]["mean"])),
        ("held\npeak", lambda run: count(run["batch"][over]["peak"])),
        ("occu-\npancy", lambda run: percent_spread(run, f"occupancy.{over}.mean", run["occupancy"][over]["mean"])),
        ("fill\nmean", lambda run: percent_spread(run, f"fill.{over}.mean", run["fill"][over]["mean"])),
        ("fill at\nfinish", lambda run: percent_spread(run, "fill.at_finish", value_at(run, "fill.at_finish"))),
        *_hit_rate(runs),
        ("waste", lambda run: amount(_waste(run, over))),
    ]
    return _grid(f"Sequences held and use of memory, {OVER[over]}", runs, columns)


def _waste(run: Entry, over: Steps) -> float | None:
    found: float | None = value_at(run, f"waste.{over}.bytes")
    return run["waste"]["bytes"] if found is None and run["over"] == over else found


def _cost(runs: Sequence[Entry]) -> Grid:
    causes = [cause for cause in CAUSES if any(_steps_for(run, cause) for run in runs)]
    columns: list[Column] = [
        ("steps", lambda run: count(run["steps"])),
        ("waits\non", lambda run: count(value_at(run, "measured.saturated.steps"))),
        *(_clocked() if any(value_at(run, "time.unit") == "s" for run in runs) else []),
        _ended(runs)[-1],
        *((CAUSES[cause], _blocked_steps(cause)) for cause in causes),
        *_repetition(runs),
    ]
    return _grid("What it costs: steps, those on which a request waits and by which cause", runs, columns)


def _clocked() -> list[Column]:
    """How long a run with a clock takes, and on how much of that a request waits."""
    return [
        ("done\nafter", lambda run: duration(value_at(run, "time.end"), "s")),
        ("waits\nfor", lambda run: duration(value_at(run, "measured.saturated.time"), "s")),
    ]


def _steps_for(run: Entry, cause: str) -> Any:
    """Steps blocked by a cause; a run saved before the rules were told apart knows only two of them."""
    found = value_at(run, f"blocked_by.{cause}")
    return value_at(run, f"blocked_steps.{cause}") if found is None else found


def _blocked_steps(cause: str) -> Callable[[Entry], Cell]:
    return lambda run: count(_steps_for(run, cause))


def blocked_blocks(runs: Sequence[Entry]) -> list[Block]:
    causes = [cause for cause in CAUSES if any(_steps_for(run, cause) for run in runs)]
    columns: list[Column] = [(CAUSES[cause], _blocked_steps(cause)) for cause in causes]
    return [_grid("Steps on which a request waits, by cause", runs, columns)] if causes else []
