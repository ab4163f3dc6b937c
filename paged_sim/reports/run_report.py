"""The report of one run, as blocks: the verdict, what was felt or held, where the bytes went, what to believe.

What a reader needs to decide comes first and fits a screen; `full` adds every other table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from paged_sim.result import Document, Entry, Steps, Verdict, mean_share, value_at

from .at_step import account_cell, at_step_blocks
from .basis import OVER, is_timed, side_of
from .blocks import Bars, Block, Cell, Grid, Heading, Paragraph, Styled
from .findings import WORD_STYLES, word_of
from .numbers import (
    MISSING,
    amount,
    count,
    duration,
    mean_spread,
    percent,
    percent_spread,
    seconds,
    seconds_spread,
)
from .palette import LOOKS
from .paper_view import paper_view_grid
from .sharing import sharing_blocks
from .verdict import verdict

CAUSES = {
    "fragmentation": "fragmen-\ntation",
    "capacity": "capacity",
    "max_num_seqs": "max num\nseqs",
    "token_budget": "token\nbudget",
    "watermark": "watermark",
    "after_preemption": "after a\npreemption",
}
"""Why a request waits, and how a column of it is headed; all but the first two are rules of the scheduler."""
LABELS = ("fragmentation", "capacity", "policy")


def run_blocks(document: Document, *, full: bool = False) -> list[Block]:
    """Every part of the table report of one run, all its tables if `full`; parts with nothing to say are left out."""
    runs: Sequence[Entry] = document["runs"]
    return [
        Heading(str(document["scenario"]["name"]), setting(runs)),
        *verdict_blocks(document),
        *_booking(runs),
        *headline(runs),
        *ledger_blocks(runs, table=full),
        *(details(document) if full else []),
        *_paper_view(document, full),
        *at_step_blocks(runs),
        *_first_corrupt(runs),
        *_checks(document),
        *_notes(runs),
    ]


def verdict_blocks(document: Document) -> list[Block]:
    """The verdict: its sentences below each other."""
    return [Paragraph("\n".join(verdict(document)), style="bold green")]


def details(document: Document) -> list[Block]:
    """The tables that only a full report has."""
    runs: Sequence[Entry] = document["runs"]
    return [
        *_latencies(runs),
        *(_blocked(runs) if is_timed(runs) else []),
        *_preemptions(runs),
        *_refusals(runs),
        *sharing_blocks(runs),
        *_arena(runs),
    ]


def setting(runs: Sequence[Entry]) -> str:
    """What was simulated."""
    capacity, seeds = runs[0]["capacity"], runs[0]["seeds"]
    several = f"seeds {seeds[0]}..{seeds[-1]}: mean ±standard deviation; counts are sums over them"
    seeding = f"seed {seeds[0]}" if len(seeds) == 1 else several
    return (
        f"{amount(capacity['bytes'])} of KV cache, {count(capacity['slots'])} slots of "
        f"{amount(capacity['bytes_per_slot'])}; {seeding}"
    )


def headline(runs: Sequence[Entry]) -> list[Block]:
    """What the policies are judged by: what requests felt where they arrive in time, else how many were held."""
    return [_served(runs), *_waited(runs), _memory(runs)] if is_timed(runs) else [held_grid(runs), _cost(runs)]


Column = tuple[str, Callable[[Entry], Cell]]


def _grid(title: str, runs: Sequence[Entry], columns: Sequence[Column]) -> Grid:
    """A row per policy."""
    rows = tuple((str(run["name"]), *(cell(run) for _, cell in columns)) for run in runs)
    return Grid(title, ("policy", *(head for head, _ in columns)), rows, spreads=True)


# Arrivals in time.


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


# Everything queued from the start.


def held_grid(runs: Sequence[Entry]) -> Grid:
    """One row per policy: sequences held, occupancy, fill and waste, all over the same steps."""
    over = side_of(runs)
    columns: list[Column] = [
        ("held\nmean", lambda run: mean_spread(run, f"batch.{over}.mean", run["batch"][over]["mean"])),
        ("held\npeak", lambda run: count(run["batch"][over]["peak"])),
        ("occu-\npancy", lambda run: percent_spread(run, f"occupancy.{over}.mean", run["occupancy"][over]["mean"])),
        ("fill\nmean", lambda run: percent_spread(run, f"fill.{over}.mean", run["fill"][over]["mean"])),
        ("fill at\nfinish", lambda run: percent_spread(run, "fill.at_finish", run["fill"]["at_finish"])),
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


# Where the bytes went.


def accounts_of(runs: Sequence[Entry], over: Steps) -> list[str]:
    """The accounts that hold anything in any of the runs, in the order of the ledger."""
    return [account for account in LOOKS if any(mean_share(run, over, account) for run in runs)]


def ledger_blocks(runs: Sequence[Entry], *, table: bool = True) -> list[Block]:
    """The ledger as bars and, with `table`, as shares; the accounts sum to the arena."""
    over = side_of(runs)
    accounts = accounts_of(runs, over)
    bars = tuple((run["name"], _bar(run, over, accounts)) for run in runs)
    rows = tuple((account_cell(key), *(percent(mean_share(run, over, key)) for run in runs)) for key in accounts)
    title = f"Where the bytes are, {OVER[over]}"
    numbers = [Grid("", ("account", *(run["name"] for run in runs)), rows)]
    return [Bars(title, bars, legend=not table), *(numbers if table else [])]


def _bar(run: Entry, over: Steps, accounts: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """The shares of a bar, none for a policy without a step."""
    shares = ((account, mean_share(run, over, account)) for account in accounts)
    return tuple((account, share) for account, share in shares if share is not None)


def _paper_view(document: Document, full: bool) -> list[Block]:
    """The paper's segments, where a scenario has published numbers to compare them with, or where all is shown."""
    published = any(".paper_view." in str(path) for path in document["scenario"].get("checks") or ())
    return [paper_view_grid(document["runs"])] if full or published else []


# What only a full report shows.


def _latencies(runs: Sequence[Entry]) -> list[Block]:
    """From arrival to the first admission, the first token and the end, over the requests that finished."""
    names = {"queue": "admitted", "first_token": "first token", "total": "finished"}
    unit = value_at(runs[0], "time.unit")
    if unit is None:
        return []
    rows = tuple(
        (run["name"], label, *(seconds(value_at(run, f"latency.{key}.{part}")) for part in _QUANTILES))
        for run in runs
        for key, label in names.items()
    )
    title = f"From arrival until a request is …, in {'seconds' if unit == 's' else 'steps'}"
    return [Grid(title, ("policy", "until", *_QUANTILES), rows, prose=frozenset({1}))]


_QUANTILES = ("mean", "p50", "p90", "p99", "max")


def _blocked(runs: Sequence[Entry]) -> list[Block]:
    causes = [cause for cause in CAUSES if any(_steps_for(run, cause) for run in runs)]
    columns: list[Column] = [(CAUSES[cause], _blocked_steps(cause)) for cause in causes]
    return [_grid("Steps on which a request waits, by cause", runs, columns)] if causes else []


def _preemptions(runs: Sequence[Entry]) -> list[Block]:
    rows = tuple(
        (run["name"], *(count(value_at(run, f"preemptions.{cause}")) for cause in LABELS))
        for run in runs
        if run["requests"]["preempted"]
    )
    return [Grid("Preemptions by cause", ("policy", *LABELS), rows)] if rows else []


def _refusals(runs: Sequence[Entry]) -> list[Block]:
    rows = tuple(
        (run["name"], count(entry["count"]), str(entry["label"]), str(entry["first"]), str(entry["reason"]))
        for run in runs
        for entry in run.get("refusals") or ()
    )
    header = ("policy", "refused", "cause", "first request", "reason")
    return [Grid("Refused requests", header, rows, prose=frozenset({2, 4}))] if rows else []


def _arena(runs: Sequence[Entry]) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        arena, capacity = run["arena"], run["capacity"]
        corrupt = count(arena["corrupt"])
        paging = f"{count(capacity['pages'])} of {capacity['page_size']}" if capacity.get("pages") else MISSING
        rows.append(
            (
                run["name"],
                paging,
                *(count(arena[key]) for key in ("tokens_written", "tokens_checked")),
                Styled(corrupt, "bold red") if arena["corrupt"] else corrupt,
                *(amount(arena[key]) for key in ("touched_bytes", "resident_bytes")),
            )
        )
    header = ("policy", "pages", "tokens\nwritten", "tokens\nchecked", "corrupt", "touched", "resident")
    return [Paragraph(_payload(runs[0])), Grid("Arena", header, tuple(rows))]


def _payload(run: Entry) -> str:
    payload, device = run["arena"]["payload"], run["arena"]["device"]
    modelled = amount(run["capacity"]["bytes_per_slot"])
    if payload == "none":
        return "Payload none: bookkeeping only, no memory was written and nothing could be checked."
    if payload == "full":
        return f"Arena on {device}, payload full: every token is written at its real size, {modelled} a slot."
    written = "8 B" if payload == "tag" else amount(int(payload))
    return (
        f"Arena on {device}, payload {payload}: {written} a slot is really written and read back; "
        f"bytes elsewhere in this report are modelled at {modelled} a slot."
    )


def _first_corrupt(runs: Sequence[Entry]) -> list[Block]:
    found = [(run["name"], first) for run in runs if (first := run["arena"].get("first_corrupt"))]
    return [
        Paragraph(f"CORRUPT: {name}: {', '.join(f'{key} {value}' for key, value in first.items())}", style="bold red")
        for name, first in found
    ]


def _checks(document: Document) -> list[Block]:
    verdicts: Sequence[Verdict] = document.get("checks") or ()
    rows = tuple(
        (
            Styled(word_of(verdict), WORD_STYLES[word_of(verdict)]),
            str(verdict["path"]),
            str(verdict["expression"]),
            _value(verdict.get("value")),
        )
        for verdict in verdicts
    )
    passed = sum(bool(verdict["passed"]) for verdict in verdicts)
    title = f"Checks: {passed} of {len(rows)} pass"
    return [Grid(title, ("verdict", "number", "expected", "measured"), rows, prose=frozenset({1, 2}))] if rows else []


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else MISSING if value is None else str(value)


def _booking(runs: Sequence[Entry]) -> list[Block]:
    """What the memory of the whole run is booked otherwise than a server would; it is the same for all policies."""
    return [Paragraph(f"Note: {note}.", style="yellow") for note in runs[0].get("booking", ())]


def _notes(runs: Sequence[Entry]) -> list[Block]:
    """Each note once, naming the policies it belongs to unless it belongs to all."""
    owners: dict[str, list[str]] = {}
    for run in runs:
        for note in run.get("notes") or ():
            owners.setdefault(note, []).append(run["name"])
    return [
        Paragraph(f"Note: {note}" if len(names) == len(runs) else f"Note ({', '.join(names)}): {note}", style="yellow")
        for note, names in owners.items()
    ]
