"""The names that other parts of the project know: presets of models and length histograms, formats of traces."""

from __future__ import annotations

from paged_sim.scenario.context import did_you_mean


def is_known(catalogue: str, name: str) -> bool:
    """Whether a name is in `catalogue`; a model's in any case."""
    if catalogue == "model":
        from paged_sim.geometry import find_model

        return find_model(name) is not None
    return name in known_names(catalogue)


def instead(catalogue: str, name: str) -> str:
    """What to write in place of a name that is not in `catalogue`."""
    if catalogue == "model":
        from paged_sim.geometry import model_hint

        return model_hint(name)
    return did_you_mean(name, known_names(catalogue))


def known_names(catalogue: str) -> list[str]:
    """The names in `catalogue`: "model", "histogram" or "trace format"."""
    if catalogue == "model":
        from paged_sim.geometry import hub_ids, model_presets

        return [*model_presets(), *hub_ids()]
    if catalogue == "histogram":
        from paged_sim.workloads import histogram_presets

        return list(histogram_presets())
    assert catalogue == "trace format", catalogue
    from paged_sim.workloads.traces import TRACE_FORMATS

    return ["auto", *TRACE_FORMATS]
