"""What families and placements define is what they are asked, and what they lack is answered once."""

from __future__ import annotations

import inspect
from types import FunctionType, ModuleType

import pytest

from paged_sim import allocators
from paged_sim.allocators import FAMILIES, absent, placement
from paged_sim.allocators.placement import PLACEMENTS
from paged_sim.allocators.placements import apart, extents

CORE = {
    *("want", "footprint", "fits", "take", "grow", "release", "locate", "beyond"),
    *("free_slots", "largest", "capacity", "is_new", "layout"),
}
HELPERS = {"create", "find", "note", "forget", "compiled_with"}


def functions_of(module: ModuleType) -> dict[str, FunctionType]:
    """The functions that a module defines itself."""
    found = {name: value for name, value in vars(module).items() if isinstance(value, FunctionType)}
    return {name: value for name, value in found.items() if value.__module__ == module.__name__}


ASKED = {name: value for name, value in functions_of(allocators).items() if name in allocators.__all__}


def parameters(function: FunctionType) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_core_and_the_abilities_are_all_that_is_asked() -> None:
    assert set(ASKED) == CORE | set(functions_of(absent))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_answers_the_core_itself(family: allocators.families.Family) -> None:
    for name, function in ASKED.items():
        answer = getattr(family.functions, name)
        assert parameters(answer) == parameters(function), name
        assert (answer.__module__ == absent.__name__) <= (name not in CORE), name


@pytest.mark.parametrize("word", PLACEMENTS)
def test_a_placement_answers_all_that_it_is_asked(word: str) -> None:
    asked = {name: value for name, value in functions_of(placement).items() if name not in HELPERS}
    for name, function in asked.items():
        assert parameters(getattr(PLACEMENTS[word].functions, name)) == parameters(function), name


def test_what_placements_need_not_say_is_asked() -> None:
    asked = set(functions_of(placement))
    assert set(functions_of(apart)) <= asked
    assert set(functions_of(extents)) - asked == {"add_extent", "drop_extent", "take_front"}
