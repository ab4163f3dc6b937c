"""What no single key can tell: rules that involve several keys of a scenario."""

from __future__ import annotations

from paged_sim.errors import PagedSimError
from paged_sim.scenario.context import Notes, did_you_mean, mistake
from paged_sim.scenario.keys import WORKLOAD
from paged_sim.scenario.models import Scenario, Variant, Workload

TIMED_ARRIVALS = ("poisson", "gamma", "on_off", "every")


def crosscheck(scenario: Scenario, notes: Notes, label: str) -> None:
    """Raise PagedSimError for the first rule that `scenario` breaks; `label` is the file for want of a line."""
    place = _Places(notes, label)
    _check_allocators(scenario, place)
    _check_memory(scenario, place)
    _check_steps(scenario, place)
    _check_source(scenario.workload, place)
    _check_lengths(scenario, place)
    _check_listed(scenario, place)
    _check_clock(scenario, place)
    _check_paths(scenario, place)


def clock_needed(where: str, path: str, what: str) -> PagedSimError:
    """The error for `what` happens in time while the scenario's clock only counts steps."""
    advice = "add a clock, for example clock: {base: 36ms, per_sequence: 0.29ms}, or write arrival: saturated"
    return mistake(where, path, f"{what} in time, but clock: step only counts steps; {advice}")


class _Places:
    """Where the keys of a scenario stand, to word a mistake."""

    def __init__(self, notes: Notes, label: str) -> None:
        self._notes = notes
        self._label = label

    def given(self, path: str) -> bool:
        """Whether the scenario has a value at `path` that is not the default."""
        return self._notes.origins.get(path, "default") != "default"

    def where(self, path: str) -> str:
        """The place of `path`, or of the nearest section around it."""
        while path and path not in self._notes.places:
            path = path.rpartition(".")[0]
        return self._notes.places.get(path, self._label) if path else self._label

    def mistake(self, path: str, problem: str) -> PagedSimError:
        """The error for what is wrong at `path`."""
        return mistake(self.where(path), path, problem)


def _check_allocators(scenario: Scenario, place: _Places) -> None:
    names = [allocator.name for allocator in scenario.allocators]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise place.mistake(f"allocators.{index}.name", f"{name!r} is the name of two allocators; rename one")


def _check_memory(scenario: Scenario, place: _Places) -> None:
    if scenario.memory.kind == "pages":
        others = [allocator.name for allocator in scenario.allocators if allocator.policy != "paged"]
        sizes = {allocator.page_size for allocator in scenario.allocators}
        if others:
            raise place.mistake("memory.pages", f"{others[0]} has no pages; give memory in slots or kv_cache")
        if len(sizes) > 1:
            raise place.mistake("memory.pages", "the allocators differ in page_size; give memory in slots or kv_cache")
    if "model" not in scenario.origins or not place.given("model") and scenario.model.kind == "preset":
        return
    ...


def _check_steps(scenario: Scenario, place: _Places) -> None:
    scheduler, clock = scenario.scheduler, scenario.clock
    if scheduler.max_num_batched_tokens < scheduler.max_num_seqs:
        path = "scheduler.max_num_batched_tokens"
        path = path if place.given(path) else "scheduler.max_num_seqs"
        problem = (
            f"max_num_batched_tokens {scheduler.max_num_batched_tokens} is below max_num_seqs {scheduler.max_num_seqs}; "
            "each sequence computes a token a step, so raise the one or lower the other"
        )
        raise place.mistake(path, problem)
    if clock.kind == "linear" and clock.params["base"] + clock.params["per_sequence"] == 0:
        raise place.mistake("clock", "a step would take no time; give base or per_sequence above 0")
