"""`paged-sim list`, `init` and `schema`: what ships with the package, and a scenario to start from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paged_sim.cli import output
from paged_sim.cli.destinations import ResultOptions, check_name, check_paths, identity, is_there, plan
from paged_sim.cli.options import output_option, result_options
from paged_sim.errors import PagedSimError
from paged_sim.reports.listing import LISTING_FORMATS, Listing, grid_of
from paged_sim.wording import printable

if TYPE_CHECKING:
    from paged_sim.scenario import Builtin

Rows = list[Mapping[str, str]]


def _scenarios() -> Rows:
    from paged_sim.scenario import builtin_scenarios

    return [{"scenario": found.name, "what it shows": found.description} for found in builtin_scenarios()]


def _models() -> Rows:
    from paged_sim.geometry import describe_models

    return [*describe_models()]


def _gpus() -> Rows:
    from paged_sim.geometry import describe_gpus

    return [*describe_gpus()]


def _histograms() -> Rows:
    from paged_sim.workloads import describe_presets

    return [
        {"histogram": name, "mean tokens": f"{mean:,.1f}", "source": source}
        for name, source, mean in describe_presets()
    ]


def _traces() -> Rows:
    from paged_sim.workloads import TRACE_FORMATS

    return [{"trace format": name, "what it holds": text} for name, text in TRACE_FORMATS.items()]


def _policies() -> Rows:
    from paged_sim.allocators import WORDS

    return [
        {"policy": word, "key": key, "meaning": meaning}
        for key, words in WORDS.items()
        if key != "placement"
        for word, meaning in words.items()
    ]


def _placements() -> Rows:
    from paged_sim.allocators import WORDS

    return [{"placement": word, "meaning": meaning} for word, meaning in WORDS["placement"].items()]


TOPICS: dict[str, Callable[[], Rows]] = {
    "scenarios": _scenarios,
    "models": _models,
    "gpus": _gpus,
    "histograms": _histograms,
    "traces": _traces,
    "policies": _policies,
    "placements": _placements,
}
_TITLES = {"gpus": "GPUs", "traces": "Trace formats"}
_PROSE = ("what it shows", "aliases", "source", "what it holds", "meaning", "key")


@click.command("list", short_help="List what is built in: scenarios, models, GPUs, ...")
@click.argument("topics", nargs=-1, type=click.Choice(tuple(TOPICS)), metavar="[TOPIC...]")
@result_options(*LISTING_FORMATS)
def list_(topics: tuple[str, ...], **wanted: Any) -> None:
    """List what is built in: all topics, or those named of scenarios, models, gpus, histograms, traces, policies and
    placements.
    """
    results = plan(ResultOptions(**wanted), LISTING_FORMATS)
    rows = {topic: TOPICS[topic]() for topic in topics or TOPICS}
    listing = Listing(
        [grid_of(_TITLES.get(topic, topic.capitalize()), found, _PROSE) for topic, found in rows.items()], rows
    )
    results.write(lambda shape, screen: LISTING_FORMATS[shape](listing, screen))


@click.command("schema", short_help="Print the JSON Schema of scenario files, for editors.")
@output_option
def schema(**wanted: Any) -> None:
    """Print the JSON Schema of scenario files, with which an editor completes and checks them."""
    from paged_sim.scenario import json_schema

    results = plan(ResultOptions(**wanted), ("json",))
    results.write(lambda shape, screen: json.dumps(json_schema(), indent=2) + "\n")


@click.command("init", short_help="Write a scenario to start from: a built-in one, or that of a server's command.")
@click.argument("name", required=False)
@click.option("--from", "command", metavar="COMMAND|FILE", help="The command that starts a server, or a file with it.")
@click.option("--gpu", metavar="NAME", help="The GPU of that server.")
@click.option("-o", "--output", "target", metavar="DIR|FILE", default=".", help="Where to: a folder or a file.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def init(name: str | None, command: str | None, gpu: str | None, target: str, force: bool) -> None:
    """Copy the built-in scenario NAME, with the trace it reads, to start from; or write the scenario of a server from
    the command that starts it (vLLM, SGLang or TensorRT-LLM).
    """
    if (name is None) == (command is None):
        raise click.UsageError("give the NAME of a built-in scenario, or --from COMMAND")
    if command is None and gpu is not None:
        raise click.UsageError("--gpu belongs to --from")
    files, notes = _copies(str(name), target) if command is None else _from_command(command, gpu, target)
    if command is not None and is_there(command) and identity(command) in map(identity, files):
        raise PagedSimError(f"--output {target}: would overwrite {command}, which is read; choose another")
    if not force and (there := [str(path) for path in files if path.exists()]):
        raise PagedSimError(f"{', '.join(there)} exists already; choose another --output, or overwrite it with --force")
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        output.write_file(path, content)
    click.echo(printable(f"wrote {', '.join(map(str, files))}; try `paged-sim run {next(iter(files))}`"))
    for note in notes:
        click.echo(f"note: {note}")


def _copies(name: str, target: str) -> tuple[dict[Path, bytes], list[str]]:
    """A built-in scenario and the trace it reads, by where they go."""
    found = _find(name)
    path = _path_in(target, found.path.name)
    copies = {path: found.path.read_bytes()}
    if (trace := _trace_of(found)) is not None:
        copies[path.parent / trace.relative_to(found.path.parent)] = trace.read_bytes()
    return copies, []


def _from_command(command: str, gpu: str | None, target: str) -> tuple[dict[Path, bytes], list[str]]:
    """The scenario of a server, by where it goes, and what the user should know of it."""
    from paged_sim.cli.from_command import scenario_text

    text, server, notes = scenario_text(command, gpu)
    model = re.sub(r"[^a-z0-9.]+", "-", Path(server.model).name.lower()).strip("-.")
    return {_path_in(target, f"{model}-{server.engine}.yaml"): text.encode()}, notes


def _path_in(target: str, name: str) -> Path:
    """The file that `-o` means: itself, or `name` in the folder it names."""
    check_name("--output", target)
    path = Path(target) / name if Path(target).is_dir() or target.endswith("/") else Path(target)
    check_paths([("--output", str(path))])
    return path


def _find(name: str) -> Builtin:
    from paged_sim.geometry.choice import unknown_name
    from paged_sim.scenario import builtin_scenarios

    known = {scenario.name: scenario for scenario in builtin_scenarios()}
    if name not in known:
        raise unknown_name("scenario", name, known)
    return known[name]


def _trace_of(found: Builtin) -> Path | None:
    """The trace that a built-in scenario reads, if any."""
    from paged_sim.scenario import load_scenario

    trace = load_scenario(found.path).workload.trace
    return None if trace is None else trace.path
