"""`paged-sim hitrate`: how often a prefix cache hits, over its capacity."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli import output
from paged_sim.cli.destinations import ResultOptions, check_figures, plan
from paged_sim.cli.options import reading_of, reading_options, result_options
from paged_sim.cli.progress import progress_bar
from paged_sim.hitrate.definitions import DEFINITIONS
from paged_sim.reports.hitrate_report import HITRATE_FORMATS

if TYPE_CHECKING:
    from paged_sim.hitrate.results import HitRates


@click.command("hitrate", short_help="Hit rates of a prefix cache over its capacity.")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option(
    "--capacity",
    metavar="LIST",
    help="Blocks (500, 10k, 2M) or shares of the trace's blocks (10%, 0.1), with commas; infinite is always shown.",
)
@click.option("--policy", metavar="LIST", help="Eviction policies: lru, lfu, fifo, belady; by default all.")
@click.option(
    "--hits", type=click.Choice(list(DEFINITIONS)), default="blocks", show_default=True, help="What a hit rate counts."
)
@reading_options
@result_options(*HITRATE_FORMATS)
@click.option("--plot", metavar="DIR", help="Also write a figure per trace to DIR, as PNG and SVG.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def hitrate(
    traces: tuple[str, ...],
    capacity: str | None,
    policy: str | None,
    hits: str,
    trace_format: str,
    fields: tuple[str, ...],
    time_unit: str | None,
    block_size: int | None,
    tokenizer: str | None,
    plot: str | None,
    quiet: bool,
    **wanted: Any,
) -> None:
    """Replay the block references of each TRACE through prefix caches of several capacities and eviction policies."""
    from paged_sim.hitrate.capacities import DEFAULT_CAPACITIES
    from paged_sim.hitrate.measure import hit_rates

    results = plan(ResultOptions(**wanted), HITRATE_FORMATS, folders={"--plot": plot})
    results.refuse_inputs([*traces, *([tokenizer] if tokenizer else [])])
    check_figures(plot, [Path(trace).name for trace in traces], ["hit-rate"])
    reading = reading_of(fields, time_unit, block_size, tokenizer)
    with progress_bar(quiet) as progress:
        rates = hit_rates(
            [Path(trace) for trace in traces],
            capacities=DEFAULT_CAPACITIES if capacity is None else capacity,
            policies=policy,
            hits=hits,
            trace_format=trace_format,
            reading=reading,
            curves=plot is not None,
            progress=progress,
        )
    if plot is not None:
        _write_plots(rates, Path(plot))
    results.write(lambda shape, screen: HITRATE_FORMATS[shape](rates, screen))


def _write_plots(rates: HitRates, folder: Path) -> None:
    from paged_sim.reports.plots import rendered
    from paged_sim.reports.plots.hit_rate import draw_hit_rate

    folder.mkdir(exist_ok=True)
    stems = output.file_stems([trace.name for trace in rates.traces])
    for trace, stem in zip(rates.traces, stems, strict=True):
        for name, content in rendered(f"{stem}-hit-rate", partial(draw_hit_rate, rates, trace)):
            output.write_file(folder / name, content)
