"""`paged-sim explain`: every number a scenario leads to, with its formula and origin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli.destinations import ResultOptions, plan
from paged_sim.cli.options import result_options, scenario_options
from paged_sim.reports.listing import LISTING_FORMATS, Listing

if TYPE_CHECKING:
    from paged_sim.geometry import Geometry
    from paged_sim.servers.startup_log import StartupLog


@click.command("explain", short_help="Show where every number of a scenario comes from.")
@click.argument("scenario", required=False)
@click.option("--model", metavar="NAME|config.json|all", help="Explain a model alone, or list all that are built in.")
@click.option("--log", metavar="FILE", help="Show what a server's start-up log says, with --model beside estimates.")
@scenario_options
@result_options(*LISTING_FORMATS)
def explain(
    scenario: str | None, model: str | None, log: str | None, shape: str | None, output: tuple[str, ...], **given: Any
) -> None:
    """Show every value of SCENARIO with its origin, and every number derived from it with its formula.

    With --model, show the KV bytes of a token of a built-in model, of a Hugging Face config.json, or of all models.
    With --log, show what a start-up log of vLLM, SGLang or TensorRT-LLM says, and what would have been estimated.
    """
    results = plan(ResultOptions(shape, output), LISTING_FORMATS)
    if (scenario is None) == (model is None and log is None):
        raise click.UsageError("give a SCENARIO, --model NAME or --log FILE")
    if scenario is None and any(value not in (None, ()) for value in given.values()):
        alone = "--model" if log is None else "--log"
        raise click.UsageError(f"{alone} stands alone; --set, --seed, --device and --trace belong to a SCENARIO")
    if log is not None:
        listing = _explain_log(Path(log), model)
    else:
        listing = _explain_model(model) if model is not None else _explain_scenario(str(scenario), **given)
    results.write(lambda shape, screen: LISTING_FORMATS[shape](listing, screen))


def _explain_log(path: Path, model: str | None) -> Listing:
    from paged_sim.geometry import Batch
    from paged_sim.geometry.measured import beside
    from paged_sim.reports.explanation import explain_log
    from paged_sim.servers.startup_log import read_startup_log

    log = read_startup_log(path)
    geometry = _served_model(log, model)
    return explain_log(log, beside(log, geometry, Batch()), geometry.name if geometry else None)


def _served_model(log: StartupLog, model: str | None) -> Geometry | None:
    """The model that a server served: as --model names it, else by the name in its log where that is a built-in one."""
    from paged_sim.errors import PagedSimError
    from paged_sim.geometry.dtypes import parse_dtype
    from paged_sim.geometry.presets import find_model

    gpus, kv_dtype = log.number("tensor_parallel") or 1, log.text("kv_dtype")
    if model is not None:
        return _geometry_of(model, gpus, kv_dtype)
    name = find_model(log.text("model") or "")
    try:
        return _geometry_of(name, gpus, kv_dtype and parse_dtype(kv_dtype, "")) if name else None
    except PagedSimError:  # an element type of its own, or heads that this number of GPUs cannot share
        return None


def _geometry_of(model: str, gpus: int, kv_dtype: str | None) -> Geometry:
    from paged_sim.geometry import resolve_model
    from paged_sim.scenario.models import Variant

    params = {"tensor_parallel": gpus, "kv_dtype": kv_dtype}
    if model.endswith(".json"):
        return resolve_model(Variant("hf_config", {"path": Path(model), **params}))
    return resolve_model(Variant("preset", {"preset": model, **params}))


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
