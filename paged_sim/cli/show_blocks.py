"""`paged-sim run --show-blocks`: the memory of small runs, step by step, in place of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paged_sim.cli.destinations import plan
from paged_sim.cli.options import RunOptions, refuse_given
from paged_sim.cli.simulating import load_all


def show_blocks(sources: Sequence[str], options: RunOptions, others: Mapping[str, object]) -> None:
    """Print the memory of small runs. `others` are options of `run` alone, by name, with what they were given.

    Raises click.UsageError where an option would change nothing of this, PagedSimError where a run is too large.
    """
    _refuse_needless(options, others)
    results = plan(options, ("table",))
    scenarios = load_all(sources, options, results)

    from paged_sim.pictures import pictures_of
    from paged_sim.reports.pages import as_pages

    shown = [(scenario.name, pictures_of(scenario)) for scenario in scenarios]
    results.write(lambda shape, screen: "\n\n".join(as_pages(name, pictures, screen) for name, pictures in shown))


def _refuse_needless(options: RunOptions, others: Mapping[str, object]) -> None:
    given = {
        "--format": options.shape not in (None, "table"),
        "--columns": options.columns,
        "--full": options.full,
        "--plot": options.plot,
        "--timeline": options.timeline,
        "--requests": options.requests,
        "--step": options.step is not None,
        "--timings": options.timings,
        "--jobs": options.jobs != 1,
        "--device": options.device,
        **others,
    }
    refuse_given(given, "--show-blocks shows steps and no report")
