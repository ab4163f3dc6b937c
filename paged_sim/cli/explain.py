"""`paged-sim explain`: every number a scenario leads to, with its formula and origin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli.destinations import ResultOptions, Results, plan
from paged_sim.cli.options import result_options, scenario_options
from paged_sim.cli.simulating import inputs_of
from paged_sim.errors import PagedSimError
from paged_sim.reports.listing import LISTING_FORMATS, Listing

if TYPE_CHECKING:
    from paged_sim.geometry import Geometry
    from paged_sim.scenario.models import Variant
    from paged_sim.servers.startup_log import StartupLog


@click.command("explain", short_help="Show where every number of a scenario comes from.")
@click.argument("scenario", required=False)
@click.option("--model", metavar="NAME|FILE|DIR|all", help="Explain a model alone, or list all that are built in.")
@click.option("--kv-dtype", metavar="TYPE", help="Element type of the KV cache in place of the model's own.")
@click.option("--tensor-parallel", type=click.IntRange(min=1), metavar="N", help="GPUs that share the KV heads.")
@click.option("--log", metavar="FILE", help="Show what a server's start-up log says, with --model beside estimates.")
@scenario_options
@result_options(*LISTING_FORMATS)
def explain(
    scenario: str | None, model: str | None, log: str | None, shape: str | None, output: tuple[str, ...], **given: Any
) -> None:
    """Show every value of SCENARIO with its origin, and every number derived from it with its formula.

    With --model, show the KV bytes of a token of a built-in model (by its name or Hub id), of a Hugging Face
    config.json or the folder with it, or of all models. With --log, show what a start-up log of vLLM, SGLang or
    TensorRT-LLM says, and what would have been estimated.
    """
    results = plan(ResultOptions(shape, output), LISTING_FORMATS)
    results.refuse_inputs(path for path in (scenario, log, model, f"{model}/config.json", given["trace"]) if path)
    of_model = {key: value for key in ("kv_dtype", "tensor_parallel") if (value := given.pop(key)) is not None}
    if (scenario is None) == (model is None and log is None):
        raise click.UsageError("give a SCENARIO, --model NAME or --log FILE")
    if scenario is None and any(value not in (None, ()) for value in given.values()):
        alone = "--model" if log is None else "--log"
        raise click.UsageError(f"{alone} stands alone; --set, --seed, --device and --trace belong to a SCENARIO")
    if log is not None:
        listing = _explain_log(Path(log), model, of_model)
    elif model is not None:
        listing = _explain_model(model, of_model)
    else:
        given["overrides"] += tuple(f"model.{key}={value}" for key, value in of_model.items())
        listing = _explain_scenario(str(scenario), results, **given)
    results.write(lambda shape, screen: LISTING_FORMATS[shape](listing, screen))


def _explain_model(model: str, params: Mapping[str, Any]) -> Listing:
    from paged_sim.geometry import resolve_model
    from paged_sim.geometry.presets import canonical_models
    from paged_sim.reports.explanation import explain_models

    names = canonical_models() if model == "all" else [model]
    return explain_models([resolve_model(_named(name, params)) for name in names])


def _named(model: str, params: Mapping[str, Any]) -> Variant:
    """The model that NAME, FILE or DIR says: a path that is there, unless it is the plain name of a preset."""
    from paged_sim.geometry import find_model
    from paged_sim.scenario.models import Variant

    path = Path(model)
    known = find_model(model) is not None and not model.startswith((".", "/"))
    if model.endswith(".json") or (path.exists() and (not known or (path / "config.json").is_file())):
        return Variant("hf_config", {"path": path, **params})
    if model.startswith((".", "/")):
        raise PagedSimError(f"--model {model}: no such file or folder; give a config.json, or the folder of a model")
    return Variant("preset", {"preset": model, **params})


def _explain_log(path: Path, model: str | None, params: Mapping[str, Any]) -> Listing:
    from paged_sim.geometry import Batch
    from paged_sim.geometry.measured import beside
    from paged_sim.reports.explanation import explain_log
    from paged_sim.servers.startup_log import read_startup_log

    log = read_startup_log(path)
    geometry = _served_model(log, model, params)
    return explain_log(log, beside(log, geometry, Batch()), geometry.name if geometry else None)


def _served_model(log: StartupLog, model: str | None, params: Mapping[str, Any]) -> Geometry | None:
    """The model that a server served: as --model names it, else by the name in its log where that is a built-in one."""
    from paged_sim.errors import PagedSimError
    from paged_sim.geometry import find_model, resolve_model

    of_log = {"tensor_parallel": log.number("tensor_parallel") or 1, "kv_dtype": log.text("kv_dtype"), **params}
    if model is not None:
        return resolve_model(_named(model, of_log))
    name = find_model(log.text("model") or "")
    try:
        return resolve_model(_named(name, of_log)) if name else None
    except PagedSimError:  # an element type of its own, or heads that this number of GPUs cannot share
        return None


def _explain_scenario(source: str, results: Results, **given: Any) -> Listing:
    from paged_sim.cli.demands import typical_demands
    from paged_sim.geometry import resolve_model
    from paged_sim.reports.explanation import explain_scenario
    from paged_sim.scenario import load_scenario, resolved
    from paged_sim.simulation import capacity_of

    scenario = load_scenario(source, **given)
    results.refuse_inputs(inputs_of(scenario))
    geometry = resolve_model(scenario.model)
    capacity = capacity_of(scenario, geometry)
    return explain_scenario(resolved(scenario), geometry, capacity, typical_demands(scenario, capacity.slots))
