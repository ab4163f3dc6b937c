"""What the replay of recorded logs found, in every form of output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from paged_sim.wording import printable

from .as_csv import to_csv
from .as_json import to_json
from .blocks import Block, Cell, Grid, Heading, Paragraph, Screen
from .markdown import render_markdown
from .numbers import count, flatten, mean, percent
from .text import render_text

if TYPE_CHECKING:
    from paged_sim.oplog.levels import Levels
    from paged_sim.oplog.occupancy import Contradiction, Replay

_ROWS = 10
_SHOWN = 10
_READ = {
    "step": "A step is read after its last allocation or touch; a peak is that of any moment.",
    "second": "Time counts from the first batch; means are over time.",
    "line": "The events carry no times: each line counts as long as any other.",
}


def replay_data(replays: Sequence[Replay], pages: int | None) -> dict[str, Any]:
    """The documented, versioned JSON: a part per log."""
    return {"version": 1, "pages": pages, "logs": [_log_data(replay, pages) for replay in replays]}


def _log_data(replay: Replay, pages: int | None) -> dict[str, Any]:
    series = _series(replay)
    wrong = replay.contradictions
    return {
        "path": str(replay.path),
        "format": replay.format,
        "axis": replay.axis,
        "begin": replay.origin,
        "length": replay.length,
        **replay.counts,
        **{name.replace(" ", "_"): _level_data(levels, replay, pages) for name, levels in series.items()},
        "sha256": replay.digest.sha256 if replay.digest else None,
        "contradictions": {
            "count": wrong.number,
            "first": [
                {"line": each.line, "at": each.at, "block": each.block, "what": each.what} for each in wrong.first
            ],
        },
        "notes": list(replay.notes),
        "timeline": _timeline(replay),
    }


def _series(replay: Replay) -> dict[str, Levels]:
    """What is counted over time; operations without a hit tell nothing of a cache."""
    if replay.in_use is None:
        return {"cached": replay.cached}
    return {"in use": replay.in_use, **({"cached": replay.cached} if replay.counts["touched"] else {})}


def _level_data(levels: Levels, replay: Replay, pages: int | None) -> dict[str, Any]:
    level = levels.level()
    data: dict[str, Any] = {**level._asdict(), "peak_at": level.peak_at + replay.origin}
    if pages is not None:
        data["mean_share"] = None if level.mean is None else level.mean / pages
        data["peak_share"] = level.peak / pages
    return data


def _timeline(replay: Replay) -> dict[str, Any]:
    series = {name.replace(" ", "_"): levels.bins() for name, levels in _series(replay).items()}
    bins = next(iter(series.values()))
    return {
        "begin": [each.begin + replay.origin for each in bins],
        **{
            name: {"mean": [each.mean for each in found], "peak": [each.peak for each in found]}
            for name, found in series.items()
        },
    }


def replay_blocks(replays: Sequence[Replay], pages: int | None) -> list[Block]:
    """Each log in turn: what it is, blocks held, counts, the course over time, contradictions, notes, digest."""
    return [block for replay in replays for block in _log_blocks(replay, pages)]


def _log_blocks(replay: Replay, pages: int | None) -> list[Block]:
    return [
        Heading(replay.path.name),
        Paragraph(f"{_extent(replay)} {_READ[replay.axis]}"),
        _levels(replay, pages),
        _counts(replay),
        _course(replay, pages),
        *_wrong(replay),
        *([Paragraph("\n".join(replay.notes))] if replay.notes else []),
        *([Paragraph(f"SHA-256 {replay.digest.sha256}")] if replay.digest else []),
    ]


def _extent(replay: Replay) -> str:
    lines = f"{replay.counts['lines']:,}"
    if replay.axis == "step":
        return f"{lines} operations, steps {replay.origin:,} to {replay.origin + replay.length - 1:,}."
    if replay.axis == "second":
        return f"{lines} lines of KV events over {replay.length:,.3f} s."
    return f"{lines} lines of KV events."


def _levels(replay: Replay, pages: int | None) -> Grid:
    header = ("blocks", "mean", "peak", f"at {replay.axis}", "at the end")
    shares = () if pages is None else ("mean share", "peak share")
    rows: list[tuple[Cell, ...]] = []
    for name, levels in _series(replay).items():
        level = levels.level()
        row: tuple[Cell, ...] = (
            name,
            mean(level.mean),
            count(level.peak),
            _at(level.peak_at, replay),
            count(level.end),
        )
        if pages is not None:
            row += (percent(None if level.mean is None else level.mean / pages), percent(level.peak / pages))
        rows.append(row)
    title = "Blocks held" if pages is None else f"Blocks held, and their share of a pool of {pages:,}"
    return Grid(title, header + shares, tuple(rows))


def _at(position: float, replay: Replay) -> str:
    return f"{position:,.3f}" if replay.axis == "second" else f"{position + replay.origin:,.0f}"


def _counts(replay: Replay) -> Grid:
    names = [name for name in replay.counts if name != "lines"]
    return Grid("What happened to blocks", ("", *names), (("blocks", *(count(replay.counts[name]) for name in names)),))


def _course(replay: Replay, pages: int | None) -> Grid:
    series = _series(replay)
    columns = {name: levels.bins(_ROWS) for name, levels in series.items()}
    header: tuple[str, ...] = (f"{replay.axis}s",)
    for name in series:
        header += (f"{name}: mean", "peak")
    if pages is not None:
        header += ("mean share",)
    rows = []
    for index, stretch in enumerate(next(iter(columns.values()))):
        row: tuple[Cell, ...] = (_stretch(stretch.begin, stretch.end, replay),)
        for bins in columns.values():
            row += (mean(bins[index].mean), count(bins[index].peak))
        if pages is not None:
            row += (percent(None if stretch.mean is None else stretch.mean / pages),)
        rows.append(row)
    return Grid("Over time", header, tuple(rows))


def _stretch(begin: float, end: float, replay: Replay) -> str:
    if replay.axis == "second":
        return f"{begin:,.3f} to {end:,.3f}"
    first, last = int(begin) + replay.origin, int(end) + replay.origin - 1
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _wrong(replay: Replay) -> list[Block]:
    wrong = replay.contradictions
    if not wrong.number:
        return [Paragraph("The log does not contradict itself.")]
    lines = [f"Contradictions: {wrong.number:,}"]
    lines.extend(f"{printable(str(replay.path))}:{each.line}: {_where(each, replay)}" for each in wrong.first[:_SHOWN])
    if wrong.number > _SHOWN:
        lines.append(f"and {wrong.number - _SHOWN:,} more")
    return [Paragraph("\n".join(lines), style="red")]


def _where(each: Contradiction, replay: Replay) -> str:
    at = f"{each.at:,.3f} s" if replay.axis == "second" else f"{replay.axis} {each.at:,.0f}"
    return f"{at}: block {each.block} {each.what}"


def _as_csv(replays: Sequence[Replay], pages: int | None, screen: Screen) -> str:
    hidden = ("contradictions", "notes", "timeline")
    rows = []
    for replay in replays:
        data = _log_data(replay, pages)
        shown = flatten({key: value for key, value in data.items() if key not in hidden})
        rows.append({**shown, "contradictions": data["contradictions"]["count"]})
    return to_csv(rows, screen.csv_columns)


REPLAY_FORMATS: dict[str, Callable[[Sequence[Replay], int | None, Screen], str]] = {
    "table": lambda replays, pages, screen: render_text(replay_blocks(replays, pages), screen),
    "json": lambda replays, pages, screen: to_json(replay_data(replays, pages)),
    "csv": lambda replays, pages, screen: _as_csv(replays, pages, screen),
    "markdown": lambda replays, pages, screen: render_markdown(replay_blocks(replays, pages)),
}
