"""`paged-sim explain`: every number a scenario leads to, with its formula and origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from paged_sim.cli.destinations import ResultOptions, plan
from paged_sim.cli.options import result_options, scenario_options
from paged_sim.reports.listing import LISTING_FORMATS, Listing


@click.command("explain", short_help="Show where every number of a scenario comes from.")
@click.argument("scenario", required=False)
@click.option("--model", metavar="NAME|config.json|all", help="Explain a model alone, or list all that are built in.")
@scenario_options
@result_options(*LISTING_FORMATS)
def explain(scenario: str | None, model: str | None, shape: str | None, output: tuple[str, ...], **given: Any) -> None:
    """Show every value of SCENARIO with its origin, and every number derived from it with its formula.

    With --model, show the KV bytes of a token of a built-in model, of a Hugging Face config.json, or of all models.
    """
    results = plan(ResultOptions(shape, output), LISTING_FORMATS)
    if (scenario is None) == (model is None):
        raise click.UsageError("give a SCENARIO or --model NAME, one of them")
    if model is not None and any(value not in (None, ()) for value in given.values()):
        raise click.UsageError("--model stands alone; --set, --seed, --device and --trace belong to a SCENARIO")
    listing = _explain_model(model) if model is not None else _explain_scenario(str(scenario), **given)
    results.write(lambda shape, screen: LISTING_FORMATS[shape](listing, screen))


def _explain_model(model: str) -> Listing:
    from paged_sim.geometry import resolve_model
    from paged_sim.geometry.presets import canonical_models
    from paged_sim.reports.explanation import explain_models
    from paged_sim.scenario.models import Variant

    if model == "all":
        return explain_models([resolve_model(Variant("preset", {"preset": name})) for name in canonical_models()])
    if model.endswith(".json"):
        return explain_models([resolve_model(Variant("hf_config", {"path": Path(model)}))])
    return explain_models([resolve_model(Variant("preset", {"preset": model}))])


def _explain_scenario(source: str, **given: Any) -> Listing:
    from paged_sim.cli.demands import typical_demands
    from paged_sim.geometry import resolve_capacity, resolve_model
    from paged_sim.reports.explanation import explain_scenario
    from paged_sim.scenario import load_scenario, resolved
    from paged_sim.simulation import common_page_size

    scenario = load_scenario(source, **given)
    geometry = resolve_model(scenario.model)
    capacity = resolve_capacity(scenario.memory, geometry, page_size=common_page_size(scenario))
    return explain_scenario(resolved(scenario), geometry, capacity, typical_demands(scenario, capacity.slots))
