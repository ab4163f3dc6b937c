"""Figures of a run, as PNG and SVG bytes. A new one is a file here and a line in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from .ledger import draw_ledger
from .memory_map import draw_memory_map
from .over_time import draw_over_time
from .page_sizes import draw_page_sizes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from paged_sim.run import Run

PLOTS: dict[str, Callable[[Run], Figure | None]] = {
    "ledger": draw_ledger,
    "over-time": draw_over_time,
    "memory-map": draw_memory_map,
    "page-sizes": draw_page_sizes,
}

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "paged-sim",
    "svg.fonttype": "none",
    "figure.dpi": 100,
}


def draw(run: Run) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, content) of every figure the run has data for; the same run gives the same bytes."""
    for name, plot in PLOTS.items():
        yield from rendered(name, partial(plot, run))


def rendered(name: str, plot: Callable[[], Figure | None]) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, content) of one figure as PNG and SVG, nothing where it is None.

    Draws with Agg in a style of its own: nobody's matplotlib settings and no pyplot state are used or changed.
    """
    import io

    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = plot()
        if figure is None:
            return
        for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            content = io.BytesIO()
            figure.savefig(content, format=suffix, dpi=200, metadata=metadata)
            yield f"{name}.{suffix}", content.getvalue()
