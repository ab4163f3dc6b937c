"""`paged-sim explain`: every number a scenario leads to, with its formula and origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from paged_sim.cli import output
from paged_sim.cli.options import format_option, output_option, scenario_options
from paged_sim.reports.listing import LISTING_FORMATS, Listing


@click.command("explain", short_help="Show where every number of a scenario comes from.")
@click.argument("scenario", required=False)
@click.option("--model", metavar="NAME|config.json|all", help="Explain a model alone, or list all that are built in.")
@scenario_options
@format_option(*LISTING_FORMATS)
@output_option
def explain(scenario: str | None, model: str | None, shape: str, **given: Any) -> None:
    """Show every value of SCENARIO with its origin, and every number derived from it with its formula.

    With --model, show the KV bytes of a token of a built-in model, of a Hugging Face config.json, or of all models.
    """
    target = given.pop("output")
    output.check_file(target, "--output")
    if (scenario is None) == (model is None):
        raise click.UsageError("give a SCENARIO or --model NAME, one of them")
    if model is not None and any(value not in (None, ()) for value in given.values()):
        raise click.UsageError("--model stands alone; --set, --seed, --device and --trace belong to a SCENARIO")
    listing = _explain_model(model) if model is not None else _explain_scenario(str(scenario), **given)
    output.emit(LISTING_FORMATS[shape](listing, output.screen_for(target)), target)


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
    from paged_sim.geometry import resolve_model
    from paged_sim.reports.explanation import explain_scenario
    from paged_sim.scenario import load_scenario, resolved
    from paged_sim.simulation import capacity_of

    scenario = load_scenario(source, **given)
    geometry = resolve_model(scenario.model)
    capacity = capacity_of(scenario, geometry)
    return explain_scenario(resolved(scenario), geometry, capacity, typical_demands(scenario, capacity.slots))
