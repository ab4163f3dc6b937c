"""`paged-sim ops`: what the page pool of an engine did, compared and replayed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli import output
from paged_sim.cli.destinations import ResultOptions, check_figures, plan
from paged_sim.cli.options import result_options
from paged_sim.errors import EXIT_ERROR, PagedSimError
from paged_sim.reports.listing import LISTING_FORMATS
from paged_sim.reports.ops_report import REPLAY_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paged_sim.oplog.occupancy import Replay

EXIT_DIFFERENT = 1


@click.group("ops", short_help="Compare and replay operation logs.")
def ops() -> None:
    """Look into operation logs: what the page pool of an engine allocated, touched and freed."""


@ops.command("diff", short_help="Say where two operation logs part.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--context",
    type=click.IntRange(min=0, max=10_000),
    default=3,
    show_default=True,
    metavar="N",
    help="Show N operations before and after the first one that differs.",
)
@result_options(*LISTING_FORMATS)
def diff(first: str, second: str, context: int, **wanted: Any) -> int:
    """Compare the operation logs A and B: the first step and the first block where they part, and who it was for.

    Exit code 0 if the logs are the same, 1 if they differ, 2 on a mistake.
    """
    from paged_sim.oplog.diff import diff_logs
    from paged_sim.reports.ops_difference import describe_difference

    results = plan(ResultOptions(**wanted), LISTING_FORMATS)
    results.refuse_inputs([first, second])
    found = diff_logs(Path(first), Path(second), context)
    results.write(lambda shape, screen: LISTING_FORMATS[shape](describe_difference(found), screen))
    return 0 if found.parting is None else EXIT_DIFFERENT


@ops.command("replay", short_help="Blocks in use over a recorded log.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--pages",
    type=click.IntRange(min=1, max=2**63 - 1),
    metavar="N",
    help="Blocks in the engine's pool, to show shares of it.",
)
@result_options(*REPLAY_FORMATS)
@click.option("--plot", metavar="DIR", help="Also write a figure per FILE to DIR, as PNG and SVG.")
def replay(files: tuple[str, ...], pages: int | None, plot: str | None, **wanted: Any) -> None:
    """Replay each FILE, an operation log or vLLM's KV events as JSON lines, and report the blocks held over time.

    A log that contradicts itself (a block is freed that nobody holds) is reported whole, with exit code 1.
    """
    from paged_sim.oplog.replay import replay_log

    results = plan(ResultOptions(**wanted), REPLAY_FORMATS, folders={"--plot": plot})
    results.refuse_inputs(files)
    check_figures(plot, map(_stem, files), ["blocks-in-use"])
    replays = [replay_log(Path(file)) for file in files]
    _refuse_small_pool(replays, pages)
    if plot is not None:
        _write_plots(replays, pages, Path(plot))
    results.write(lambda shape, screen: REPLAY_FORMATS[shape](replays, pages, screen))
    _raise_if_contradictory(replays)


def _refuse_small_pool(replays: Sequence[Replay], pages: int | None) -> None:
    for each in replays:
        peak = (each.in_use or each.cached).peak
        if pages is not None and peak > pages:
            raise PagedSimError(f"--pages {pages}: {each.path} has {peak} blocks at once; give the size of its pool")


def _write_plots(replays: Sequence[Replay], pages: int | None, folder: Path) -> None:
    from paged_sim.reports.plots import rendered
    from paged_sim.reports.plots.blocks_in_use import draw_blocks_in_use

    folder.mkdir(exist_ok=True)
    stems = output.file_stems([_stem(each.path) for each in replays])
    for each, stem in zip(replays, stems, strict=True):
        for name, content in rendered(f"{stem}-blocks-in-use", partial(draw_blocks_in_use, each, pages)):
            output.write_file(folder / name, content)


def _stem(path: str | Path) -> str:
    """What figures of a log are called."""
    return Path(path).name.partition(".")[0]


def _raise_if_contradictory(replays: Sequence[Replay]) -> None:
    """Raise PagedSimError (exit code 1) if any log cannot be true."""
    if wrong := {each.path: each.contradictions.number for each in replays if each.contradictions.number}:
        listed = ", ".join(f"{path} in {number:,} place{'s' if number > 1 else ''}" for path, number in wrong.items())
        raise PagedSimError(
            f"the log contradicts itself: {listed}; a part of it is missing, or the engine's pool is broken",
            exit_code=EXIT_ERROR,
        )
