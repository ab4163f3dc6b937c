"""The names that other parts of the project know: presets of models and length histograms, formats of traces."""

from __future__ import annotations


def known_names(catalogue: str) -> list[str]:
    """The names in `catalogue`: "model", "histogram" or "trace format"."""
    if catalogue == "model":
        from paged_sim.geometry import model_presets

        return list(model_presets())
    if catalogue == "histogram":
        from paged_sim.workloads import histogram_presets

        return list(histogram_presets())
    assert catalogue == "trace format", catalogue
    from paged_sim.workloads.traces import TRACE_FORMATS

    return ["auto", *TRACE_FORMATS]
