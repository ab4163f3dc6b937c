"""What there is to know of a family of policies beside its functions: one record, which everybody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from paged_sim.requests import Bools, Ints, Requests

if TYPE_CHECKING:
    from paged_sim.scenario.models import AllocatorSpec


class Demands(NamedTuple):
    """What each request asks of an empty arena, all its samples together.

    The slots that must be free for it to be admitted, those that its tokens need at its end, and whether what it asks
    for can be placed at all.
    """

    asked: Ints
    needed: Ints
    placeable: Bools


class Example(NamedTuple):
    """One request, in tokens, and what a policy wants and holds for it at its end, in slots."""

    prompt: int
    output: int
    max_tokens: int
    stored: int
    max_model_len: int
    wanted: int
    at_end: int


def always_ordered(spec: AllocatorSpec) -> bool:
    """What is shorter needs less."""
    return True


def touches_none(state: Any, requests: Requests) -> int:
    """There are no pages to touch."""
    return 0


def has_no_variants(spec: AllocatorSpec) -> str:
    """One step loop serves all its policies."""
    return ""


def keeps_none(state: Any) -> Mapping[int, int]:
    """No page is kept."""
    return {}


@dataclass(frozen=True, slots=True)
class Family:
    """A family of policies.

    `name`: what the step loop is compiled for. `policy`: its word in a scenario, and the meaning of that. `paged`: it
    hands out pages of `page_size` slots. `caches`: it is the one of its policy that keeps tokens for later requests,
    for which samples are requests of their own. `keys`: the keys of a scenario that are for its policy.

    `state`: the type of its states. `functions`: the module that answers what `paged_sim.allocators` asks of them.
    `create(spec, slots, requests, max_model_len, rows)`: an empty state for at most so many sequences at a time.
    `demands(state, requests, max_model_len)`: what each request asks of an empty arena.
    `settings(spec)`: the settings that a policy uses, for the JSON. `formula(spec, example)`: how what it holds for a
    request comes about, for `explain`.
    `accounts(spec)`: of the accounts that only some policies have slots in, those of this one.
    `ordered(spec)`: whether what is shorter than a demand that fits does so, too.
    `variant(spec)`: what follows its name where the step loop is compiled for some of its policies apart.
    `touched(state, requests)`: how often the sequences of one step can touch pages, at most.
    `kept_pages(state)`: the tokens of each page that nobody holds and that keeps some, for pictures.
    """

    name: str
    policy: str
    meaning: str
    keys: tuple[str, ...]
    state: type
    functions: ModuleType
    create: Callable[[AllocatorSpec, int, Requests, int, int], Any]
    demands: Callable[[Any, Requests, int], Demands]
    settings: Callable[[AllocatorSpec], dict[str, Any]]
    formula: Callable[[AllocatorSpec, Example], str]
    accounts: Callable[[AllocatorSpec], tuple[int, ...]]
    paged: bool = False
    caches: bool = False
    ordered: Callable[[AllocatorSpec], bool] = always_ordered
    variant: Callable[[AllocatorSpec], str] = has_no_variants
    touched: Callable[[Any, Requests], int] = touches_none
    kept_pages: Callable[[Any], Mapping[int, int]] = keeps_none


def longest_of(requests: Requests, max_model_len: int) -> int:
    """The most tokens that any sequence of these requests will store."""
    return int(min(max_model_len, requests.stored_tokens.max(initial=1)))
