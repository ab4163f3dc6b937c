"""What no single key can tell: rules that involve several keys of a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paged_sim.allocators import family_of
from paged_sim.errors import PagedSimError
from paged_sim.scenario.context import Notes, did_you_mean, mistake
from paged_sim.scenario.keys import WORKLOAD
from paged_sim.scenario.mistakes import MOST_SHOWN, UNSOUND
from paged_sim.scenario.models import Scenario, Variant

_TIMED_ARRIVALS = ("poisson", "gamma", "on_off", "every")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the keys of a scenario stand; `label` is the file, for want of a line."""

    notes: Notes
    label: str

    def given(self, path: str) -> bool:
        """Whether the scenario says something at `path`."""
        return self.notes.origins.get(path, "default") != "default"

    def mistake(self, path: str, problem: str) -> PagedSimError:
        """The error for what is wrong at `path`."""
        return mistake(self.where(path), path, problem)

    def where(self, path: str) -> str:
        """The line of `path`, or of the nearest section around it, or the file."""
        while path and self.notes.places.get(path, "default") == "default":
            path = path.rpartition(".")[0]
        return self.notes.places[path] if path else self.label


def crosscheck(scenario: Scenario, places: Places) -> None:
    """Note every rule that `scenario` breaks; of a rule about values that are not sound nothing is said."""
    for rule in _RULES:
        places.notes.mistakes.gather(rule(scenario, places))


def clock_needed(where: str, path: str, what: str) -> PagedSimError:
    """The error for `what` ("requests arrive") happening in time while the scenario's clock only counts steps."""
    advice = "add a clock, for example clock: {base: 36ms, per_sequence: 0.29ms}, or let them wait from the start"
    return mistake(where, path, f"{what} in time, but clock: step only counts steps; {advice}")


def _check_allocators(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    names = [allocator.name for allocator in scenario.allocators]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield places.mistake(f"allocators.{index}.name", f"{name!r} is the name of two allocators; rename one")
    for index, allocator in enumerate(scenario.allocators):
        if scenario.workload.beam and family_of(allocator).caches:
            problem = "with a prefix cache samples are requests of their own, so beams cannot continue each other"
            yield places.mistake(f"allocators.{index}.prefix_cache", f"{problem}; leave it or workload.beam out")
    if scenario.memory.kind != "pages":
        return
    for allocator in scenario.allocators:
        if not family_of(allocator).paged:
            yield places.mistake("memory.pages", f"{allocator.name} has no pages; give memory in slots or kv_cache")
        if allocator.page_size != scenario.allocators[0].page_size:
            yield places.mistake("memory.pages", "allocators differ in page_size; give memory in slots or kv_cache")


def _check_scheduler(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    tokens, seqs = scenario.scheduler.max_num_batched_tokens, scenario.scheduler.max_num_seqs
    if tokens < seqs:
        given = "max_num_batched_tokens" if places.given("scheduler.max_num_batched_tokens") else "max_num_seqs"
        problem = f"max_num_batched_tokens {tokens} is below max_num_seqs {seqs}; each sequence needs a token a step"
        yield places.mistake(f"scheduler.{given}", f"{problem}, so raise the one or lower the other")
    workload = scenario.workload
    path, samples = ("beam.width", workload.beam.width) if workload.beam else ("samples", workload.samples)
    if samples > seqs:
        problem = f"{samples} sequences of one request never run together with max_num_seqs {seqs}; raise max_num_seqs"
        yield places.mistake(f"workload.{path}", problem)


def _check_source(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    """Exactly one source of requests: a trace, a list, or lengths to draw."""
    workload = scenario.workload
    if workload.trace is not None:
        return
    keys = WORKLOAD.spellings()
    if workload.listed:
        for name, lengths in (("prompt", workload.prompt), ("output", workload.output)):
            if lengths is not None:
                yield places.mistake(
                    f"workload.{name}", "given beside a list of requests, which has its own; remove it"
                )
        return
    for name, value in (("requests", workload.count), ("prompt", workload.prompt), ("output", workload.output)):
        if value is None:
            yield places.mistake(f"workload.{name}", keys[name].missing())


def _check_counts(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    workload = scenario.workload
    count = len(workload.listed) or workload.count or (workload.trace.limit if workload.trace else None)
    for name, lengths in (("prompt", workload.prompt), ("output", workload.output)):
        if count and lengths is not None and lengths.kind == "values" and len(lengths.params["values"]) < count:
            problem = f"{len(lengths.params['values'])} values for {count} requests; give one for each"
            yield places.mistake(f"workload.{name}.values", problem)
    warmup = scenario.measure.warmup_requests
    if count and warmup >= count:
        problem = f"{warmup} of {count} requests would leave nothing to measure; write less than {count}"
        yield places.mistake("measure.warmup_requests", problem)


def _check_length(key: str, lengths: Variant, scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    path, params, longest = f"workload.{key}", lengths.params, scenario.max_model_len
    if lengths.kind == "normal" and params["min"] > params["max"]:
        yield places.mistake(f"{path}.normal", f"min {params['min']} is above max {params['max']}; swap them")
    shortest = {
        "constant": lambda: params["value"],
        "uniform": lambda: params["low"],
        "normal": lambda: params["min"],
        "choice": lambda: min(params["values"]),
        "values": lambda: min(params["values"]),
    }.get(lengths.kind, lambda: 1)()
    prefix = scenario.workload.prefix
    shared = prefix.tokens if key == "prompt" and prefix and prefix.share == 1 else 0
    if shortest + shared + 1 > longest:
        what = f"{key} of {shortest}" + (f" after a prefix of {shared}" if shared else "")
        other = "output" if key == "prompt" else "prompt"
        problem = (
            f"a {what} leaves no room for the {other} in max_model_len {longest}; shorten it or raise max_model_len"
        )
        yield places.mistake(path, problem)


def _check_listed(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    listed = [(f"workload.requests.{index}", each) for index, each in enumerate(scenario.workload.listed)]
    for path, request in listed:
        if request is not UNSOUND and request.max_tokens is not None and request.output > request.max_tokens:
            problem = f"output {request.output} is above its max_tokens {request.max_tokens}; raise the limit"
            yield places.mistake(path, problem)
    timed = next((path for path, request in listed if request.arrival), None)
    if timed and scenario.workload.arrival.kind != "saturated":
        yield places.mistake("workload.arrival", f"given beside the arrival of {timed}; leave one of them out")


def _check_clock(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    workload, clock = scenario.workload, scenario.clock
    if clock.kind == "linear":
        if clock.params["base"] + clock.params["per_sequence"] == 0:
            yield places.mistake("clock", "a step would take no time; give base or per_sequence above 0")
        return
    thinking = workload.arrival.params.get("think", 0) > 0
    timed = workload.arrival.kind in _TIMED_ARRIVALS or thinking
    path = "workload.arrival"
    listed = None if timed else next((index for index, each in enumerate(workload.listed) if each.arrival > 0), None)
    if listed is not None:
        timed, path = True, f"workload.requests.{listed}.arrival"
    if timed:
        yield clock_needed(places.where(path), path, "users think" if thinking else "requests arrive")


def _check_paths(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    names = [allocator.name for allocator in scenario.allocators]
    wrong = [check for check in scenario.checks if check.path.partition(".")[0] not in names]
    for check in wrong[:MOST_SHOWN]:
        name = check.path.partition(".")[0]
        yield mistake(check.where, f"checks.{check.path}", f"no allocator {name!r}; {did_you_mean(name, names)}")
    places.notes.mistakes.count(len(wrong[MOST_SHOWN:]))


def _check_lengths(scenario: Scenario, places: Places) -> Iterator[PagedSimError]:
    for key, lengths in (("prompt", scenario.workload.prompt), ("output", scenario.workload.output)):
        if lengths is not None and lengths is not UNSOUND:
            yield from _check_length(key, lengths, scenario, places)


_RULES = (
    _check_allocators,
    _check_scheduler,
    _check_source,
    _check_counts,
    _check_lengths,
    _check_listed,
    _check_clock,
    _check_paths,
)
